// Package retention decides which backups stay and which go, and says why. It is pure, and deletes nothing itself.
//
// A backup goes when no rule of its schedule's policy keeps it. The rules are: the newest n; the newest of each of the n
// newest hours, days, weeks, months and years that have one, by the calendar of the policy's time zone; those younger than
// a given age; those whose labels match. Each cluster of a schedule, and each result, is counted by itself: failed and
// partial backups never push out complete ones, nor do they pile up.
// Besides,
//   - a backup that another catalog made stays, and counts for nothing: that catalog may delete it at any time;
//   - one that is dated in the future, by a clock that was wrong, stays until then, and counts for nothing: it would push out
//     each that is made meanwhile;
//   - one that was asked for by hand stays until a person deletes it;
//   - one that is held stays until it is released;
//   - one that is still being made stays, and one that still owes a thaw;
//   - the newest run of a schedule stays, for each cluster: the next run is counted from it;
//   - the last good backup of a namespace stays, whatever the policy says. Good is Completed; of a namespace that has
//     no such backup, the newest PartiallyFailed one stays in its place.
package retention

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/labels"

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
// schedule among them, and zone its time zone; nil is UTC. What is the last backup of a namespace is judged by what was
// given: whoever leaves out backups of other schedules keeps more than is needed, never less.
func Plan(policy salvor.Retention, zone *time.Location, backups []*salvor.Backup, now time.Time) (keep, remove []Decision) {
	sorted := newestFirst(backups)
	last := lastGood(slices.DeleteFunc(slices.Clone(sorted), func(b *salvor.Backup) bool { return b.Foreign() || b.Date().After(now) }))
	p := newPlan(policy, zone, now)
	ran := map[series]bool{}
	for _, b := range sorted {
		d := Decision{Backup: b}
		if b.Foreign() {
			d.Reasons = []string{"is another catalog's"}
			keep = append(keep, d)
			continue
		}
		if b.Date().After(now) && b.Status.Phase != salvor.PhaseDeleting {
			d.Reasons = append([]string{"is dated in the future"}, kept(b)...)
			keep = append(keep, d)
			continue
		}
		run := series{b.Status.ClusterID, b.Spec.Schedule, ""}
		newest := !ran[run]
		ran[run] = true
		if b.Status.Phase == salvor.PhaseDeleting {
			d.Reasons = []string{"its deletion has begun"}
			remove = append(remove, d)
			continue
		}
		d.Reasons = append(p.reasons(b), last[b]...)
		if len(d.Reasons) == 0 && newest {
			d.Reasons = []string{"is the newest run of its schedule"}
		}
		if len(d.Reasons) > 0 {
			keep = append(keep, d)
			continue
		}
		d.Reasons = []string{p.expired(b)}
		remove = append(remove, d)
	}
	return keep, remove
}

// plan is one run of Plan.
type plan struct {
	policy   salvor.Retention
	zone     *time.Location
	now      time.Time
	matching labels.Selector // nil: none matches
	counts   map[series]*count
	gone     map[string]string // why a backup of the result goes
}

// series is what counts by itself.
type series struct {
	cluster, schedule, result string
}

// count is how many of a series were met so far, and how many units of each rule's calendar they fill.
type count struct {
	met   int
	units []unit
}

func newPlan(policy salvor.Retention, zone *time.Location, now time.Time) *plan {
	if zone == nil {
		zone = time.UTC
	}
	return &plan{policy: policy, zone: zone, now: now, matching: matching(policy), counts: map[series]*count{}, gone: map[string]string{}}
}

func (p *plan) countOf(b *salvor.Backup) *count {
	s := series{b.Status.ClusterID, b.Spec.Schedule, result(b)}
	c := p.counts[s]
	if c == nil {
		c = &count{units: make([]unit, len(calendars))}
		p.counts[s] = c
	}
	return c
}

// newestFirst sorts by date; of one moment, the later name is the newer.
func newestFirst(backups []*salvor.Backup) []*salvor.Backup {
	type dated struct {
		*salvor.Backup
		at time.Time
	}
	all := make([]dated, len(backups))
	for i, b := range backups {
		all[i] = dated{b, b.Date()}
	}
	slices.SortFunc(all, func(a, b dated) int {
		if c := b.at.Compare(a.at); c != 0 {
			return c
		}
		return cmp.Or(cmp.Compare(b.Name, a.Name), cmp.Compare(a.Status.ClusterID, b.Status.ClusterID))
	})
	sorted := make([]*salvor.Backup, len(all))
	for i, d := range all {
		sorted[i] = d.Backup
	}
	return sorted
}

// result is how a backup ended, for people and for counting.
func result(b *salvor.Backup) string {
	switch b.Status.Phase {
	case salvor.PhaseFailed, salvor.PhaseCanceled:
		return "not usable"
	case salvor.PhasePartiallyFailed:
		return "partial"
	}
	return "complete"
}
