package retention_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/retention"
	"salvor.io/salvor/shared/salvor"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// backup reads "name days-ago phase namespaces…" of the schedule nightly in the cluster shop. Day 0 is an hour ago.
func backup(t testing.TB, s string) *salvor.Backup {
	t.Helper()
	f := strings.Fields(s)
	var days int
	if _, err := fmt.Sscan(f[1], &days); err != nil {
		t.Fatal(err)
	}
	b := salvor.New(salvor.KindBackup).(*salvor.Backup)
	b.Name, b.Spec.Schedule, b.Status.ClusterID = f[0], "nightly", "shop"
	b.Status.Phase, b.Status.Namespaces = salvor.Phase(f[2]), f[3:]
	b.Status.CutAt = metav1.NewMicroTime(now.Add(-time.Hour).AddDate(0, 0, -days))
	return b
}

func keep(last int, within time.Duration) salvor.Retention {
	return salvor.Retention{Last: last, Within: metav1.Duration{Duration: within}}
}

func TestPlan(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		why     string
		policy  salvor.Retention
		change  func(bs []*salvor.Backup)
		backups []string
		keep    []string
		remove  []string
	}{
		{"no rule keeps everything", keep(0, 0), nil, []string{"a 900 Completed x", "b 0 Failed"},
			[]string{"b: the policy keeps everything", "a: the policy keeps everything; is the last good backup of namespace x"}, nil},
		{"the newest two stay", keep(2, 0), nil, []string{"a 3 Completed x", "b 2 Completed x", "c 1 Completed x"},
			[]string{"c: is number 1 of the newest 2 that are complete; is the last good backup of namespace x", "b: is number 2 of the newest 2 that are complete"},
			[]string{"a: is not among the newest 2 that are complete"}},
		{"what is of the future stays, and pushes nothing out", keep(1, 0), nil, []string{"a 2 Completed x", "b 1 Completed x", "c -900 Completed x"},
			[]string{"c: is dated in the future", "b: is number 1 of the newest 1 that are complete; is the last good backup of namespace x"},
			[]string{"a: is not among the newest 1 that are complete"}},
		{"what is young stays", keep(0, 2*day), nil, []string{"a 2 Completed x", "b 1 Completed x"},
			[]string{"b: is younger than 48h0m0s; is the last good backup of namespace x"}, []string{"a: is not younger than 48h0m0s"}},
		{"one rule is enough to stay", keep(1, 2*day), nil, []string{"a 5 Completed x", "b 1 Completed x", "c 0 Completed x"},
			[]string{"c: is number 1 of the newest 1 that are complete; is younger than 48h0m0s; is the last good backup of namespace x", "b: is younger than 48h0m0s"},
			[]string{"a: is not among the newest 1 that are complete and is not younger than 48h0m0s"}},
		{"the last good backup stays, however old", keep(0, day), nil, []string{"a 900 Completed x y", "b 800 Completed y"},
			[]string{"b: is the last good backup of namespace y", "a: is the last good backup of namespace x"}, nil},
		{"partial and failed ones push nothing out, and don't pile up", keep(1, 0), nil,
			[]string{"a 9 Completed x", "b 8 Completed x", "c 7 PartiallyFailed x", "d 6 PartiallyFailed x", "e 5 Failed x", "f 4 Canceled x", "g 3 Failed x"},
			[]string{"g: is number 1 of the newest 1 that are not usable", "d: is number 1 of the newest 1 that are partial", "b: is number 1 of the newest 1 that are complete; is the last good backup of namespace x"},
			[]string{"f: is not among the newest 1 that are not usable", "e: is not among the newest 1 that are not usable", "c: is not among the newest 1 that are partial", "a: is not among the newest 1 that are complete"}},
		{"a partial backup is no replacement for a good one", keep(0, day), nil, []string{"a 9 Completed x", "b 2 PartiallyFailed x"},
			[]string{"b: is the newest run of its schedule", "a: is the last good backup of namespace x"}, nil},
		{"where there is no good one, the last partial one stays", keep(0, day), nil, []string{"a 9 PartiallyFailed x", "b 2 PartiallyFailed x", "c 2 Failed x"},
			[]string{"c: is the newest run of its schedule", "b: is the last backup, though partial, of namespace x"}, []string{"a: is not younger than 24h0m0s"}},
		{"what is being made stays and does not count", keep(1, 0), nil, []string{"a 2 Completed x", "b 1 Capturing x", "c 0 Pending"},
			[]string{"c: is still being made", "b: is still being made", "a: is number 1 of the newest 1 that are complete; is the last good backup of namespace x"}, nil},
		{"a deletion that has begun goes on, and saves nothing", keep(5, 0), nil, []string{"a 1 Completed x", "b 0 Deleting x"},
			[]string{"a: is number 1 of the newest 5 that are complete; is the last good backup of namespace x"}, []string{"b: its deletion has begun"}},
		{"what was asked for by hand stays and does not count", keep(1, 0), func(bs []*salvor.Backup) { bs[1].Spec.Schedule = "" }, []string{"a 2 Completed x", "b 1 Completed x"},
			[]string{"b: was asked for by hand; is the last good backup of namespace x", "a: is number 1 of the newest 1 that are complete"}, nil},
		{"schedules are counted each by itself", keep(1, 0), func(bs []*salvor.Backup) { bs[1].Spec.Schedule = "hourly" }, []string{"a 2 Completed x", "b 1 Completed x"},
			[]string{"b: is number 1 of the newest 1 that are complete; is the last good backup of namespace x", "a: is number 1 of the newest 1 that are complete"}, nil},
		{"a namespace of the same name in another cluster is another", keep(0, day), func(bs []*salvor.Backup) { bs[1].Status.ClusterID = "bank" }, []string{"a 9 Completed x", "b 5 Completed x"},
			[]string{"b: is the last good backup of namespace x", "a: is the last good backup of namespace x"}, nil},
		{"a backup without namespaces is one of the cluster's own objects", keep(0, day), nil, []string{"a 9 Completed", "b 8 Completed"},
			[]string{"b: is the last good backup of the cluster's own objects"}, []string{"a: is not younger than 24h0m0s"}},
		{"a backup of all cluster-scoped objects is so beside its namespaces", keep(0, day), func(bs []*salvor.Backup) { bs[0].Spec.Scope.ClusterScoped = salvor.ClusterScopedAll }, []string{"a 9 Completed x", "b 8 Completed x"},
			[]string{"b: is the last good backup of namespace x", "a: is the last good backup of the cluster's own objects"}, nil},
		{"of the same moment, the later name is the newer", keep(1, 0), nil, []string{"b 1 Completed x", "a 1 Completed x"},
			[]string{"b: is number 1 of the newest 1 that are complete; is the last good backup of namespace x"}, []string{"a: is not among the newest 1 that are complete"}},
		{"what is held stays, and counts", keep(1, 0), func(bs []*salvor.Backup) { bs[0].Status.Hold = &salvor.Hold{By: "ada", Reason: "audit"} }, []string{"a 2 Completed x", "b 1 Completed x"},
			[]string{"b: is number 1 of the newest 1 that are complete; is the last good backup of namespace x", "a: is held by ada: audit"}, nil},
		{"what owes a thaw stays", keep(1, 0), func(bs []*salvor.Backup) { bs[0].Status.Thaw = &salvor.OwedThaw{} }, []string{"a 2 Failed", "b 1 Failed"},
			[]string{"b: is number 1 of the newest 1 that are not usable", "a: still owes a thaw"}, nil},
		{"labels keep", salvor.Retention{Last: 1, Matching: &metav1.LabelSelector{MatchLabels: map[string]string{"reason": "audit"}}},
			func(bs []*salvor.Backup) { bs[0].Labels = map[string]string{"reason": "audit"} }, []string{"a 3 Completed x", "b 2 Completed x", "c 1 Completed x"},
			[]string{"c: is number 1 of the newest 1 that are complete; is the last good backup of namespace x", "a: its labels match reason=audit"},
			[]string{"b: is not among the newest 1 that are complete and its labels do not match reason=audit"}},
		{"what another catalog made stays, and counts for nothing", keep(1, 0), func(bs []*salvor.Backup) {
			bs[1].Annotate(salvor.OwnerAnnotation, "theirs")
			bs[2].Annotate(salvor.OwnerAnnotation, "theirs")
		},
			[]string{"a 3 Completed x", "b 2 Completed x", "c 1 Deleting x"},
			[]string{"c: is another catalog's", "b: is another catalog's", "a: is number 1 of the newest 1 that are complete; is the last good backup of namespace x"}, nil},
		{"nothing gives nothing", keep(1, day), nil, nil, nil, nil},
	} {
		var backups []*salvor.Backup
		for _, s := range c.backups {
			backups = append(backups, backup(t, s))
		}
		if c.change != nil {
			c.change(backups)
		}
		kept, removed := retention.Plan(c.policy, nil, backups, now)
		if diff := cmp.Diff(c.keep, lines(kept)); diff != "" {
			t.Errorf("%s: kept (-want +got):\n%s", c.why, diff)
		}
		if diff := cmp.Diff(c.remove, lines(removed)); diff != "" {
			t.Errorf("%s: removed (-want +got):\n%s", c.why, diff)
		}
	}
}

func lines(ds []retention.Decision) []string {
	var out []string
	for _, d := range ds {
		out = append(out, d.Backup.Name+": "+d.Reason())
	}
	return out
}

// best is the newest Completed backup of the namespace, or else the newest PartiallyFailed one.
func best(backups []*salvor.Backup, namespace string) string {
	for _, phase := range []salvor.Phase{salvor.PhaseCompleted, salvor.PhasePartiallyFailed} {
		var found *salvor.Backup
		for _, b := range backups {
			if b.Status.Phase != phase || !slices.Contains(b.Status.Namespaces, namespace) {
				continue
			}
			if found == nil || b.Date().After(found.Date()) || b.Date().Equal(found.Date()) && b.Name > found.Name {
				found = b
			}
		}
		if found != nil {
			return found.Name
		}
	}
	return ""
}
