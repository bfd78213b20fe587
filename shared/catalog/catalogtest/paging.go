package catalogtest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

func searchCursors(t *testing.T, c catalog.Catalog) {
	for i := range 4 {
		create(t, c, newBackup("prod", fmt.Sprint("b-", i), noon.Add(time.Duration(i)*time.Second), good("shop"), schedule("s"), label("a", "b")))
	}
	base := catalog.Query{From: noon, To: noon.Add(time.Hour), Limit: 1}
	page, err := c.Search(t.Context(), base)
	if err != nil || page.Next == "" {
		t.Fatalf("the first page: next %q, %v", page.Next, err)
	}
	for what, change := range map[string]func(*catalog.Query){
		"another From":      func(q *catalog.Query) { q.From = q.From.Add(1) },
		"no To":             func(q *catalog.Query) { q.To = time.Time{} },
		"another cluster":   func(q *catalog.Query) { q.ClusterID = "prod" },
		"another namespace": func(q *catalog.Query) { q.Namespace = "shop" },
		"another schedule":  func(q *catalog.Query) { q.Schedule = "s" },
		"another name":      func(q *catalog.Query) { q.Name = "*" },
		"other labels":      func(q *catalog.Query) { q.Labels = "a" },
		"another app":       func(q *catalog.Query) { q.App = "a=b" },
		"another order":     func(q *catalog.Query) { q.OldestFirst = true },
		"other phases":      func(q *catalog.Query) { q.Phases = []salvor.Phase{salvor.PhaseCompleted} },
	} {
		q := base
		change(&q)
		q.Cursor = page.Next
		_, err := c.Search(t.Context(), q)
		wantCode(t, what, err, salvor.Invalid)
	}
	same := base
	same.Limit, same.Cursor = 2, page.Next
	same.From = same.From.In(time.FixedZone("CET", 3600)) // The same moment.
	wantSearch(t, c, same, "prod/b-2", "prod/b-1", "prod/b-0")
	for range 2 { // A cursor can be used again.
		again, err := c.Search(t.Context(), same)
		if err != nil || len(again.Backups) != 2 || again.Backups[0].Name != "b-2" {
			t.Errorf("the second page: %+v, %v", again, err)
		}
	}
}

// searchMoves walks a search by pages of 3 while, between any two pages, backups are added and deleted before, at and
// after the place of the cursor. What is there all the time is found exactly once.
func searchMoves(t *testing.T, c catalog.Catalog) {
	at := func(s int) time.Time { return noon.Add(time.Duration(s) * time.Hour) } // 16 h are more than one day
	var want []string
	for i := range 16 {
		create(t, c, newBackup("prod", fmt.Sprintf("stay-%02d", i), at(i), good("shop"), schedule("s")))
		want = append([]string{fmt.Sprintf("prod/stay-%02d", i)}, want...)
	}
	for _, q := range []catalog.Query{{}, {Schedule: "s", Name: "*"}, {ClusterID: "prod", Namespace: "shop"}} {
		q.Limit = 3
		var found []string
		var last *salvor.Backup
		for n := 0; ; n++ {
			page, err := c.Search(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range page.Backups {
				if strings.HasPrefix(b.Name, "stay") {
					found = append(found, b.ID().String())
				}
				last = b
			}
			if page.Next == "" {
				break
			}
			q.Cursor = page.Next
			if strings.HasPrefix(last.Name, "come") {
				remove(t, c, last.ID()) // The cursor's own place.
			}
			for i, date := range []time.Time{at(30), last.Date(), last.Date().Add(-30 * time.Minute), at(-9)} {
				create(t, c, newBackup("prod", fmt.Sprintf("come-%d-%d", n, i), date, good("shop"), schedule("s")))
			}
		}
		if diff := cmp.Diff(want, found); diff != "" {
			t.Errorf("searching %+v while backups come and go (-want +got):\n%s", q, diff)
		}
		for _, id := range search(t, c, catalog.Query{Name: "come-*"}) {
			cluster, name, _ := strings.Cut(id, "/")
			remove(t, c, salvor.BackupID{ClusterID: cluster, Name: name})
		}
	}
}

func searchDateMoves(t *testing.T, c catalog.Catalog) {
	created, cutAt := noon, noon.Add(13*time.Hour) // The cut is on the next day.
	b := create(t, c, newBackup("prod", "one", created, phase(salvor.PhaseQuiescing), holds("shop"), schedule("s")))
	queries := []catalog.Query{{}, {ClusterID: "prod"}, {Namespace: "shop"}, {ClusterID: "prod", Namespace: "shop"}, {Schedule: "s"}, {Name: "one"}, {Name: "o*"}}
	check := func(date, other time.Time) {
		t.Helper()
		for _, q := range queries {
			wantSearch(t, c, q, "prod/one")
			q.From, q.To = date, date.Add(time.Second)
			wantSearch(t, c, q, "prod/one")
			q.From, q.To = other, other.Add(time.Second)
			wantSearch(t, c, q)
		}
	}
	check(created, cutAt) // While it is running, by the date of its creation.
	mutate(t, c, b.ID(), cut(cutAt), phase(salvor.PhaseCapturing))
	check(cutAt, created)
	mutate(t, c, b.ID(), phase(salvor.PhaseCompleted))
	check(cutAt, created)
	mutate(t, c, b.ID(), cut(time.Time{})) // Never happens, and must be right all the same.
	check(created, cutAt)
	remove(t, c, b.ID())
	for _, q := range queries {
		wantSearch(t, c, q)
	}
}

func searchLater(t *testing.T, c catalog.Catalog) {
	b := create(t, c, newBackup("prod", "one", noon))
	wantSearch(t, c, catalog.Query{Namespace: "shop"})
	mutate(t, c, b.ID(), holds("shop"))
	wantSearch(t, c, catalog.Query{Namespace: "shop"}, "prod/one")
	mutate(t, c, b.ID(), holds("shop", "bank", "shop"), schedule("s")) // Named twice, found once.
	wantSearch(t, c, catalog.Query{Namespace: "shop"}, "prod/one")
	wantSearch(t, c, catalog.Query{ClusterID: "prod", Namespace: "bank"}, "prod/one")
	wantSearch(t, c, catalog.Query{Schedule: "s"}, "prod/one")
	mutate(t, c, b.ID(), holds("bank"), schedule(""))
	wantSearch(t, c, catalog.Query{Namespace: "shop"})
	wantSearch(t, c, catalog.Query{ClusterID: "prod", Namespace: "shop"})
	wantSearch(t, c, catalog.Query{Namespace: "bank"}, "prod/one")
	wantSearch(t, c, catalog.Query{Schedule: "s"})
	mutate(t, c, b.ID(), holds("bank", "shop"))
	wantSearch(t, c, catalog.Query{Namespace: "shop"}, "prod/one")
}
