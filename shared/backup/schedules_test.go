package backup_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/catalog/sqlite"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/schedule"
)

// fired is a catalog with schedules, a clock, and what was given to be worked on.
type fired struct {
	t *testing.T
	catalog.Catalog
	now    time.Time
	worked []string
	// dies, if set, lets a write fail, before or after it was made, as if the process had died there.
	dies *rand.Rand
}

var errDied = salvor.Errorf(salvor.Unavailable, "the process died")

func (f *fired) die() error {
	if f.dies != nil && f.dies.IntN(6) == 0 {
		return errDied
	}
	return nil
}

func (f *fired) CreateBackup(ctx context.Context, b *salvor.Backup) error {
	if err := f.die(); err != nil {
		return err
	}
	if err := f.Catalog.CreateBackup(ctx, b); err != nil {
		return err
	}
	return f.die()
}

func (f *fired) Update(ctx context.Context, o salvor.Object) error {
	if err := f.die(); err != nil {
		return err
	}
	if err := f.Catalog.Update(ctx, o); err != nil {
		return err
	}
	return f.die()
}

// newFired has clusters a and b of stage prod, c of stage test, and a policy.
func newFired(t *testing.T, now string, policy salvor.SchedulePolicySpec) *fired {
	t.Helper()
	c, err := sqlite.Open(filepath.Join(t.TempDir(), "catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	f := &fired{t: t, Catalog: c, now: moment(now)}
	for name, stage := range map[string]string{"a": "prod", "b": "prod", "c": "test"} {
		f.put(&salvor.Cluster{ObjectMeta: salvor.ObjectMeta{Name: name, Labels: map[string]string{"stage": stage}}, Spec: salvor.ClusterSpec{ID: "id-" + name, Kubeconfig: &salvor.KubeconfigCluster{}}})
	}
	f.put(&salvor.BackupLocation{ObjectMeta: salvor.ObjectMeta{Name: "disk"}, Spec: salvor.BackupLocationSpec{Directory: &salvor.DirectoryLocation{Path: "/nowhere"}}})
	f.put(&salvor.SchedulePolicy{ObjectMeta: salvor.ObjectMeta{Name: "p"}, Spec: policy})
	return f
}

func moment(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

func (f *fired) put(o salvor.Object) {
	f.t.Helper()
	o.Default()
	if o.Meta().CreationTimestamp.IsZero() {
		o.Meta().CreationTimestamp = metav1.NewTime(f.now)
	}
	if errs := o.Validate(); len(errs) > 0 {
		f.t.Fatal(errs.ToAggregate())
	}
	if err := f.Create(f.t.Context(), o); err != nil {
		f.t.Fatal(err)
	}
}

// schedule makes one of cluster a, changed as the test likes.
func (f *fired) schedule(change func(*salvor.BackupSchedule)) {
	f.t.Helper()
	b := &salvor.BackupSchedule{ObjectMeta: salvor.ObjectMeta{Name: "s"}}
	b.Spec.Policy = "p"
	b.Spec.Template = salvor.BackupTemplate{Labels: map[string]string{"team": "shop"},
		Spec: salvor.BackupSpec{Cluster: "a", Location: "disk", Scope: salvor.Scope{Namespaces: []string{"shop"}}}}
	change(b)
	f.put(b)
}

func (f *fired) runs() *backup.Schedules {
	clock := func() time.Time { return f.now }
	e := &backup.Engine{Catalog: f, Now: clock}
	return e.Schedules(f, func(_ context.Context, b *salvor.Backup) error {
		if err := f.die(); err != nil {
			return err
		}
		f.worked = append(f.worked, b.ID().String())
		return nil
	})
}

// due is a turn of whoever looks at the schedule at a time.
func (f *fired) due(at string) *backup.Fired {
	f.t.Helper()
	f.now = moment(at)
	r := f.runs()
	o, err := f.Get(f.t.Context(), salvor.KindBackupSchedule, "s")
	if err != nil {
		f.t.Fatal(err)
	}
	got, err := r.Due(f.t.Context(), o.(*salvor.BackupSchedule))
	if err != nil {
		f.t.Fatal(err)
	}
	return got
}

// recorded lists all backups, as cluster id, name, phase.
func (f *fired) recorded() []string {
	f.t.Helper()
	var all []string
	for q := (catalog.Query{Limit: catalog.MaxLimit}); ; {
		page, err := f.Search(f.t.Context(), q)
		if err != nil {
			f.t.Fatal(err)
		}
		for _, b := range page.Backups {
			all = append(all, fmt.Sprintf("%s %s", b.ID(), b.Status.Phase))
		}
		if q.Cursor = page.Next; page.Next == "" {
			slices.Sort(all)
			return all
		}
	}
}

// end lets a run end.
func (f *fired) end(id string) {
	f.t.Helper()
	cluster, name, _ := strings.Cut(id, "/")
	_, err := catalog.MutateBackup(f.t.Context(), f, salvor.BackupID{ClusterID: cluster, Name: name}, func(b *salvor.Backup) error {
		b.Status.Phase = salvor.PhaseFailed
		return nil
	})
	if err != nil {
		f.t.Fatal(err)
	}
}

var nightly = salvor.SchedulePolicySpec{Daily: &salvor.DailyPolicy{Times: []string{"02:00"}}}

func every(d time.Duration) salvor.SchedulePolicySpec {
	return salvor.SchedulePolicySpec{Interval: &metav1.Duration{Duration: d}}
}

func skipping(p salvor.SchedulePolicySpec) salvor.SchedulePolicySpec {
	p.MissedRuns = salvor.MissedRunsSkip
	return p
}

func within(p salvor.SchedulePolicySpec, d time.Duration) salvor.SchedulePolicySpec {
	p.MissedWindow.Duration = d
	return p
}

func TestWhatIsDue(t *testing.T) {
	never := salvor.SchedulePolicySpec{Cron: "0 2 1 1 ? 2020"}
	for name, c := range map[string]struct {
		policy                   salvor.SchedulePolicySpec
		made, resumed, last, now string
		due, next                string
		missed                   int
	}{
		"nothing before the first time": {nightly, "2026-11-22T03:00:00Z", "", "", "2026-11-22T12:00:00Z", "", "2026-11-23T02:00:00Z", 0},
		"at its time":                   {nightly, "2026-11-21T03:00:00Z", "", "", "2026-11-22T02:00:00Z", "2026-11-22T02:00:00Z", "2026-11-23T02:00:00Z", 0},
		"a little late":                 {nightly, "2026-11-01T00:00:00Z", "", "2026-11-21T02:00:00Z", "2026-11-22T02:00:14Z", "2026-11-22T02:00:00Z", "2026-11-23T02:00:00Z", 0},
		"not twice":                     {nightly, "2026-11-01T00:00:00Z", "", "2026-11-22T02:00:00Z", "2026-11-22T02:00:14Z", "", "2026-11-23T02:00:00Z", 0},
		"of several that were missed, the newest":           {nightly, "2026-11-01T00:00:00Z", "", "2026-11-18T02:00:00Z", "2026-11-22T12:00:00Z", "2026-11-22T02:00:00Z", "2026-11-23T02:00:00Z", 3},
		"an interval begins when the schedule is made":      {every(time.Hour), "2026-11-22T12:00:00Z", "", "", "2026-11-22T12:00:00Z", "2026-11-22T12:00:00Z", "2026-11-22T13:00:00Z", 0},
		"and goes on from there":                            {every(time.Hour), "2026-11-22T10:10:00Z", "", "2026-11-22T12:10:00Z", "2026-11-22T13:09:59Z", "", "2026-11-22T13:10:00Z", 0},
		"a year of absence is one run":                      {every(time.Hour), "2025-01-01T00:00:00Z", "", "2025-11-22T12:00:00Z", "2026-11-22T12:30:00Z", "2026-11-22T12:00:00Z", "2026-11-22T13:00:00Z", 365*24 - 1},
		"a policy whose years are over":                     {never, "2026-11-22T12:00:00Z", "", "", "2026-11-22T12:00:00Z", "", "", 0},
		"skip: what is late by less than 5m is not missed":  {skipping(nightly), "2026-11-01T00:00:00Z", "", "2026-11-21T02:00:00Z", "2026-11-22T02:04:59Z", "2026-11-22T02:00:00Z", "2026-11-23T02:00:00Z", 0},
		"skip: what is later is left out":                   {skipping(nightly), "2026-11-01T00:00:00Z", "", "2026-11-21T02:00:00Z", "2026-11-22T02:05:01Z", "", "2026-11-23T02:00:00Z", 0},
		"run once: until the window ends":                   {within(nightly, 3*time.Hour), "2026-11-01T00:00:00Z", "", "2026-11-21T02:00:00Z", "2026-11-22T04:59:59Z", "2026-11-22T02:00:00Z", "2026-11-23T02:00:00Z", 0},
		"run once: the window has ended":                    {within(nightly, 3*time.Hour), "2026-11-01T00:00:00Z", "", "2026-11-21T02:00:00Z", "2026-11-22T05:00:01Z", "", "2026-11-23T02:00:00Z", 0},
		"by default 35 days, for a monthly run":             {salvor.SchedulePolicySpec{Monthly: &salvor.MonthlyPolicy{Days: []int{1}, Times: []string{"02:00"}}}, "2026-09-15T00:00:00Z", "", "2026-10-01T02:00:00Z", "2026-11-22T12:00:00Z", "2026-11-01T02:00:00Z", "2026-12-01T02:00:00Z", 0},
		"resumed: what lies before is not made up for":      {nightly, "2026-11-01T00:00:00Z", "2026-11-22T11:00:00Z", "2026-11-18T02:00:00Z", "2026-11-22T12:00:00Z", "", "2026-11-23T02:00:00Z", 0},
		"resumed: what comes after is due as ever":          {nightly, "2026-11-01T00:00:00Z", "2026-11-22T01:00:00Z", "2026-11-18T02:00:00Z", "2026-11-22T12:00:00Z", "2026-11-22T02:00:00Z", "2026-11-23T02:00:00Z", 0},
		"a run of another policy, later than now, is none":  {nightly, "2026-11-01T00:00:00Z", "", "2026-11-22T09:00:00Z", "2026-11-22T10:00:00Z", "", "2026-11-23T02:00:00Z", 0},
		"in a spring gap it is due when that ends":          {salvor.SchedulePolicySpec{TimeZone: "Europe/Berlin", Daily: &salvor.DailyPolicy{Times: []string{"02:30"}}}, "2027-03-01T00:00:00Z", "", "2027-03-27T01:30:00Z", "2027-03-28T01:00:00Z", "2027-03-28T01:00:00Z", "2027-03-29T00:30:00Z", 0},
		"a second before the gap ends it is not":            {salvor.SchedulePolicySpec{TimeZone: "Europe/Berlin", Daily: &salvor.DailyPolicy{Times: []string{"02:30"}}}, "2027-03-01T00:00:00Z", "", "2027-03-27T01:30:00Z", "2027-03-28T00:59:59Z", "", "2027-03-28T01:00:00Z", 0},
		"the hour that comes twice brings it once":          {salvor.SchedulePolicySpec{TimeZone: "Europe/Berlin", Daily: &salvor.DailyPolicy{Times: []string{"02:30"}}}, "2027-03-01T00:00:00Z", "", "2027-10-31T00:30:00Z", "2027-10-31T01:30:00Z", "", "2027-11-01T01:30:00Z", 0},
		"a start date that is ahead":                        {salvor.SchedulePolicySpec{StartDate: "2026-12-01", Daily: nightly.Daily}, "2026-11-01T00:00:00Z", "", "", "2026-11-22T12:00:00Z", "", "2026-12-01T02:00:00Z", 0},
		"an end date that is over, and a run before it due": {salvor.SchedulePolicySpec{EndDate: "2026-11-20", Daily: nightly.Daily}, "2026-11-01T00:00:00Z", "", "2026-11-19T02:00:00Z", "2026-11-22T12:00:00Z", "2026-11-20T02:00:00Z", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFired(t, c.made, c.policy)
			f.schedule(func(b *salvor.BackupSchedule) {
				b.CreationTimestamp = metav1.NewTime(moment(c.made))
				if c.resumed != "" {
					b.Status.Since = metav1.NewTime(moment(c.resumed))
				}
				if c.last != "" {
					b.Status.LastRun = metav1.NewTime(moment(c.last))
				}
			})
			got := f.due(c.now)
			if text(got.At) != c.due || text(got.Next) != c.next || got.Missed != c.missed {
				t.Errorf("due is %s after %d missed, next %s; want %s after %d, next %s", text(got.At), got.Missed, text(got.Next), c.due, c.missed, c.next)
			}
		})
	}
}

func text(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// Each cluster that is selected gets a run of its own, which passes the template's labels on and begins at its own time.
func TestASelectorOfClusters(t *testing.T) {
	policy := nightly
	policy.Jitter.Duration = 20 * time.Minute
	f := newFired(t, "2026-11-21T12:00:00Z", policy)
	f.schedule(func(b *salvor.BackupSchedule) {
		b.Spec.ClusterSelector, b.Spec.Template.Spec.Cluster = &metav1.LabelSelector{MatchLabels: map[string]string{"stage": "prod"}}, ""
	})
	f.due("2026-11-22T02:00:03Z")
	want := []string{"id-a/s-20261122t020000z Pending", "id-b/s-20261122t020000z Pending"}
	if diff := cmp.Diff(want, f.recorded()); diff != "" {
		t.Fatal(diff)
	}
	late := map[string]time.Duration{}
	for _, id := range []string{"id-a", "id-b"} {
		b, err := f.GetBackup(t.Context(), salvor.BackupID{ClusterID: id, Name: "s-20261122t020000z"})
		if err != nil {
			t.Fatal(err)
		}
		late[id] = b.Spec.NotBefore.Sub(moment("2026-11-22T02:00:00Z"))
		if late[id] != schedule.Jitter(20*time.Minute, "s", id) || b.Labels["team"] != "shop" || b.Spec.Cluster != strings.TrimPrefix(id, "id-") {
			t.Errorf("the run of %s is late by %s and is %+v %+v", id, late[id], b.Labels, b.Spec)
		}
		until, _, err := backup.Waits(t.Context(), f, b, b.Spec.NotBefore.Add(-time.Second))
		if err != nil || !until.Equal(b.Spec.NotBefore.Time) {
			t.Errorf("a second before its time the run waits until %s, %v", until, err)
		}
		if until, _, err := backup.Waits(t.Context(), f, b, b.Spec.NotBefore.Time); err != nil || !until.IsZero() {
			t.Errorf("at its time the run waits until %s, %v", until, err)
		}
	}
	if late["id-a"] == late["id-b"] {
		t.Errorf("both begin %s late", late["id-a"])
	}
	// A cluster that comes later has the next run, and the first one is not made up for.
	f.put(&salvor.Cluster{ObjectMeta: salvor.ObjectMeta{Name: "d", Labels: map[string]string{"stage": "prod"}}, Spec: salvor.ClusterSpec{Kubeconfig: &salvor.KubeconfigCluster{}}})
	f.due("2026-11-22T12:00:00Z")
	for _, id := range want {
		f.end(strings.TrimSuffix(id, " Pending"))
	}
	f.due("2026-11-23T02:00:00Z")
	if got := f.recorded(); len(got) != 5 || got[0] != "d/s-20261123t020000z Pending" {
		t.Errorf("recorded are %v", got)
	}
}

func TestRunsThatOverlap(t *testing.T) {
	for overlap, second := range map[salvor.Overlap]string{"": "Canceled", salvor.OverlapSkip: "Canceled", salvor.OverlapQueue: "Pending"} {
		f := newFired(t, "2026-11-22T09:30:00Z", salvor.SchedulePolicySpec{Cron: "0 * * * ? *"})
		f.schedule(func(b *salvor.BackupSchedule) { b.Spec.Overlap = overlap })
		for _, at := range []string{"10", "11", "12"} {
			f.due("2026-11-22T" + at + ":00:01Z")
			f.due("2026-11-22T" + at + ":10:00Z") // and again
		}
		want := []string{"id-a/s-20261122t100000z Pending", "id-a/s-20261122t110000z " + second, "id-a/s-20261122t120000z Canceled"}
		if diff := cmp.Diff(want, f.recorded()); diff != "" {
			t.Errorf("overlap %q: %s", overlap, diff)
		}
		b, err := f.GetBackup(t.Context(), salvor.BackupID{ClusterID: "id-a", Name: "s-20261122t110000z"})
		if err != nil {
			t.Fatal(err)
		}
		until, why, err := backup.Waits(t.Context(), f, b, f.now)
		if waits := second == "Pending"; err != nil || until.IsZero() == waits {
			t.Errorf("overlap %q: the second run waits until %s: %s, %v", overlap, until, why, err)
		}
		f.end("id-a/s-20261122t100000z")
		if until, why, err := backup.Waits(t.Context(), f, b, f.now); err != nil || !until.IsZero() {
			t.Errorf("overlap %q: when the first has ended, the second waits until %s: %s, %v", overlap, until, why, err)
		}
		f.end("id-a/s-20261122t110000z")
		f.due("2026-11-22T13:00:01Z")
		if got := f.recorded(); !slices.Contains(got, "id-a/s-20261122t130000z Pending") {
			t.Errorf("overlap %q: when all have ended, the next run is not begun: %v", overlap, got)
		}
	}
}

// However many runs are left out meanwhile, and however many another schedule has whose name begins alike, a run that goes
// on is not overlapped.
func TestALongRunIsNotOverlapped(t *testing.T) {
	for _, overlap := range []salvor.Overlap{salvor.OverlapSkip, salvor.OverlapQueue} {
		f := newFired(t, "2026-11-22T10:00:00Z", every(time.Minute))
		f.schedule(func(b *salvor.BackupSchedule) { b.Spec.Overlap = overlap })
		for n := range 60 {
			f.due(fmt.Sprintf("2026-11-22T10:%02d:01Z", n))
		}
		want := map[salvor.Overlap]int{salvor.OverlapSkip: 1, salvor.OverlapQueue: 2}[overlap] // it, and one that waits
		got := 0
		for _, s := range f.recorded() {
			if strings.HasSuffix(s, " Pending") {
				got++
			}
		}
		if got != want {
			t.Errorf("overlap %s: %d runs are to be made while the first goes on, want %d", overlap, got, want)
		}
		b, err := f.GetBackup(t.Context(), salvor.BackupID{ClusterID: "id-a", Name: "s-20261122t100100z"})
		if err != nil {
			t.Fatal(err)
		}
		for n := range 30 {
			other := *b
			other.Name, other.Spec.Schedule, other.ResourceVersion = salvor.RunName("s-beside", f.now.Add(time.Duration(n)*time.Second)), "s-beside", ""
			if err := f.CreateBackup(t.Context(), &other); err != nil {
				t.Fatal(err)
			}
		}
		until, _, err := backup.Waits(t.Context(), f, b, f.now)
		if waits := overlap == salvor.OverlapQueue; err != nil || waits && until.IsZero() {
			t.Errorf("overlap %s: the second run may begin beside the first, %v", overlap, err)
		}
	}
}

// Three days of a schedule of two clusters: every delivery comes three times, one after the other or late, a sweep looks in
// between, and the process dies again and again in the middle of it. Each run is there once, was worked on, and no other.
func TestEveryRunOnceThoughTheProcessDies(t *testing.T) {
	for seed := range uint64(4) {
		policy := salvor.SchedulePolicySpec{Daily: &salvor.DailyPolicy{Times: []string{"02:00", "02:30", "14:15"}}, TimeZone: "Europe/Berlin"}
		f := newFired(t, "2027-03-27T00:00:00Z", policy) // clocks go forward on the 28th
		f.schedule(func(b *salvor.BackupSchedule) {
			b.Spec.ClusterSelector, b.Spec.Template.Spec.Cluster = &metav1.LabelSelector{}, ""
			b.Spec.Overlap = salvor.OverlapQueue
		})
		random := rand.New(rand.NewPCG(seed, 7))
		f.dies = random
		r := f.runs()
		r.Slack = 2 * time.Minute
		var want []string
		for at := moment("2027-03-27T00:00:00Z"); at.Before(moment("2027-03-30T00:00:00Z")); at = at.Add(15 * time.Minute) {
			f.now = at.Add(20 * time.Second)
			next, err := schedule.Next(policy, at.Add(-time.Second), time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			if next.Equal(at) {
				for _, id := range []string{"id-a", "id-b", "id-c"} {
					want = append(want, id+"/"+salvor.RunName("s", at))
				}
				for range 3 {
					_, _ = r.Deliver(t.Context(), "s", at) // an error is a death; another delivery, or the sweep, finds what it left
				}
			}
			f.now = at.Add(3 * time.Minute)
			if o, err := f.Get(t.Context(), salvor.KindBackupSchedule, "s"); err == nil {
				_, _ = r.Due(t.Context(), o.(*salvor.BackupSchedule))
			}
			if at.Minute() != 45 {
				continue
			}
			for _, s := range f.recorded() { // all end before the next, or wait for it
				if id, pending := strings.CutSuffix(s, " Pending"); pending && slices.Contains(f.worked, id) {
					f.dies = nil
					f.end(id)
					f.dies = random
				}
			}
		}
		var got []string
		for _, s := range f.recorded() {
			id, _, _ := strings.Cut(s, " ")
			got = append(got, id)
		}
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("seed %d (-named +recorded): %s", seed, diff)
		}
		slices.Sort(f.worked)
		if diff := cmp.Diff(want, slices.Compact(f.worked)); diff != "" {
			t.Errorf("seed %d (-named +worked on): %s", seed, diff)
		}
	}
}

func TestAPolicyThatIsGoneIsNamed(t *testing.T) {
	f := newFired(t, "2026-11-20T00:00:00Z", salvor.SchedulePolicySpec{Daily: &salvor.DailyPolicy{Times: []string{"02:00"}}})
	f.schedule(func(b *salvor.BackupSchedule) { b.Spec.Policy = "gone" })
	_, err := f.runs().Deliver(t.Context(), "s", f.now)
	if !salvor.Is(err, salvor.NotFound) || !strings.Contains(err.Error(), `there is no policy "gone"; salvor get policies lists them`) {
		t.Errorf("it says %v", err)
	}
}

// A clock that was years ahead for a while must not keep a schedule from running until then.
func TestAClockThatWasAheadHoldsNothingUp(t *testing.T) {
	f := newFired(t, "2026-11-20T00:00:00Z", salvor.SchedulePolicySpec{Daily: &salvor.DailyPolicy{Times: []string{"02:00"}}})
	f.schedule(func(*salvor.BackupSchedule) {})
	get := func() *salvor.BackupSchedule {
		o, err := f.Get(t.Context(), salvor.KindBackupSchedule, "s")
		if err != nil {
			t.Fatal(err)
		}
		return o.(*salvor.BackupSchedule)
	}
	due := func(now string) (runs []string) {
		f.now = moment(now)
		for range 2 { // a second look finds nothing to do
			d, err := f.runs().Due(t.Context(), get())
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range d.Created {
				runs = append(runs, b.Name)
			}
		}
		return runs
	}
	for _, c := range []struct{ now, want string }{
		{"2026-11-20T02:00:05Z", "s-20261120t020000z"},
		{"2036-11-21T02:00:05Z", "s-20361121t020000z"},
		{"2026-11-20T03:00:00Z", ""},
		{"2026-11-21T02:00:05Z", "s-20261121t020000z"},
		{"2026-11-21T01:59:58Z", ""}, // another machine's is a bit behind
		{"2026-11-22T02:00:05Z", "s-20261122t020000z"},
	} {
		if got := strings.Join(due(c.now), " "); got != c.want {
			t.Errorf("at %s %q began, want %q", c.now, got, c.want)
		}
	}
	b := get()
	b.Status.Since = metav1.NewTime(moment("2036-01-01T00:00:00Z"))
	if err := f.Update(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if got := due("2026-11-23T02:00:05Z"); !slices.Equal(got, []string{"s-20261123t020000z"}) {
		t.Errorf("resumed by a clock that was ahead, these began: %v", got)
	}
}
