// Package schedule tells when a SchedulePolicy runs. It is pure: the same policy and time give the same answer.
//
// An interval counts from an anchor, in real time. The other sorts name wall-clock times in the policy's zone. Where
// clocks change,
//   - a wall-clock time that does not exist runs at the next instant that does: 02:30 runs at 03:00 on the night in
//     which clocks go from 02:00 to 03:00. A backup a little late is better than none. (EventBridge skips such a run.)
//   - a wall-clock time that exists twice runs once, the first time.
//
// A day that a month lacks, such as the 31st, is left out there; -1 is the last day of every month.
package schedule

import (
	"slices"
	"time"

	"salvor.io/salvor/shared/salvor"
)

// clock yields wall-clock times. They are kept as times in UTC, which has no gaps, whatever zone they are meant in.
type clock interface {
	// next is the first time after wall that the policy names, the zero time when there is none.
	next(wall time.Time) time.Time
}

// Plan is a policy that was read. It is safe for concurrent use.
type Plan struct {
	spec       salvor.SchedulePolicySpec
	zone       *time.Location
	clock      clock         // nil for an interval
	period     time.Duration // of an interval
	anchor     time.Time     // of an interval
	start, end time.Time     // the first instant, and the first that is not in it any more; zero: no bound
	blackouts  []blackout
}

// Compile reads a policy. An interval, and weeks of which not all are meant, count from the policy's start date; without
// one from anchor, which is when the schedule was made; the zero anchor stands for the start of 1970. Invalid: the policy is
// wrong.
func Compile(spec salvor.SchedulePolicySpec, anchor time.Time) (*Plan, error) {
	if errs := spec.Validate(nil); len(errs) > 0 {
		return nil, salvor.Errorf(salvor.Invalid, "reading schedule policy: %w", errs.ToAggregate())
	}
	zone, err := spec.Location()
	if err != nil {
		return nil, err
	}
	p := &Plan{spec: spec, zone: zone, period: spec.Period(), anchor: anchor.Truncate(time.Second)}
	if anchor.IsZero() {
		p.anchor = time.Unix(0, 0)
	}
	if spec.StartDate != "" {
		p.start = instant(date(spec.StartDate), zone)
		p.anchor = p.start
	}
	if spec.EndDate != "" {
		p.end = instant(date(spec.EndDate).AddDate(0, 0, 1), zone)
	}
	for _, b := range spec.Blackouts {
		p.blackouts = append(p.blackouts, newBlackout(b))
	}
	p.clock, err = newClock(spec, wallClock(p.anchor, zone))
	return p, err
}

// newClock returns the policy's clock, nil for an interval.
func newClock(spec salvor.SchedulePolicySpec, anchor time.Time) (clock, error) {
	switch {
	case spec.Daily != nil:
		return newCalendar(spec.Daily.Times, everyDay), nil
	case spec.Weekly != nil:
		return newCalendar(spec.Weekly.Times, weekly(spec.Weekly, anchor)), nil
	case spec.Monthly != nil:
		return newCalendar(spec.Monthly.Times, monthly(spec.Monthly)), nil
	case spec.Cron != "":
		return newCron(spec.Cron)
	}
	return nil, nil
}

// Start is the first instant of the policy; nil: no bound.
func (p *Plan) Start() *time.Time { return bound(p.start) }

// End is the first instant after the policy; nil: no bound.
func (p *Plan) End() *time.Time { return bound(p.end) }

func bound(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// Meant returns the run that something is delivered for which was meant for a time: that time, if the policy runs then; of
// an interval the newest run until a minute later, for deliverers count in minutes from when they like. The zero time: none.
func (p *Plan) Meant(at time.Time) time.Time {
	if p.clock != nil {
		if p.Runs(at) {
			return at
		}
		return time.Time{}
	}
	until := at.Add(time.Minute - time.Second)
	return p.Newest(until.Add(-p.period), until)
}

// Zone is the policy's.
func (p *Plan) Zone() *time.Location { return p.zone }

// mostLeftOut is how many blackouts in a row are looked beyond: some ten years of one a day.
const mostLeftOut = 4000

// Next returns the first time after `after` at which the policy runs, in the policy's zone and whole seconds. It is the
// zero time when the policy never runs again: its end date or the years of its cron expression are over, or each run of
// some ten years lies in a blackout.
func (p *Plan) Next(after time.Time) time.Time {
	for range mostLeftOut {
		at := p.named(after)
		if at.IsZero() {
			return at
		}
		until := p.blackoutAt(at)
		if until.IsZero() {
			return at
		}
		after = until.Add(-time.Second)
	}
	return time.Time{}
}

// Runs reports whether the policy runs at that time.
func (p *Plan) Runs(at time.Time) bool { return p.Next(at.Add(-time.Second)).Equal(at) }

// named is Next without a look at blackouts.
func (p *Plan) named(after time.Time) time.Time {
	if before := p.start.Add(-time.Second); !p.start.IsZero() && after.Before(before) {
		after = before
	}
	at := p.unbounded(after)
	if !p.end.IsZero() && !at.Before(p.end) {
		return time.Time{}
	}
	return at
}

func (p *Plan) unbounded(after time.Time) time.Time {
	if p.clock == nil {
		return nextInterval(p.period, after, p.anchor).In(p.zone)
	}
	// In the hour that exists twice, times after `after` by the wall clock may lie before it.
	for wall := p.clock.next(wallClock(after, p.zone)); !wall.IsZero(); wall = p.clock.next(wall) {
		if at := instant(wall, p.zone); at.After(after) {
			return at
		}
	}
	return time.Time{}
}

// Newest returns the newest run that is after one time and not after another; the zero time when there is none.
func (p *Plan) Newest(after, until time.Time) time.Time {
	for step := time.Hour; ; step *= 8 {
		from := until.Add(-step)
		last := !from.After(after)
		if last {
			from = after
		}
		var newest time.Time
		for at := p.Next(from); !at.IsZero() && !at.After(until); at = p.Next(at) {
			newest = at
		}
		if last || !newest.IsZero() {
			return newest
		}
	}
}

// Count returns how many runs are after one time and before another, up to most.
func (p *Plan) Count(after, before time.Time, most int) int {
	n := 0
	for at := p.Next(after); n < most && !at.IsZero() && at.Before(before); at = p.Next(at) {
		n++
	}
	return n
}

// Next is that of the policy's plan.
func Next(spec salvor.SchedulePolicySpec, after, anchor time.Time) (time.Time, error) {
	p, err := Compile(spec, anchor)
	if err != nil {
		return time.Time{}, err
	}
	return p.Next(after), nil
}

// Check reads the policy as Compile does, its cron expression too. Invalid: the policy is wrong, or names no time that there
// ever was or will be, such as the 30th of February.
func Check(spec salvor.SchedulePolicySpec) error {
	p, err := Compile(spec, time.Time{})
	if err == nil && !p.everRuns() {
		return salvor.Errorf(salvor.Invalid, "reading schedule policy: it never runs: no day is like that, or its dates or blackouts leave out each").
			WithHint("salvor schedule next lists the runs of a policy")
	}
	return err
}

// everRuns looks from the start of 1970 on, and after each blackout of some days: Next gives up in one of many years.
func (p *Plan) everRuns() bool {
	after := []time.Time{time.Unix(-1, 0)}
	for _, b := range p.blackouts {
		if !b.last.IsZero() {
			after = append(after, instant(b.last, p.zone))
		}
	}
	return slices.ContainsFunc(after, func(t time.Time) bool { return !p.Next(t).IsZero() })
}

func nextInterval(every time.Duration, after, anchor time.Time) time.Time {
	if after.Before(anchor) {
		return anchor
	}
	// In seconds: what lies centuries apart is more than a time.Duration holds.
	period := int64(every / time.Second)
	return time.Unix(anchor.Unix()+((after.Unix()-anchor.Unix())/period+1)*period, 0)
}

// date reads a day, as midnight in UTC.
func date(s string) time.Time {
	t, _ := time.Parse(time.DateOnly, s) // validated before
	return t
}
