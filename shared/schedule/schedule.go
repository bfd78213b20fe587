// Package schedule tells when a SchedulePolicy runs next. It is pure: the same policy and time give the same answer.
//
// An interval counts from an anchor, in real time. The other sorts name wall-clock times in the policy's zone. Where
// clocks change,
//   - a wall-clock time that does not exist runs at the next instant that does: 02:30 runs at 03:00 on the night in
//     which clocks go from 02:00 to 03:00. A backup a little late is better than none. (EventBridge skips such a run.)
//   - a wall-clock time that exists twice runs once, the first time.
package schedule

import (
	"time"

	"salvor.io/salvor/shared/salvor"
)

// clock yields wall-clock times. They are kept as times in UTC, which has no gaps, whatever zone they are meant in.
type clock interface {
	// next is the first time after wall that the policy names, the zero time when there is none.
	next(wall time.Time) time.Time
}

// Next returns the first time after `after` at which the policy runs, in the policy's zone and whole seconds. It is the
// zero time when the policy never runs again, as for a cron expression whose years are over. An interval counts from
// anchor, which is its first run; the zero anchor stands for the start of 1970. Invalid: the policy is wrong.
func Next(spec salvor.SchedulePolicySpec, after, anchor time.Time) (time.Time, error) {
	c, err := compile(spec)
	if err != nil {
		return time.Time{}, err
	}
	zone, err := spec.Location()
	if err != nil {
		return time.Time{}, err
	}
	if spec.Interval != nil {
		return nextInterval(spec.Interval.Duration, after, anchor).In(zone), nil
	}
	// In the hour that exists twice, times after `after` by the wall clock may lie before it.
	for wall := c.next(wallClock(after, zone)); !wall.IsZero(); wall = c.next(wall) {
		if at := instant(wall, zone); at.After(after) {
			return at, nil
		}
	}
	return time.Time{}, nil
}

// Check reads the policy as Next does, its cron expression too. Invalid: the policy is wrong.
func Check(spec salvor.SchedulePolicySpec) error {
	_, err := compile(spec)
	return err
}

// compile returns the policy's clock, nil for an interval.
func compile(spec salvor.SchedulePolicySpec) (clock, error) {
	if errs := spec.Validate(nil); len(errs) > 0 {
		return nil, salvor.Errorf(salvor.Invalid, "reading schedule policy: %w", errs.ToAggregate())
	}
	switch {
	case spec.Daily != nil:
		return newCalendar(spec.Daily.Times, everyDay), nil
	case spec.Weekly != nil:
		return newCalendar(spec.Weekly.Times, weekly(spec.Weekly.Days)), nil
	case spec.Monthly != nil:
		return newCalendar(spec.Monthly.Times, monthly(spec.Monthly.Days)), nil
	case spec.Cron != "":
		return newCron(spec.Cron)
	}
	return nil, nil
}

func nextInterval(every time.Duration, after, anchor time.Time) time.Time {
	if anchor.IsZero() {
		anchor = time.Unix(0, 0)
	}
	anchor = anchor.Truncate(time.Second)
	if after.Before(anchor) {
		return anchor
	}
	return anchor.Add((after.Sub(anchor)/every + 1) * every)
}
