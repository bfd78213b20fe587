package catalogtest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

// The small world of the model: few enough values that everything collides with everything.
var (
	clusters   = []string{"a", "a-1", "b"}
	names      = []string{"n", "n-1", "n-2", "m", "n-10"}
	namespaces = []string{"shop", "bank", "post", "a"}
	schedules  = []string{"", "", "hourly", "daily"}
	dates      = []time.Time{noon, noon.Add(1_500), noon.Add(time.Second), noon.Add(12 * time.Hour), noon.AddDate(0, 0, -1), noon.AddDate(-2, 0, 0), noon.AddDate(0, 1, 0)}

	// globs and selectors with what they mean, said without the library that the catalogs use.
	globs = map[string]func(string) bool{
		"n":       func(s string) bool { return s == "n" },
		"n-*":     func(s string) bool { return strings.HasPrefix(s, "n-") },
		"n-?":     func(s string) bool { return s == "n-1" || s == "n-2" },
		"{m,n-1}": func(s string) bool { return s == "m" || s == "n-1" },
	}
	selectors = map[string]func(map[string]string) bool{
		"app=shop":          func(l map[string]string) bool { return l["app"] == "shop" },
		"!app":              func(l map[string]string) bool { _, is := l["app"]; return !is },
		"app in (bank,x)":   func(l map[string]string) bool { return l["app"] == "bank" || l["app"] == "x" },
		"app,tier notin(a)": func(l map[string]string) bool { _, is := l["app"]; return is && l["tier"] != "a" },
	}
)

func one[T any](r *rand.Rand, of []T) T { return of[r.IntN(len(of))] }

// seeded returns a source of randomness, and prints how to get the same one again.
func seeded(t *testing.T) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("CATALOGTEST_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("CATALOGTEST_SEED=%d repeats this", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// scramble changes a few traits of the backup at random.
func scramble(r *rand.Rand, b *salvor.Backup) {
	traits := []change{
		cut(one(r, append(dates, time.Time{}))), phase(one(r, salvor.Phases())), phase(salvor.PhaseCompleted), schedule(one(r, schedules)),
		holds(), holds(one(r, namespaces)), holds(one(r, namespaces), one(r, namespaces)), holds(namespaces...),
		selects(nil), selects(map[string]string{"app": "shop"}), selects(map[string]string{"app": "shop", "tier": "a"}),
		label("app", one(r, []string{"shop", "bank"})), label("tier", one(r, []string{"a", "b"})), func(b *salvor.Backup) { b.Labels = nil },
	}
	for range 1 + r.IntN(4) {
		one(r, traits)(b)
	}
}

// randomQuery returns a query with each condition set now and then.
func randomQuery(r *rand.Rand) catalog.Query {
	q := catalog.Query{Limit: one(r, []int{1, 2, 3, 7, 100})}
	now := func() bool { return r.IntN(4) == 0 }
	if now() {
		q.From = one(r, dates).Add(one(r, []time.Duration{-time.Second, 0, time.Nanosecond, time.Second}))
	}
	if now() {
		q.To = one(r, dates).Add(one(r, []time.Duration{-time.Second, 0, time.Nanosecond, time.Second}))
	}
	if q.From.After(q.To) && !q.To.IsZero() {
		q.From, q.To = q.To, q.From
	}
	if now() {
		q.ClusterID = one(r, clusters)
	}
	if now() {
		q.Namespace = one(r, namespaces)
	}
	if now() {
		q.Schedule = one(r, schedules)
	}
	if now() {
		q.Phases = append(q.Phases, one(r, salvor.Phases()), salvor.PhaseCompleted)[r.IntN(2):]
	}
	for glob := range globs { // The order of a map is not from r: which one is taken is not part of what a seed repeats.
		if now() {
			q.Name = glob
		}
	}
	for selector := range selectors {
		if now() {
			q.Labels = selector
		}
	}
	if now() {
		q.App = one(r, []string{"app=shop", "app=bank", "app=shop,tier=a"})
	}
	q.OldestFirst = now()
	return q
}

// storedDate is the date that is left when the backup is stored: in JSON a creation has whole seconds, a cut microseconds.
func storedDate(b *salvor.Backup) time.Time {
	if b.Status.CutAt.IsZero() {
		return b.Date().Truncate(time.Second)
	}
	return b.Date().Truncate(time.Microsecond)
}

// expect answers the query from the truth, in the plainest way.
func expect(truth []*salvor.Backup, q catalog.Query) []string {
	found := []string{}
	sorted := slices.SortedFunc(slices.Values(truth), func(a, b *salvor.Backup) int {
		return cmp.Or(storedDate(b).Compare(storedDate(a)),
			cmp.Compare(a.Status.ClusterID, b.Status.ClusterID), cmp.Compare(a.Name, b.Name))
	})
	for _, b := range sorted {
		switch date := storedDate(b); {
		case !q.From.IsZero() && date.Before(q.From), !q.To.IsZero() && !date.Before(q.To),
			q.ClusterID != "" && b.Status.ClusterID != q.ClusterID,
			q.Namespace != "" && !slices.Contains(b.Status.Namespaces, q.Namespace),
			q.Schedule != "" && b.Spec.Schedule != q.Schedule,
			len(q.Phases) > 0 && !slices.Contains(q.Phases, b.Status.Phase),
			q.Name != "" && !matchName(q.Name, b.Name),
			q.Labels != "" && !selectors[q.Labels](b.Labels),
			q.App != "" && !madeOf(b, q.App):
		default:
			found = append(found, b.ID().String())
		}
	}
	if q.OldestFirst {
		slices.Reverse(found)
	}
	return found
}

// madeOf reports whether the backup's one selector has all the labels.
func madeOf(b *salvor.Backup, app string) bool {
	for pair := range strings.SplitSeq(app, ",") {
		key, value, _ := strings.Cut(pair, "=")
		if s := b.Spec.Scope.LabelSelector; s == nil || s.MatchLabels[key] != value {
			return false
		}
	}
	return true
}

func matchName(glob, name string) bool {
	if match, ok := globs[glob]; ok {
		return match(name)
	}
	return glob == name
}

// wantTruth fails the test unless n random searches, and every question for a newest good backup, are answered as the
// truth says.
func wantTruth(t *testing.T, c catalog.Backups, truth []*salvor.Backup, r *rand.Rand, n int) {
	t.Helper()
	for i := range n {
		q := catalog.Query{}
		if i > 0 {
			q = randomQuery(r)
		}
		got := []string{}
		for _, b := range searchAll(t, c, q) {
			got = append(got, b.ID().String())
			if n := slices.IndexFunc(truth, func(s *salvor.Backup) bool { return s.ID() == b.ID() }); n >= 0 {
				wantSame(t, "what a search found of "+b.ID().String(), truth[n], b)
			}
		}
		if diff := gocmp.Diff(expect(truth, q), got); diff != "" {
			t.Fatalf("searching %+v (-want +got):\n%s", q, diff)
		}
		wantCount(t, c, truth, q)
	}
	for _, cluster := range clusters {
		for _, ns := range namespaces {
			at := one(r, dates)
			want := append(expect(truth, catalog.Query{ClusterID: cluster, Namespace: ns, To: at.Add(1), Phases: []salvor.Phase{salvor.PhaseCompleted}}), cluster+"/")[0]
			wantNewest(t, c, cluster, ns, at, strings.TrimPrefix(want, cluster+"/"))
		}
	}
}

func modelRandom(t *testing.T, c catalog.Catalog) {
	r := seeded(t)
	model := map[salvor.BackupID]*salvor.Backup{}
	for step := range 100 { // another hundred in each run
		id := salvor.BackupID{ClusterID: one(r, clusters), Name: one(r, names)}
		b, exists := model[id]
		switch op := r.IntN(10); {
		case op < 4 || !exists:
			fresh := newBackup(id.ClusterID, id.Name, one(r, dates))
			scramble(r, fresh)
			if err := c.CreateBackup(t.Context(), fresh); exists {
				wantCode(t, "creating it again", err, salvor.Exists)
			} else if err != nil {
				t.Fatal(err)
			} else {
				model[id] = fresh
			}
		case op < 9:
			scramble(r, b)
			if err := c.UpdateBackup(t.Context(), b); err != nil {
				t.Fatal(err)
			}
		default:
			if err := c.DeleteBackup(t.Context(), id, b.ResourceVersion); err != nil {
				t.Fatal(err)
			}
			delete(model, id)
		}
		if step%10 == 9 {
			wantTruth(t, c, values(model), r, 5)
		}
	}
}

func values(m map[salvor.BackupID]*salvor.Backup) (all []*salvor.Backup) {
	for _, b := range m {
		all = append(all, b)
	}
	return all
}

// modelStorm lets eight workers create, change and delete the same few backups at once. Afterwards searches must tell
// the truth exactly: no update may have taken away what finds the backup as another one left it.
func modelStorm(t *testing.T, c catalog.Catalog) {
	r := seeded(t)
	var wg sync.WaitGroup
	for range 8 {
		r := rand.New(rand.NewPCG(r.Uint64(), 1))
		wg.Go(func() {
			for range 25 {
				if err := storm(t, c, r, salvor.BackupID{ClusterID: "a", Name: one(r, names[:3])}); err != nil {
					t.Errorf("in the storm: %v", err)
				}
			}
		})
	}
	wg.Wait()
	var truth []*salvor.Backup
	for _, name := range names {
		b, err := c.GetBackup(t.Context(), salvor.BackupID{ClusterID: "a", Name: name})
		if err == nil {
			truth = append(truth, b)
		} else if !salvor.Is(err, salvor.NotFound) {
			t.Fatal(err)
		}
	}
	wantTruth(t, c, truth, r, 40)
	if len(truth) == 0 {
		t.Error("the storm left nothing to look at") // It ends with creations far more often than with deletions.
	}
}

func storm(t *testing.T, c catalog.Catalog, r *rand.Rand, id salvor.BackupID) error {
	var err error
	switch op := r.IntN(20); {
	case op < 6:
		b := newBackup(id.ClusterID, id.Name, one(r, dates[:2]))
		scramble(r, b)
		err = c.CreateBackup(t.Context(), b)
	case op < 19:
		_, err = catalog.MutateBackup(t.Context(), c, id, func(b *salvor.Backup) error { scramble(r, b); return nil })
	default:
		err = c.DeleteBackup(t.Context(), id, "")
	}
	switch salvor.CodeOf(err) {
	case "", salvor.Exists, salvor.NotFound:
		return nil
	}
	return fmt.Errorf("%s: %w", id, err)
}
