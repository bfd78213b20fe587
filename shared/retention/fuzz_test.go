package retention_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/retention"
	"salvor.io/salvor/shared/salvor"
)

// Whatever the backups, the policy and their order: each backup is decided once with a reason, what could be restored of a
// namespace before can be restored after, nothing that is held, young, labelled or being made goes, no partial or failed
// backup has pushed out a complete one, and a second run right after the first removes nothing more.
func TestPlanKeepsItsPromises(t *testing.T) {
	for seed := range uint64(3000) {
		promises(t, seed, 1)
	}
}

func FuzzPlan(f *testing.F) {
	f.Add(uint64(1), uint64(2))
	f.Fuzz(promises)
}

func promises(t *testing.T, seed1, seed2 uint64) {
	r := rand.New(rand.NewPCG(seed1, seed2))
	backups, policy := randomBackups(t, r), randomPolicy(r)
	zone := []*time.Location{time.UTC, time.FixedZone("east", 14*3600), time.FixedZone("west", -12*3600)}[r.IntN(3)]
	kept, removed := retention.Plan(policy, zone, backups, now)
	if len(kept)+len(removed) != len(backups) {
		t.Fatalf("%d backups are kept and %d removed, of %d", len(kept), len(removed), len(backups))
	}
	for _, d := range slices.Concat(kept, removed) {
		if d.Reason() == "" || slices.Contains(d.Reasons, "") {
			t.Fatalf("%s has no reason", d.Backup.Name)
		}
	}
	for _, d := range removed {
		if why := mustStay(policy, d.Backup); why != "" {
			t.Fatalf("%s goes, although it %s", d.Backup.Name, why)
		}
	}
	left := backupsOf(kept)
	for _, n := range []string{"x", "y", "z"} {
		if best(left, n) != best(backups, n) {
			t.Fatalf("the newest good backup of %s was %q and is %q", n, best(backups, n), best(left, n))
		}
	}
	good := func(b *salvor.Backup) bool { return b.Status.Phase == salvor.PhaseCompleted }
	alone, _ := retention.Plan(policy, zone, slices.DeleteFunc(slices.Clone(backups), func(b *salvor.Backup) bool { return !good(b) }), now)
	for _, d := range alone {
		if !slices.Contains(left, d.Backup) && d.Reason() != "is the newest run of its schedule" {
			t.Fatalf("%s would stay among good backups alone, and goes: others have pushed it out", d.Backup.Name)
		}
	}
	r.Shuffle(len(left), func(i, j int) { left[i], left[j] = left[j], left[i] })
	if again, more := retention.Plan(policy, zone, left, now); len(more) > 0 || len(again) != len(kept) {
		t.Fatalf("a second run removes %v", lines(more))
	}
}

func backupsOf(ds []retention.Decision) (bs []*salvor.Backup) {
	for _, d := range ds {
		bs = append(bs, d.Backup)
	}
	return bs
}

// mustStay says why a backup must not go whatever else there is.
func mustStay(policy salvor.Retention, b *salvor.Backup) string {
	w := policy.Within.Duration
	switch {
	case b.Status.Phase == salvor.PhaseDeleting:
		return ""
	case !b.Status.Phase.Done():
		return "is being made"
	case b.Spec.Schedule == "":
		return "was asked for by hand"
	case b.Date().After(now):
		return "is of the future"
	case b.Status.Hold != nil:
		return "is held"
	case policy.KeepsAll():
		return "has a policy that keeps everything"
	case w > 0 && now.Sub(b.Date()) < w:
		return "is young"
	case policy.Matching != nil && b.Labels["keep"] == "yes":
		return "has the label"
	}
	return ""
}

func randomBackups(t *testing.T, r *rand.Rand) (backups []*salvor.Backup) {
	phases := salvor.Phases()
	for i := range r.IntN(24) {
		line := fmt.Sprintf("b%d %d %s", i, r.IntN(9), phases[r.IntN(len(phases))])
		for _, n := range []string{"x", "y", "z"} {
			if r.IntN(2) == 0 {
				line += " " + n
			}
		}
		b := backup(t, line)
		b.Status.CutAt = metav1.NewMicroTime(b.Status.CutAt.Add(-time.Duration(r.IntN(50)) * time.Hour * time.Duration(1+r.IntN(40))))
		if r.IntN(10) == 0 {
			b.Status.CutAt = metav1.NewMicroTime(now.Add(time.Duration(1+r.IntN(1000)) * time.Hour))
		}
		b.Spec.Schedule = []string{"", "nightly", "hourly"}[r.IntN(3)]
		if r.IntN(8) == 0 {
			b.Status.Hold = &salvor.Hold{}
		}
		if r.IntN(8) == 0 {
			b.Labels = map[string]string{"keep": "yes"}
		}
		backups = append(backups, b)
	}
	return backups
}

func randomPolicy(r *rand.Rand) (p salvor.Retention) {
	for _, n := range []*int{&p.Last, &p.Hourly, &p.Daily, &p.Weekly, &p.Monthly, &p.Yearly} {
		if r.IntN(3) == 0 {
			*n = r.IntN(4)
		}
	}
	if r.IntN(3) == 0 {
		p.Within.Duration = time.Duration(r.IntN(100)) * time.Hour
	}
	if r.IntN(4) == 0 {
		p.Matching = &metav1.LabelSelector{MatchLabels: map[string]string{"keep": "yes"}}
	}
	return p
}

// The reasons are for people: they name what they speak of.
func TestReasonsOfWhatGoesNameEveryRule(t *testing.T) {
	policy := salvor.Retention{Last: 1, Hourly: 1, Daily: 1, Weekly: 1, Monthly: 1, Yearly: 1, Matching: &metav1.LabelSelector{MatchLabels: map[string]string{"keep": "yes"}}}
	policy.Within.Duration = time.Minute
	_, removed := retention.Plan(policy, nil, []*salvor.Backup{backup(t, "new 0 Completed x"), backup(t, "old 0 Completed x")}, now)
	if len(removed) != 1 {
		t.Fatalf("removed %v", lines(removed))
	}
	for _, want := range []string{"newest 1", "1 hour", "1 day", "1 week", "1 month", "1 year", "1m0s", "keep=yes"} {
		if !strings.Contains(removed[0].Reason(), want) {
			t.Errorf("the reason %q does not speak of %q", removed[0].Reason(), want)
		}
	}
}
