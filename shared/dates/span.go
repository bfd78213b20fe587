package dates

import "time"

// Span is the time that a date means: from Start on, before End. An instant has Start and End equal.
type Span struct{ Start, End time.Time }

// Instant reports whether the span is one moment.
func (s Span) Instant() bool { return s.Start.Equal(s.End) }

// Last returns the last nanosecond of the span: "as of 2026-11-20" means the end of that day.
func (s Span) Last() time.Time {
	if s.Instant() {
		return s.Start
	}
	return s.End.Add(-time.Nanosecond)
}

// day returns the whole day of t in its zone: 23, 24 or 25 hours, as the zone has it.
func day(t time.Time) Span {
	y, m, d := t.Date()
	return Span{midnight(y, m, d, t.Location()), midnight(y, m, d+1, t.Location())}
}

// midnight returns the first moment of a day: where midnight is skipped by a change of the clock, the moment of the change.
func midnight(y int, m time.Month, d int, zone *time.Location) time.Time {
	t := time.Date(y, m, d, 0, 0, 0, 0, zone)
	want := time.Date(y, m, d, 12, 0, 0, 0, zone).YearDay()
	for t.YearDay() != want { // time.Date went back to the day before
		t = t.Add(15 * time.Minute).Truncate(15 * time.Minute)
	}
	// Where midnight comes twice, time.Date may have chosen the second.
	if first := t.Add(-time.Hour); first.YearDay() == want {
		return first
	}
	return t
}
