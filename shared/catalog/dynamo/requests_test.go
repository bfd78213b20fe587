package dynamo_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/catalog/dynamo"
	"salvor.io/salvor/shared/salvor"
)

// TestRequests holds what each call costs in requests, whatever the number of backups.
func TestRequests(t *testing.T) {
	api, table := newTable(t)
	var n counter
	c, uncounted := dynamo.New(&faulty{API: api, before: n.count}, table), dynamo.New(api, table)
	c.Now = func() time.Time { return noon.Add(time.Hour) }
	uncounted.Now = c.Now
	want := func(what string, most int, do func() error) {
		t.Helper()
		n.take()
		if err := do(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if total, each := n.take(); total > most {
			t.Errorf("%s: %d requests, at most %d are needed: %s", what, total, most, each)
		}
	}
	found := func(q catalog.Query, number int) func() error {
		return func() error {
			page, err := c.Search(t.Context(), q)
			if err == nil && len(page.Backups) != number {
				err = fmt.Errorf("found %d, not %d", len(page.Backups), number)
			}
			return err
		}
	}
	b := newBackup("prod", "one", noon)
	want("creating the first backup of a day", 5, func() error { return c.CreateBackup(t.Context(), b) })
	want("creating another", 3, func() error { return c.CreateBackup(t.Context(), newBackup("prod", "two", noon)) })
	want("a second delivery", 1, func() error {
		if err := c.CreateBackup(t.Context(), newBackup("prod", "two", noon)); !salvor.Is(err, salvor.Exists) {
			return fmt.Errorf("got %w", err)
		}
		return nil
	})
	want("renewing a lease", 2, func() error { b.Status.Lease.Epoch++; return c.UpdateBackup(t.Context(), b) })
	want("completing, which gives its ten index items copies", 3+10, func() error { b.Status.Phase = salvor.PhaseCompleted; return c.UpdateBackup(t.Context(), b) })
	want("the newest good one", 1, func() error {
		_, err := c.NewestGood(t.Context(), "prod", "shop", noon.AddDate(9, 0, 0))
		return err
	})
	day := catalog.Query{From: noon.Truncate(24 * time.Hour), To: noon.Truncate(24*time.Hour).AddDate(0, 0, 1)}
	want("a day", 2, found(day, 2))
	berlin := catalog.Query{From: day.From.Add(-time.Hour), To: day.To.Add(-time.Hour)}
	want("a day in Berlin", 3, found(berlin, 2))
	for i := range 3 {
		create(t, c, newBackup("prod", fmt.Sprint("old-", i), noon.AddDate(-3*i-1, 0, 0)))
	}
	for _, q := range []catalog.Query{{}, {From: noon.AddDate(-10, 0, 0)}, {Labels: "!x"}} {
		want("ten years with five backups", 7, found(q, 5))
	}
	for _, q := range []catalog.Query{{Schedule: "nightly"}, {ClusterID: "prod"}, {Namespace: "shop"}, {ClusterID: "prod", Namespace: "bank"}} {
		want("what has a partition of its own", 2, found(q, 5))
	}
	want("a name", 2, found(catalog.Query{Name: "one"}, 1))
	want("nothing", 1, found(catalog.Query{Schedule: "none"}, 0))
	want("a running one", 2, found(catalog.Query{Phases: []salvor.Phase{salvor.PhaseCapturing}, From: day.From, To: day.To}, 1))
	want("completing another", 3+10, func() error {
		_, err := catalog.MutateBackup(t.Context(), uncounted, salvor.BackupID{ClusterID: "prod", Name: "two"}, func(b *salvor.Backup) error {
			b.Status.Phase = salvor.PhaseCompleted
			return nil
		})
		return err
	})
	want("a day of which all have ended", 1, found(day, 2))
	want("a name of one that has ended", 1, found(catalog.Query{Name: "one"}, 1))

	// Of many backups of a day, a search reads those that it returns.
	for i := range 150 {
		create(t, c, newBackup("many", fmt.Sprint("b-", i), noon.Add(time.Duration(i)*time.Second)))
	}
	want("the first of many", 2, found(catalog.Query{From: day.From, To: day.To, Limit: 10}, 10))
	want("many", 3, found(catalog.Query{From: day.From, To: day.To, Limit: 1000}, 152))
	want("few of many", 3, found(catalog.Query{From: day.From, To: day.To, Name: "*-14?"}, 10))
}

// TestDaysAreForgotten deletes all backups of many days: a search over all of them asks for none of them any more.
func TestDaysAreForgotten(t *testing.T) {
	api, table := newTable(t)
	var n counter
	c := dynamo.New(&faulty{API: api, before: n.count}, table)
	now := noon
	c.Now = func() time.Time { return now }
	for i := range 40 {
		create(t, c, newBackup("prod", fmt.Sprint("b-", i), noon.AddDate(0, 0, -i)))
	}
	last := create(t, c, newBackup("prod", "last", noon.AddDate(0, 0, -20))) // A day with two.
	remove := func(i int) {
		t.Helper()
		if err := c.DeleteBackup(t.Context(), salvor.BackupID{ClusterID: "prod", Name: fmt.Sprint("b-", i)}, ""); err != nil {
			t.Fatal(err)
		}
	}
	remove(39) // Too young to be forgotten: somebody may just be putting another backup of that day.
	if days := scan(t, api, table, "days"); !slices.Contains(days, noon.AddDate(0, 0, -39).Format(time.DateOnly)) {
		t.Errorf("a day noted just now was forgotten: %v", days)
	}
	now = now.Add(dynamo.Leftover + time.Minute)
	for i := range 39 {
		remove(i)
	}
	want := []string{noon.AddDate(0, 0, -39).Format(time.DateOnly), noon.AddDate(0, 0, -20).Format(time.DateOnly)}
	if days := scan(t, api, table, "days"); !slices.Equal(days, want) {
		t.Errorf("noted are %v, want %v", days, want)
	}
	n.take()
	page, err := c.Search(t.Context(), catalog.Query{})
	if err != nil || len(page.Backups) != 1 || page.Backups[0].ID() != last.ID() {
		t.Errorf("found %v, %v", page.Backups, err)
	}
	if total, each := n.take(); total > 4 {
		t.Errorf("%d requests: %s", total, each)
	}
	// A day that was forgotten is noted again, although this process noted it not long ago.
	create(t, c, newBackup("prod", "again", noon))
	if page, err := c.Search(t.Context(), catalog.Query{Limit: 1}); err != nil || len(page.Backups) != 1 || page.Backups[0].Name != "again" {
		t.Errorf("a backup of a day that was forgotten is not found: %v, %v", page, err)
	}
}
