package catalogtest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

func searchFilters(t *testing.T, c catalog.Catalog) {
	hour := func(h int) time.Time { return noon.Add(time.Duration(h) * time.Hour) }
	create(t, c, newBackup("prod", "hourly-1", hour(1), good("shop", "bank"), schedule("hourly"), label("app", "shop")))
	create(t, c, newBackup("prod", "hourly-2", hour(2), phase(salvor.PhaseFailed), holds("shop"), schedule("hourly"), label("app", "shop")))
	create(t, c, newBackup("prod", "manual", hour(3), good("bank"), label("app", "bank")))
	create(t, c, newBackup("stage", "hourly-1", hour(30), good("shop"), schedule("hourly-stage"), label("tier", "test")))
	create(t, c, newBackup("stage", "running", hour(54), phase(salvor.PhaseCapturing)))
	for _, k := range []struct {
		q    catalog.Query
		want []string
	}{
		{catalog.Query{}, []string{"stage/running", "stage/hourly-1", "prod/manual", "prod/hourly-2", "prod/hourly-1"}},
		{catalog.Query{ClusterID: "prod"}, []string{"prod/manual", "prod/hourly-2", "prod/hourly-1"}},
		{catalog.Query{ClusterID: "pro"}, nil},
		{catalog.Query{Namespace: "shop"}, []string{"stage/hourly-1", "prod/hourly-2", "prod/hourly-1"}},
		{catalog.Query{Namespace: "sho"}, nil},
		{catalog.Query{Schedule: "hourly"}, []string{"prod/hourly-2", "prod/hourly-1"}},
		{catalog.Query{Schedule: "daily"}, nil},
		{catalog.Query{Name: "hourly-1"}, []string{"stage/hourly-1", "prod/hourly-1"}},
		{catalog.Query{Name: "hourly-*"}, []string{"stage/hourly-1", "prod/hourly-2", "prod/hourly-1"}},
		{catalog.Query{Labels: "app=shop"}, []string{"prod/hourly-2", "prod/hourly-1"}},
		{catalog.Query{Phases: []salvor.Phase{salvor.PhaseCompleted}}, []string{"stage/hourly-1", "prod/manual", "prod/hourly-1"}},
		{catalog.Query{Phases: []salvor.Phase{salvor.PhaseFailed, salvor.PhaseCapturing}}, []string{"stage/running", "prod/hourly-2"}},
		{catalog.Query{From: hour(3)}, []string{"stage/running", "stage/hourly-1", "prod/manual"}},
		{catalog.Query{To: hour(3)}, []string{"prod/hourly-2", "prod/hourly-1"}},
		{catalog.Query{ClusterID: "prod", Namespace: "shop"}, []string{"prod/hourly-2", "prod/hourly-1"}},
		{catalog.Query{ClusterID: "stage", Namespace: "bank"}, nil},
		{catalog.Query{ClusterID: "prod", Schedule: "hourly-stage"}, nil},
		{catalog.Query{Schedule: "hourly", Namespace: "bank"}, []string{"prod/hourly-1"}},
		{catalog.Query{ClusterID: "prod", Name: "hourly-1"}, []string{"prod/hourly-1"}},
		{catalog.Query{ClusterID: "prod", Name: "{manual,hourly-2}"}, []string{"prod/manual", "prod/hourly-2"}},
		{catalog.Query{Namespace: "shop", Phases: []salvor.Phase{salvor.PhaseCompleted}}, []string{"stage/hourly-1", "prod/hourly-1"}},
		{catalog.Query{Namespace: "shop", Labels: "!tier", From: hour(2), To: hour(31)}, []string{"prod/hourly-2"}},
		{catalog.Query{ClusterID: "prod", Namespace: "bank", Name: "*1", Labels: "app", Schedule: "hourly", From: noon, To: hour(9),
			Phases: []salvor.Phase{salvor.PhaseCompleted, salvor.PhasePartiallyFailed}}, []string{"prod/hourly-1"}},
	} {
		for _, k.q.Limit = range []int{0, 1, 2, 1000} {
			wantSearch(t, c, k.q, k.want...)
		}
	}
}

func searchBounds(t *testing.T, c catalog.Catalog) {
	names := []string{"a", "b", "c"}
	for i, n := range names {
		create(t, c, newBackup("prod", n, noon.Add(time.Duration(i)*time.Second), good("shop"), schedule("hourly")))
	}
	second := func(s float64) time.Time { return noon.Add(time.Duration(s * float64(time.Second))) }
	for _, k := range []struct {
		from, to time.Time
		want     string
	}{
		{second(0), second(2), "b a"}, {second(1), second(1), ""}, {second(1), second(1.000000001), "b"}, {second(0.000000001), second(2), "b"},
		{second(2), time.Time{}, "c"}, {time.Time{}, second(0), ""}, {time.Time{}, second(0.5), "a"}, {second(2.1), time.Time{}, ""},
		{time.Time{}, time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC), "c b a"}, {time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC), second(99), "c b a"},
	} {
		var want []string
		for _, n := range strings.Fields(k.want) {
			want = append(want, "prod/"+n)
		}
		for _, q := range []catalog.Query{{}, {ClusterID: "prod"}, {Namespace: "shop"}, {ClusterID: "prod", Namespace: "shop"}, {Schedule: "hourly"}, {Name: "[abc]"}} {
			q.From, q.To, q.Limit = k.from, k.to, 2
			wantSearch(t, c, q, want...)
			q.OldestFirst = true
			wantSearch(t, c, q, reversed(want)...)
		}
	}
	b := create(t, c, newBackup("prod", "first", time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC)))
	create(t, c, newBackup("prod", "last", time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)))
	wantSearch(t, c, catalog.Query{}, "prod/last", "prod/c", "prod/b", "prod/a", "prod/first")
	wantSearch(t, c, catalog.Query{To: noon}, b.ID().String())
}

func searchOrder(t *testing.T, c catalog.Catalog) {
	// In the order in which they must be found; stored in another.
	want := []string{"b/x", "a/a", "a/a-1", "a/a.b", "a/aa", "a/b", "a-1/a", "a.a/a", "aa/a", "b/a"}
	create(t, c, newBackup("b", "x", noon.Add(time.Second), good("shop"), schedule("s")))
	for _, id := range reversed(want[1:]) {
		cluster, name, _ := strings.Cut(id, "/")
		create(t, c, newBackup(cluster, name, noon, good("shop"), schedule("s")))
	}
	for _, limit := range []int{0, 1, 2, 3, 9, 10, 11} {
		for _, q := range []catalog.Query{{}, {Namespace: "shop"}, {Schedule: "s"}, {Name: "*"}, {Phases: []salvor.Phase{salvor.PhaseCompleted}}} {
			q.Limit = limit
			wantSearch(t, c, q, want...)
			q.OldestFirst = true
			wantSearch(t, c, q, reversed(want)...)
		}
		wantSearch(t, c, catalog.Query{ClusterID: "a", Limit: limit}, want[1:6]...)
		wantSearch(t, c, catalog.Query{ClusterID: "a", Namespace: "shop", Limit: limit}, want[1:6]...)
		wantSearch(t, c, catalog.Query{Name: "a", Limit: limit}, "a/a", "a-1/a", "a.a/a", "aa/a", "b/a")
	}
}

func searchFractions(t *testing.T, c catalog.Catalog) {
	berlin := time.FixedZone("CET", 3600)
	// Kept as noon, since a creation has whole seconds; kept as noon and 2 µs, since a cut has microseconds.
	create(t, c, newBackup("prod", "created", noon.Add(999_999_999), good("shop")))
	create(t, c, newBackup("prod", "cut", noon, cut(noon.Add(2_999)), good("shop")))
	create(t, c, newBackup("prod", "zone", noon, cut(time.Date(2026, 11, 21, 0, 30, 0, 0, berlin)), good("shop")))
	for _, k := range []struct {
		from, to time.Time
		want     string
	}{
		{noon, noon.Add(1), "prod/created"}, {noon, noon.Add(2_000), "prod/created"}, {noon, noon.Add(2_001), "prod/cut prod/created"},
		{noon.Add(1), noon.Add(time.Second), "prod/cut"}, {noon.Add(2_000), noon.Add(time.Second), "prod/cut"}, {noon.Add(2_001), noon.Add(time.Second), ""},
		{time.Date(2026, 11, 20, 23, 0, 0, 0, time.UTC), time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC), "prod/zone"},
		{time.Date(2026, 11, 21, 0, 0, 0, 0, berlin), time.Date(2026, 11, 22, 0, 0, 0, 0, berlin), "prod/zone"},
		{time.Date(2026, 11, 21, 0, 30, 0, 1, berlin), time.Date(2026, 11, 22, 0, 0, 0, 0, berlin), ""},
	} {
		for _, q := range []catalog.Query{{}, {ClusterID: "prod"}, {Namespace: "shop"}} {
			q.From, q.To, q.Limit = k.from, k.to, 1
			wantSearch(t, c, q, strings.Fields(k.want)...)
		}
	}
	for at, want := range map[time.Time]string{
		noon: "created", noon.Add(1_999): "created", noon.Add(2_000): "cut", noon.Add(time.Second): "cut", time.Date(2026, 11, 21, 0, 30, 0, 0, berlin): "zone",
	} {
		wantNewest(t, c, "prod", "shop", at, want)
	}
}

func searchGlobs(t *testing.T, c catalog.Catalog) {
	names := []string{"nightly", "nightly-1", "nightly-2", "nightly-10", "weekly-1", "x.y.z"}
	for i, n := range names {
		create(t, c, newBackup("prod", n, noon.Add(-time.Duration(i)*time.Second)))
	}
	for glob, want := range map[string]string{
		"*": strings.Join(names, " "), "nightly": "nightly", "nightly*": "nightly nightly-1 nightly-2 nightly-10", "nightly-?": "nightly-1 nightly-2",
		"*-1": "nightly-1 weekly-1", "*ly-1*": "nightly-1 nightly-10 weekly-1", "{weekly,nightly}-1": "nightly-1 weekly-1", "nightly-[2-9]": "nightly-2",
		"nightly-[!2-9]": "nightly-1", "x.*.z": "x.y.z", "x?y?z": "x.y.z", "NIGHTLY": "", "ight": "", "": strings.Join(names, " "), `nightly\-1`: "nightly-1",
	} {
		var ids []string
		for _, n := range strings.Fields(want) {
			ids = append(ids, "prod/"+n)
		}
		for _, limit := range []int{1, 3, 100} {
			wantSearch(t, c, catalog.Query{Name: glob, Limit: limit}, ids...)
			wantSearch(t, c, catalog.Query{Name: glob, ClusterID: "prod", Limit: limit}, ids...)
		}
	}
}

func searchLabels(t *testing.T, c catalog.Catalog) {
	create(t, c, newBackup("prod", "a", noon, label("app", "shop"), label("tier", "prod"), label("n", "5")))
	create(t, c, newBackup("prod", "b", noon, label("app", "bank"), label("tier", "test")))
	create(t, c, newBackup("prod", "c", noon))
	for selector, want := range map[string]string{
		"": "a b c", "app=shop": "a", "app==shop": "a", "app!=shop": "b c", "app": "a b", "!app": "c", "app in (shop,bank)": "a b",
		"app notin (shop)": "b c", "n>4": "a", "n<5": "", "app=shop,tier=prod": "a", "app=shop,tier=test": "", "app,tier!=prod": "b", "app=": "",
	} {
		var ids []string
		for _, n := range strings.Fields(want) {
			ids = append(ids, "prod/"+n)
		}
		wantSearch(t, c, catalog.Query{Labels: selector, Limit: 1}, ids...)
		wantSearch(t, c, catalog.Query{Labels: selector}, ids...)
	}
	mutate(t, c, salvor.BackupID{ClusterID: "prod", Name: "c"}, label("app", "shop"))
	wantSearch(t, c, catalog.Query{Labels: "app=shop"}, "prod/a", "prod/c")
}

func searchLimits(t *testing.T, c catalog.Catalog) {
	const all = catalog.DefaultLimit + 5
	for i := range all {
		create(t, c, newBackup("prod", fmt.Sprintf("b-%03d", i), noon, label("parity", []string{"even", "odd"}[i%2])))
	}
	for limit, want := range map[int]int{0: catalog.DefaultLimit, 1: 1, 99: 99, 100: 100, 104: 104, 105: 105, 106: 105, 1000: 105} {
		page, err := c.Search(t.Context(), catalog.Query{Limit: limit})
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Backups) != want || (page.Next == "") != (want == all) {
			t.Errorf("limit %d: %d backups, next %q; want %d", limit, len(page.Backups), page.Next, want)
		}
	}
	for _, limit := range []int{1, 20, 52, 53, 54} {
		if got := search(t, c, catalog.Query{Limit: limit, Labels: "parity=even"}); len(got) != 53 {
			t.Errorf("limit %d: %d of 53 found", limit, len(got))
		}
	}
}

func searchInvalid(t *testing.T, c catalog.Catalog) {
	for what, q := range map[string]catalog.Query{
		"a negative limit":   {Limit: -1},
		"a limit too high":   {Limit: catalog.MaxLimit + 1},
		"a broken selector":  {Labels: "app in (shop"},
		"a broken glob":      {Name: "night[ly"},
		"an unknown phase":   {Phases: []salvor.Phase{"Done"}},
		"From after To":      {From: noon, To: noon.Add(-1)},
		"the year 10000":     {To: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)},
		"a cursor of dust":   {Cursor: "!!!"},
		"a cursor of JSON":   {Cursor: "e30"},
		"a cursor of a list": {Cursor: catalog.ListCursor(salvor.KindRule, "a")},
	} {
		_, err := c.Search(t.Context(), q)
		wantCode(t, "searching with "+what, err, salvor.Invalid)
	}
}

func searchYears(t *testing.T, c catalog.Catalog) {
	create(t, c, newBackup("prod", "old", noon.AddDate(-10, 0, 0)))
	create(t, c, newBackup("prod", "leap", time.Date(2024, 2, 29, 23, 59, 59, 0, time.UTC)))
	create(t, c, newBackup("prod", "new", noon))
	gone := create(t, c, newBackup("prod", "gone", noon.AddDate(-1, 0, 0)))
	remove(t, c, gone.ID())
	for _, limit := range []int{1, 2, 10} {
		wantSearch(t, c, catalog.Query{Limit: limit}, "prod/new", "prod/leap", "prod/old")
		wantSearch(t, c, catalog.Query{From: noon.AddDate(-20, 0, 0), To: noon.AddDate(20, 0, 0), Limit: limit}, "prod/new", "prod/leap", "prod/old")
		wantSearch(t, c, catalog.Query{From: noon.AddDate(-9, 0, 0), To: noon, Limit: limit}, "prod/leap")
		wantSearch(t, c, catalog.Query{From: noon.AddDate(1, 0, 0), Limit: limit})
	}
}
