package dates

import (
	"time"

	"salvor.io/salvor/shared/salvor"
)

// MaxDays is how many days a calendar shows at most.
const MaxDays = 366

// Days returns the calendar days of the zone that have a part between two times, oldest first; each is whole. Invalid:
// there are more than MaxDays.
func Days(from, to time.Time, zone *time.Location) (days []Span, err error) {
	for at := from.In(zone); at.Before(to); {
		d, err := day(at, 0, zone)
		if err != nil {
			return nil, err
		}
		if days = append(days, d); len(days) > MaxDays {
			return nil, salvor.Errorf(salvor.Invalid, "from %s to %s are more than %d days", from.Format(time.DateOnly), to.Format(time.DateOnly), MaxDays)
		}
		at = d.End.In(zone)
	}
	return days, nil
}

// Month returns the month of the zone that t is in.
func Month(t time.Time, zone *time.Location) Span {
	y, m, _ := t.In(zone).Date()
	first := func(m time.Month) time.Time {
		at, _, _ := instants(time.Date(y, m, 1, 0, 0, 0, 0, time.UTC), zone)
		return at
	}
	return Span{Start: first(m), End: first(m + 1)}
}
