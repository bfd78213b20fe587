package schedule

import (
	"slices"
	"time"
)

// maxDays is more than there can be between two days of a calendar: 62, from one 31st to the next but one month's.
const maxDays = 70

// calendar names the same times on some days.
type calendar struct {
	times []time.Duration // since midnight, ascending
	day   func(midnight time.Time) bool
}

func newCalendar(times []string, day func(time.Time) bool) calendar {
	c := calendar{day: day}
	for _, s := range times {
		t, _ := time.Parse("15:04", s) // validated before
		c.times = append(c.times, time.Duration(t.Hour())*time.Hour+time.Duration(t.Minute())*time.Minute)
	}
	slices.Sort(c.times)
	return c
}

func (c calendar) next(wall time.Time) time.Time {
	midnight := time.Date(wall.Year(), wall.Month(), wall.Day(), 0, 0, 0, 0, time.UTC)
	for range maxDays {
		if c.day(midnight) {
			for _, t := range c.times {
				if at := midnight.Add(t); at.After(wall) {
					return at
				}
			}
		}
		midnight = midnight.AddDate(0, 0, 1)
	}
	return time.Time{}
}

func everyDay(time.Time) bool { return true }

func weekly(days []string) func(time.Time) bool {
	return func(t time.Time) bool { return slices.Contains(days, t.Weekday().String()) }
}

// monthly chooses days by number; a month that lacks one has no run for it. -1 is the last day.
func monthly(days []int) func(time.Time) bool {
	return func(t time.Time) bool {
		last := t.AddDate(0, 0, 1).Day() == 1
		return slices.Contains(days, t.Day()) || last && slices.Contains(days, -1)
	}
}
