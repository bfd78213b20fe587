package dates

import (
	"time"

	"salvor.io/salvor/shared/salvor"
)

// day returns the span of t's calendar day, some days back. A day begins with its first instant: where clocks go
// forward at midnight that is one o'clock.
func day(t time.Time, back int, zone *time.Location) (Span, error) {
	y, m, d := t.Date()
	wall := time.Date(y, m, d-back, 0, 0, 0, 0, time.UTC)
	start, _, _ := instants(wall, zone)
	end, _, _ := instants(wall.AddDate(0, 0, 1), zone)
	if !end.After(start) {
		return Span{}, salvor.Errorf(salvor.Invalid, "there was no %s in %s: the calendar skipped it", wall.Format(time.DateOnly), zone)
	}
	return Span{Start: start, End: end}, nil
}

// farthest is more than any zone was ever away from UTC.
const farthest = 26 * time.Hour

// instants returns the first and the last instant at which clocks in the zone show wall, which is given as if in UTC.
// They differ where clocks were set back. Where clocks went forward over it, both are the instant of the change and
// shown is false.
func instants(wall time.Time, zone *time.Location) (first, last time.Time, shown bool) {
	var change time.Time
	for t := wall.Add(-farthest).In(zone); ; {
		// A stretch of time with one offset; the first of all has no start and the last no end.
		start, end := t.ZoneBounds()
		_, offset := t.Zone()
		at := wall.Add(-time.Duration(offset) * time.Second).In(zone)
		switch {
		case !start.IsZero() && at.Before(start):
			if change.IsZero() {
				change = start // Before it wall had not come yet; from it on wall is over.
			}
		case end.IsZero() || at.Before(end):
			if !shown {
				first = at
			}
			last, shown = at, true
		}
		if end.IsZero() || end.After(wall.Add(farthest)) {
			break
		}
		t = end
	}
	if !shown {
		return change, change, false
	}
	return first, last, true
}
