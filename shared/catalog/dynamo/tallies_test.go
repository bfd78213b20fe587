package dynamo_test

import (
	"fmt"
	"testing"
	"time"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/catalog/dynamo"
	"salvor.io/salvor/shared/salvor"
)

// month is the bounds of the days of November in Berlin.
func month(t *testing.T) (bounds []time.Time) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for d := 1; d <= 31; d++ {
		bounds = append(bounds, time.Date(2026, 11, d, 0, 0, 0, 0, berlin))
	}
	return bounds
}

func total(t *testing.T, c catalog.Backups, q catalog.Query) (n int) {
	t.Helper()
	tallies, err := c.Count(t.Context(), q, month(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range tallies {
		n += one.Backups
	}
	return n
}

// TestTallies counts a month of days that are over: the first time each day, from then on by one query, and days that
// were changed meanwhile anew.
func TestTallies(t *testing.T) {
	t.Parallel()
	api, table := newTable(t)
	var n counter
	c := dynamo.New(&faulty{API: api, before: n.count}, table)
	now := noon
	c.Now = func() time.Time { return now }
	for d := range 20 {
		b := newBackup("prod", fmt.Sprint("b-", d), noon.AddDate(0, 0, -d))
		b.Status.Phase = salvor.PhaseCompleted
		create(t, c, b)
	}
	now = noon.AddDate(0, 1, 0)
	want := func(what string, backups, requests int) {
		t.Helper()
		n.take()
		if got := total(t, c, catalog.Query{}); got != backups {
			t.Errorf("%s: counted %d, want %d", what, got, backups)
		}
		if total, each := n.take(); total > requests {
			t.Errorf("%s: %d requests, want at most %d: %s", what, total, requests, each)
		}
	}
	want("the first time", 20, 2+2*20)
	want("empty days are not known to be empty", 20, 2)
	if err := c.DeleteBackup(t.Context(), salvor.BackupID{ClusterID: "prod", Name: "b-3"}, ""); err != nil {
		t.Fatal(err)
	}
	late := newBackup("prod", "late", noon.AddDate(0, 0, -5))
	create(t, c, late)
	want("after a deletion and an import", 20, 2+3)
	want("still changing", 20, 2+3)
	now = now.Add(2 * dynamo.Leftover)
	want("and kept again", 20, 2+2*2)
	want("from what was kept", 20, 2)
	if _, err := catalog.MutateBackup(t.Context(), c, late.ID(), func(b *salvor.Backup) error { b.Status.Phase = salvor.PhaseFailed; return nil }); err != nil {
		t.Fatal(err)
	}
	if failed := total(t, c, catalog.Query{Phases: []salvor.Phase{salvor.PhaseFailed}}); failed != 1 {
		t.Errorf("counted %d Failed", failed)
	}
}

// TestTallyOfAChangingDay lets a writer change a day between the counting of it and the keeping of what was counted, or
// begin before and end after.
func TestTallyOfAChangingDay(t *testing.T) {
	t.Parallel()
	for _, k := range []struct {
		what    string
		request string
		nth     int
	}{{"as soon as the tallies are read", "Query", 1}, {"once the day is counted", "Query", 3}} {
		api, table := newTable(t)
		writer := dynamo.New(api, table)
		now := noon
		writer.Now = func() time.Time { return now }
		create(t, writer, newBackup("prod", "one", noon))
		now = noon.AddDate(0, 1, 0)
		seen := 0
		c := dynamo.New(&faulty{API: api, after: func(name string) error {
			if name == k.request {
				if seen++; seen == k.nth {
					create(t, writer, newBackup("prod", "two", noon))
				}
			}
			return nil
		}}, table)
		c.Now = writer.Now
		total(t, c, catalog.Query{})
		if seen < k.nth {
			t.Fatalf("%s: the writer never came", k.what)
		}
		if got := total(t, writer, catalog.Query{}); got != 2 {
			t.Errorf("%s: counted %d from then on", k.what, got)
		}
	}
}
