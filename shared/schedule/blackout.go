package schedule

import (
	"slices"
	"time"

	"salvor.io/salvor/shared/salvor"
)

// blackout is a time of the day, on some days.
type blackout struct {
	days        []string
	from, to    time.Duration // since midnight
	first, last time.Time     // days, as midnight in UTC; zero: no bound
}

const day = 24 * time.Hour

func newBlackout(b salvor.Blackout) blackout {
	c := blackout{days: b.Days, to: day}
	if b.From != "" {
		c.from, c.to = sinceMidnight(b.From), sinceMidnight(b.To)
	}
	if c.to <= c.from {
		c.to += day
	}
	if b.StartDate != "" {
		c.first = date(b.StartDate)
	}
	if b.EndDate != "" {
		c.last = date(b.EndDate)
	}
	return c
}

// begins reports whether the blackout begins on the day.
func (b blackout) begins(midnight time.Time) bool {
	return !midnight.Before(b.first) && (b.last.IsZero() || !midnight.After(b.last)) &&
		(len(b.days) == 0 || slices.Contains(b.days, midnight.Weekday().String()))
}

// blackoutAt returns when the blackout ends, or clocks change in it, in which a run of that time would begin, at it or up to
// the jitter later; the zero time when there is none. What counts is what the clock shows: each of two hours of one name.
func (p *Plan) blackoutAt(at time.Time) time.Time {
	if len(p.blackouts) == 0 {
		return time.Time{}
	}
	latest := at.Add(p.spec.Jitter.Duration)
	for from := at; !from.After(latest); {
		change := nextChange(from, p.zone)
		until := latest
		if !change.IsZero() && !change.After(latest) {
			until = change.Add(-time.Second)
		}
		if end := p.shownBlack(wallClock(from, p.zone), wallClock(until, p.zone)); !end.IsZero() {
			end := from.Add(end.Sub(wallClock(from, p.zone)))
			if !change.IsZero() && end.After(change) {
				return change
			}
			return end
		}
		from = until.Add(time.Second)
	}
	return time.Time{}
}

// shownBlack returns what a clock, which shows the time from one to another one, shows at the end of a blackout among
// these; the zero time when there is none.
func (p *Plan) shownBlack(from, until time.Time) time.Time {
	// One that began the day before may still last: it is of less than 24 hours after midnight.
	for midnight := midnightOf(from).Add(-day); !midnight.After(until); midnight = midnight.Add(day) {
		for _, b := range p.blackouts {
			if end := midnight.Add(b.to); b.begins(midnight) && from.Before(end) && !until.Before(midnight.Add(b.from)) {
				return end
			}
		}
	}
	return time.Time{}
}

func midnightOf(wall time.Time) time.Time {
	return time.Date(wall.Year(), wall.Month(), wall.Day(), 0, 0, 0, 0, time.UTC)
}

// sinceMidnight reads HH:MM.
func sinceMidnight(s string) time.Duration {
	t, _ := time.Parse("15:04", s) // validated before
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
}
