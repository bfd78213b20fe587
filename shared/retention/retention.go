// Package retention decides which backups stay and which go, and says why. It is pure, and deletes nothing itself.
//
// A policy keeps the newest n backups of a schedule, and those younger than a given age; a backup goes when no rule keeps
// it. Each result is counted by itself: failed and partial backups never push out complete ones, nor do they pile up.
// Besides,
//   - a backup that was asked for by hand stays until a person deletes it;
//   - one that is still being made stays;
//   - the last good backup of a namespace stays, whatever the policy says. Good is Completed; of a namespace that has
//     no such backup, the newest PartiallyFailed one stays in its place.
package retention

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"salvor.io/salvor/shared/salvor"
)

// Decision is what shall become of a backup.
type Decision struct {
	Backup *salvor.Backup
	// Reasons say why, each in a few words; there is at least one.
	Reasons []string
}

// Reason joins the reasons.
func (d Decision) Reason() string { return strings.Join(d.Reasons, "; ") }

// Plan decides about each of the backups, at the time now; keep and remove are newest first. The policy is that of every
// schedule among them. What is the last backup of a namespace is judged by what was given: whoever leaves out
// backups of other schedules keeps more than is needed, never less.
func Plan(policy salvor.Retention, backups []*salvor.Backup, now time.Time) (keep, remove []Decision) {
	sorted := slices.Clone(backups)
	slices.SortStableFunc(sorted, newestFirst)
	last := lastGood(sorted)
	rank := map[series]int{}
	for _, b := range sorted {
		d := Decision{Backup: b}
		if b.Status.Phase == salvor.PhaseDeleting {
			d.Reasons = []string{"its deletion has begun"}
			remove = append(remove, d)
			continue
		}
		s := seriesOf(b)
		rank[s]++
		d.Reasons = append(reasons(policy, b, rank[s], now), last[b]...)
		if len(d.Reasons) > 0 {
			keep = append(keep, d)
			continue
		}
		d.Reasons = []string{expired(policy, b)}
		remove = append(remove, d)
	}
	return keep, remove
}

// series is what "the newest n" counts by itself.
type series struct {
	cluster, schedule, result string
}

func seriesOf(b *salvor.Backup) series {
	s := series{b.Status.ClusterID, b.Spec.Schedule, string(b.Status.Phase)}
	if unusable(b) {
		s.result = "unusable"
	}
	return s
}

func unusable(b *salvor.Backup) bool {
	return b.Status.Phase == salvor.PhaseFailed || b.Status.Phase == salvor.PhaseCanceled
}

func newestFirst(a, b *salvor.Backup) int {
	return cmp.Or(b.Date().Compare(a.Date()), cmp.Compare(b.Name, a.Name))
}

// reasons are those to keep a backup that is the rank-th newest of its series, without regard to other backups.
func reasons(policy salvor.Retention, b *salvor.Backup, rank int, now time.Time) []string {
	switch {
	case !b.Status.Phase.Done():
		return []string{"is still being made"}
	case b.Spec.Schedule == "":
		return []string{"was asked for by hand"}
	case policy.Last == 0 && policy.Within.Duration == 0:
		return []string{"the policy keeps everything"}
	}
	var rs []string
	if rank <= policy.Last {
		rs = append(rs, fmt.Sprintf("is number %d of the newest %d that are %s", rank, policy.Last, result(b)))
	}
	if w := policy.Within.Duration; w > 0 && b.Date().After(now.Add(-w)) {
		rs = append(rs, "is younger than "+w.String())
	}
	return rs
}

func expired(policy salvor.Retention, b *salvor.Backup) string {
	var rs []string
	if policy.Last > 0 {
		rs = append(rs, fmt.Sprintf("is not among the newest %d that are %s", policy.Last, result(b)))
	}
	if w := policy.Within.Duration; w > 0 {
		rs = append(rs, "is not younger than "+w.String())
	}
	return strings.Join(rs, " and ")
}

func result(b *salvor.Backup) string {
	switch {
	case unusable(b):
		return "not usable"
	case b.Status.Phase == salvor.PhasePartiallyFailed:
		return "partial"
	}
	return "complete"
}

// place is a namespace of a cluster, or, without a name, the objects that have none.
type place struct{ cluster, namespace string }

// lastGood finds the backups that are the last good ones of something, with the reasons. The backups are newest first.
func lastGood(sorted []*salvor.Backup) map[*salvor.Backup][]string {
	reasons := map[*salvor.Backup][]string{}
	covered := map[place]bool{}
	for _, try := range []struct {
		phase salvor.Phase
		what  string
	}{{salvor.PhaseCompleted, "is the last good backup of "}, {salvor.PhasePartiallyFailed, "is the last backup, though partial, of "}} {
		for _, b := range sorted {
			if b.Status.Phase != try.phase {
				continue
			}
			var of []string
			for _, p := range places(b) {
				if !covered[p] {
					covered[p] = true
					of = append(of, p.String())
				}
			}
			if len(of) > 0 {
				reasons[b] = []string{try.what + strings.Join(of, ", ")}
			}
		}
	}
	return reasons
}

func places(b *salvor.Backup) []place {
	ps := make([]place, 0, len(b.Status.Namespaces)+1)
	for _, n := range b.Status.Namespaces {
		ps = append(ps, place{b.Status.ClusterID, n})
	}
	if len(ps) == 0 || b.Spec.Scope.ClusterScoped == salvor.ClusterScopedAll {
		ps = append(ps, place{cluster: b.Status.ClusterID})
	}
	return ps
}

// String names the place for a reason.
func (p place) String() string {
	if p.namespace == "" {
		return "the cluster's own objects"
	}
	return "namespace " + p.namespace
}
