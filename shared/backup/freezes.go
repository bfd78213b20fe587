package backup

import (
	"cmp"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/salvor"
)

// statusFreezes is how many times of freezes the catalog keeps; the manifest and the report have all.
const statusFreezes = 20

// heldFor is for how long the group is held so far.
func (g *group) heldFor() time.Duration {
	if !g.begun {
		return 0
	}
	return g.Now().Sub(g.began)
}

// noteTime notes for how long the group was held.
func (g *group) noteTime(thawed bool) {
	if !g.begun {
		return
	}
	t := salvor.FreezeTime{Began: metav1.NewMicroTime(g.began)}
	if g.spec.RuleScope == salvor.RuleScopeNamespace {
		t.Namespace = g.namespaces[0]
	}
	if !g.cutAt.IsZero() {
		t.CutAfter.Duration = g.cutAt.Sub(g.began)
	}
	if thawed {
		t.ThawedAfter.Duration = g.heldFor()
	}
	g.resultMu.Lock()
	defer g.resultMu.Unlock()
	g.times = append(g.times, t)
}

// freezeTimes are those so far, in the order in which they began.
func (r *run) freezeTimes() []salvor.FreezeTime {
	r.resultMu.Lock()
	defer r.resultMu.Unlock()
	return slices.SortedStableFunc(slices.Values(r.times), func(a, b salvor.FreezeTime) int { return a.Began.Compare(b.Began.Time) })
}

// noteFreezes writes the times into the status: the longest, if there are many.
func noteFreezes(s *salvor.BackupStatus, times []salvor.FreezeTime) {
	s.FrozenFor.Duration = max(s.FrozenFor.Duration, longest(times))
	if len(times) > statusFreezes {
		longestFirst := func(a, b salvor.FreezeTime) int { return cmp.Compare(b.ThawedAfter.Duration, a.ThawedAfter.Duration) }
		times = slices.SortedStableFunc(slices.Values(times), longestFirst)[:statusFreezes]
	}
	s.Freezes = times
}

// longest is the time that the application was held for which was held longest.
func longest(times []salvor.FreezeTime) time.Duration {
	var most time.Duration
	for _, t := range times {
		most = max(most, t.ThawedAfter.Duration)
	}
	return most
}
