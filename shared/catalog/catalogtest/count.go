package catalogtest

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

// wantCount fails the test unless a count of the query between a few bounds is what the truth says.
func wantCount(t *testing.T, c catalog.Backups, truth []*salvor.Backup, q catalog.Query) {
	t.Helper()
	day := noon.Truncate(24 * time.Hour)
	bounds := []time.Time{noon.AddDate(-3, 0, 0), day, noon, noon, noon.Add(1_500), noon.Add(15 * time.Minute), day.AddDate(0, 0, 1), day.AddDate(0, 2, 0)}
	if q.OldestFirst { // On whole quarters of an hour too, which a catalog may have counted before.
		bounds = []time.Time{noon.AddDate(-3, 0, 0), day.Add(-90 * time.Minute), day, noon, noon.Add(15 * time.Minute), day.AddDate(0, 2, 0)}
	}
	want := make([]catalog.Tally, len(bounds)-1)
	for i := range want {
		one := q
		one.From, one.To = bounds[i], bounds[i+1]
		for _, id := range expect(truth, one) {
			n := slices.IndexFunc(truth, func(b *salvor.Backup) bool { return b.ID().String() == id })
			want[i].Add(truth[n].Status.Phase, 1)
		}
	}
	got, err := c.Count(t.Context(), q, bounds)
	if err != nil {
		t.Fatalf("counting %+v: %v", q, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("counting %+v (-want +got):\n%s", q, diff)
	}
}

func countDays(t *testing.T, c catalog.Catalog) {
	zone, err := time.LoadLocation("Asia/Kathmandu") // 5:45 from UTC
	if err != nil {
		t.Fatal(err)
	}
	midnight := func(d int) time.Time { return time.Date(2026, 11, d, 0, 0, 0, 0, zone) }
	create(t, c, newBackup("prod", "a", midnight(3), good("shop"), label("app", "shop")))
	create(t, c, newBackup("prod", "b", midnight(3).Add(-time.Second), phase(salvor.PhaseFailed)))
	create(t, c, newBackup("stage", "c", midnight(4).Add(-time.Second), good("shop")))
	gone := create(t, c, newBackup("prod", "gone", midnight(5), good("shop")))
	bounds := []time.Time{midnight(2), midnight(3), midnight(4), midnight(5), midnight(6)}
	check := func(q catalog.Query, want ...int) {
		t.Helper()
		for range 2 { // The second time from what the first has kept, if anything.
			got, err := c.Count(t.Context(), q, bounds)
			if err != nil {
				t.Fatal(err)
			}
			counts := []int{}
			for _, tally := range got {
				counts = append(counts, tally.Backups)
			}
			if diff := cmp.Diff(want, counts); diff != "" {
				t.Errorf("counting %+v (-want +got):\n%s", q, diff)
			}
		}
	}
	check(catalog.Query{}, 1, 2, 0, 1)
	check(catalog.Query{Phases: []salvor.Phase{salvor.PhaseFailed}}, 1, 0, 0, 0)
	check(catalog.Query{ClusterID: "prod"}, 1, 1, 0, 1)
	check(catalog.Query{Namespace: "shop"}, 0, 2, 0, 1)
	check(catalog.Query{ClusterID: "prod", Namespace: "shop", Phases: []salvor.Phase{salvor.PhaseCompleted}}, 0, 1, 0, 1)
	check(catalog.Query{Labels: "app=shop"}, 0, 1, 0, 0)
	check(catalog.Query{Name: "[bc]"}, 1, 1, 0, 0)
	remove(t, c, gone.ID())
	check(catalog.Query{}, 1, 2, 0, 0)
	mutate(t, c, salvor.BackupID{ClusterID: "prod", Name: "a"}, phase(salvor.PhaseDeleting))
	check(catalog.Query{Phases: []salvor.Phase{salvor.PhaseCompleted}}, 0, 1, 0, 0)
	mutate(t, c, salvor.BackupID{ClusterID: "stage", Name: "c"}, cut(midnight(5)))
	check(catalog.Query{}, 1, 1, 0, 1)
	create(t, c, newBackup("prod", "late", midnight(4)))
	check(catalog.Query{}, 1, 1, 1, 1)
	_, err = c.Count(t.Context(), catalog.Query{}, bounds[:1])
	wantCode(t, "counting between one bound", err, salvor.Invalid)
	_, err = c.Count(t.Context(), catalog.Query{}, []time.Time{noon, noon.Add(-1)})
	wantCode(t, "counting backwards", err, salvor.Invalid)
}

func searchApps(t *testing.T, c catalog.Catalog) {
	create(t, c, newBackup("prod", "shop", noon, good("a"), selects(map[string]string{"app": "shop", "tier": "db"})))
	either := newBackup("prod", "either", noon.Add(-time.Second), good("a"))
	either.Spec.Scope.OrLabelSelectors = []metav1.LabelSelector{
		{MatchLabels: map[string]string{"app": "bank"}},
		{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "app", Operator: metav1.LabelSelectorOpIn, Values: []string{"post", "shop"}}}},
	}
	create(t, c, either)
	create(t, c, newBackup("prod", "all", noon.Add(-2*time.Second), good("a"), label("app", "shop")))
	for app, want := range map[string][]string{"app=shop": {"prod/shop", "prod/either"}, "app=shop,tier=db": {"prod/shop"}, "app=bank": {"prod/either"},
		"app=bank,tier=db": nil, "tier=db": {"prod/shop"}, "app=none": nil} {
		wantSearch(t, c, catalog.Query{App: app}, want...)
		wantSearch(t, c, catalog.Query{App: app, Namespace: "a", OldestFirst: true, Limit: 1}, reversed(want)...)
	}
	_, err := c.Search(t.Context(), catalog.Query{App: "app in (shop)"})
	wantCode(t, "searching an application by a selector", err, salvor.Invalid)
}
