package schedule

import "time"

// wallClock is what a clock in the zone shows at the instant, in whole seconds, as a time in UTC.
func wallClock(at time.Time, zone *time.Location) time.Time {
	t := at.In(zone)
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
}

// instant is the first instant at which a clock in the zone shows the time, or, when it jumps over that time, the
// instant of the jump.
func instant(wall time.Time, zone *time.Location) time.Time {
	guess := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, zone)
	start, end := guess.ZoneBounds()
	shown := wallClock(guess, zone)
	switch {
	// time.Date does not say which side of a jump it lands on: the jump is behind the guess if that shows too much.
	case shown.After(wall):
		return start
	case shown.Before(wall):
		return end
	case start.IsZero():
		return guess
	}
	// The same time before the zone's last change, where the clock was put back, comes first.
	_, offset := start.Add(-time.Second).Zone()
	earlier := wall.Add(-time.Duration(offset) * time.Second).In(zone)
	if earlier.Before(start) && wallClock(earlier, zone).Equal(wall) {
		return earlier
	}
	return guess
}

// nextChange is when clocks in the zone change next after the instant; the zero time when they never do. It may name a time at
// which nothing changes, but none that is over, as ZoneBounds does on the last day of leap years that the zone's file does not list.
func nextChange(at time.Time, zone *time.Location) time.Time {
	for after := at; ; after = after.Add(day) {
		if _, end := after.In(zone).ZoneBounds(); end.IsZero() || end.After(at) {
			return end
		}
	}
}
