package schedule

import (
	"fmt"
	"slices"
	"time"
)

// Occurrence is a run, or one that is left out.
type Occurrence struct {
	// At is when the run is; when it is left out, the time that it would have been at, or the month's end.
	At time.Time
	// Note says what is not as on other days.
	Note string
	// LeftOut says why there is no run; empty: there is one.
	LeftOut string
	// Times is how many in a row are left out for the reason, from At on.
	Times int
}

// What bounds a list: the runs and blackouts that it looks at, some 27 years of a blackout each day, and the runs that it
// counts in blackouts, two years of one each minute.
const (
	mostListed  = 10_000
	mostCounted = 1_000_000
)

// List returns the first n runs after a time, and between them, up to most, what is left out.
func (p *Plan) List(after time.Time, n, most int) []Occurrence {
	var all []Occurrence
	runs, out, counted := 0, 0, 0
	for range mostListed {
		at := p.named(after)
		for _, o := range p.shortMonths(after, at) {
			if out++; out <= most {
				all = append(all, o)
			}
		}
		if at.IsZero() || runs == n {
			break
		}
		after = at
		if until := p.blackoutAt(at); until.IsZero() {
			all = append(all, Occurrence{At: at, Note: p.note(at)})
			runs++
		} else {
			times := p.namedUntil(at, until, mostCounted-counted)
			counted += times
			after = until.Add(-time.Second)
			if last := len(all) - 1; last >= 0 && all[last].LeftOut == InBlackout {
				all[last].Times += times
			} else if out++; out <= most {
				all = append(all, Occurrence{At: at, LeftOut: InBlackout, Times: times})
			}
		}
		if runs == n {
			break
		}
	}
	return all
}

// namedUntil is how many times the policy names from one of them on and before another time, up to most.
func (p *Plan) namedUntil(at, until time.Time, most int) (n int) {
	for ; n < most && !at.IsZero() && at.Before(until); at = p.named(at) {
		n++
	}
	return n
}

// InBlackout is why a run of a blackout is left out.
const InBlackout = "blackout"

// shortMonths lists the chosen months between two times that lack a chosen day.
func (p *Plan) shortMonths(after, until time.Time) []Occurrence {
	m := p.spec.Monthly
	if m == nil || until.IsZero() || len(m.Days) == 0 {
		return nil
	}
	var all []Occurrence
	wall := wallClock(after, p.zone)
	for next := time.Date(wall.Year(), wall.Month()+1, 1, 0, 0, 0, 0, time.UTC); ; next = next.AddDate(0, 1, 0) {
		end := instant(next, p.zone)
		if end.After(until) {
			return all
		}
		last := next.AddDate(0, 0, -1)
		if len(m.Months) > 0 && !slices.Contains(m.Months, last.Month().String()) || !end.After(after) {
			continue
		}
		for _, d := range m.Days {
			if d > last.Day() {
				all = append(all, Occurrence{At: end, Times: 1, LeftOut: fmt.Sprintf("%s has no %s", last.Format("January 2006"), ordinal(d))})
			}
		}
	}
}

// note says of a run what clocks that change do to it.
func (p *Plan) note(at time.Time) string {
	if p.clock == nil {
		return ""
	}
	wall := wallClock(at, p.zone)
	if !p.isNamed(wall) {
		before := wallClock(at.Add(-time.Second), p.zone).Add(time.Second)
		meant := p.clock.next(before.Add(-time.Second))
		return fmt.Sprintf("for %s, which is not there: clocks go from %s to %s", meant.Format("15:04"), before.Format("15:04"), wall.Format("15:04"))
	}
	_, end := at.ZoneBounds()
	if end.IsZero() {
		return ""
	}
	_, now := at.Zone()
	_, then := end.Zone()
	if back := time.Duration(now-then) * time.Second; back > 0 && !at.Add(back).Before(end) {
		return fmt.Sprintf("the first of two %s: clocks go back at %s", wall.Format("15:04"), wallClock(end.Add(-time.Second), p.zone).Add(time.Second).Format("15:04"))
	}
	return ""
}

// isNamed reports whether the policy names the time on the wall.
func (p *Plan) isNamed(wall time.Time) bool {
	return p.clock.next(wall.Add(-time.Second)).Equal(wall)
}

// AfterGaps returns the runs after one time and not after another that are not at a time that the policy names, because
// clocks jump over that: a scheduler that skips such times has to be told of them one by one.
func (p *Plan) AfterGaps(after, until time.Time) []time.Time {
	var all []time.Time
	if p.clock == nil {
		return nil
	}
	for {
		change := nextChange(after, p.zone)
		if change.IsZero() || change.After(until) {
			return all
		}
		if p.Runs(change) && !p.isNamed(wallClock(change, p.zone)) {
			all = append(all, change)
		}
		after = change
	}
}

func ordinal(n int) string {
	switch {
	case n == 1 || n == 21 || n == 31:
		return fmt.Sprintf("%dst", n)
	case n == 2 || n == 22:
		return fmt.Sprintf("%dnd", n)
	case n == 3 || n == 23:
		return fmt.Sprintf("%drd", n)
	}
	return fmt.Sprintf("%dth", n)
}
