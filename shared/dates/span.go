package dates

import "time"

// Span is the time that a date covers: from Start on, before End. An instant has Start and End equal.
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

func instant(t time.Time) Span { return Span{Start: t, End: t} }
