package dynamo_test

import (
	"errors"
	"testing"
	"time"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/catalog/catalogtest"
	"salvor.io/salvor/shared/catalog/dynamo"
	"salvor.io/salvor/shared/salvor"
)

func completed(name string) *salvor.Backup {
	b := newBackup("prod", name, noon)
	b.Status.Phase = salvor.PhaseCompleted
	return b
}

// TestMend lets the writer die before the index items get copies: a search that may write gives them theirs once no
// writer can rely on the items any more, and reads nothing but the index from then on.
func TestMend(t *testing.T) {
	for _, k := range []struct {
		name     string
		age      time.Duration
		readOnly bool
		requests int
	}{
		{"what a writer may still rely on stays", dynamo.Leftover - time.Minute, false, 2},
		{"what is older gets its copy", dynamo.Leftover + time.Minute, false, 1},
		{"unless the role may only read", dynamo.Leftover + time.Minute, true, 2},
	} {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			api, table := newTable(t)
			f, died := crash(api, 6, false) // get, look for the day, note it, write the index, put; the first copy
			dead := dynamo.New(f, table)
			dead.Now = func() time.Time { return noon }
			create(t, dead, completed("one"))
			if !died() {
				t.Fatal("the writer lived")
			}
			var n counter
			c := dynamo.New(&faulty{API: api, before: n.count}, table)
			c.Now, c.ReadOnly = func() time.Time { return noon.Add(k.age) }, k.readOnly
			day := catalog.Query{From: noon, To: noon.Add(time.Hour)}
			for range 2 {
				n.take()
				if page, err := c.Search(t.Context(), day); err != nil || len(page.Backups) != 1 {
					t.Fatalf("found %v, %v", page.Backups, err)
				}
			}
			if total, each := n.take(); total != k.requests {
				t.Errorf("the second search took %d requests, want %d: %s", total, k.requests, each)
			}
			if err := c.DeleteBackup(t.Context(), completed("one").ID(), ""); err != nil {
				t.Fatal(err)
			}
			catalogtest.Audit(t, c, completed("one").ID())
		})
	}
}

// TestLateCopy lets a writer be slow to give out copies, until another one has changed or deleted the backup.
func TestLateCopy(t *testing.T) {
	id := completed("one").ID()
	for name, meanwhile := range map[string]func(*testing.T, catalog.Catalog) error{
		"changed": func(t *testing.T, c catalog.Catalog) error {
			_, err := catalog.MutateBackup(t.Context(), c, id, func(b *salvor.Backup) error { b.Status.Phase = salvor.PhaseDeleting; return nil })
			return err
		},
		"deleted": func(t *testing.T, c catalog.Catalog) error { return c.DeleteBackup(t.Context(), id, "") },
		"deleted and made again": func(t *testing.T, c catalog.Catalog) error {
			again := newBackup("prod", "one", noon)
			return errors.Join(c.DeleteBackup(t.Context(), id, ""), c.CreateBackup(t.Context(), again))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api, table := newTable(t)
			c := dynamo.New(api, table)
			puts := 0
			slow := dynamo.New(&faulty{API: api, after: func(request string) error {
				if request != "PutItem" {
					return nil
				}
				if puts++; puts == 2 { // the day's note, and the backup itself
					return meanwhile(t, c)
				}
				return nil
			}}, table)
			slow.Now, c.Now = func() time.Time { return noon }, func() time.Time { return noon }
			create(t, slow, completed("one"))
			if puts < 2 {
				t.Fatal("no copies were given out")
			}
			catalogtest.Audit(t, c, id)
		})
	}
}

// TestLateDeletion lets the clock jump between the writing of the index and the deletion: by then a search may have given
// the index items copies again.
func TestLateDeletion(t *testing.T) {
	t.Parallel()
	api, table := newTable(t)
	now := noon
	c := dynamo.New(&faulty{API: api, after: func(name string) error {
		if name == "BatchWriteItem" {
			now = now.Add(dynamo.Patience + time.Second)
		}
		return nil
	}}, table)
	c.Now = func() time.Time { return now }
	b := create(t, dynamo.New(api, table), completed("one"))
	if err := c.DeleteBackup(t.Context(), b.ID(), ""); !salvor.Is(err, salvor.Unavailable) {
		t.Errorf("got %v", err)
	}
	catalogtest.Audit(t, dynamo.New(api, table), b.ID())
}
