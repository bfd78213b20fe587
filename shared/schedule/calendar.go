package schedule

import (
	"slices"
	"strings"
	"time"

	"salvor.io/salvor/shared/salvor"
)

// maxDays is more than there can be between two days of a calendar: eight years, from one 29th of February to the next
// around 2100.
const maxDays = 8*366 + 7

// calendar names the same times on some days.
type calendar struct {
	times []time.Duration // since midnight, ascending
	day   func(midnight time.Time) bool
}

func newCalendar(times []string, day func(time.Time) bool) calendar {
	c := calendar{day: day}
	for _, s := range times {
		c.times = append(c.times, sinceMidnight(s))
	}
	slices.Sort(c.times)
	return c
}

func (c calendar) next(wall time.Time) time.Time {
	midnight := midnightOf(wall)
	for range maxDays {
		if c.day(midnight) {
			for _, t := range c.times {
				if at := midnight.Add(t); at.After(wall) {
					return at
				}
			}
		}
		midnight = midnight.Add(day)
	}
	return time.Time{}
}

func everyDay(time.Time) bool { return true }

// weekly chooses days of every week, or of every second one, and so on, from the week of the anchor.
func weekly(w *salvor.WeeklyPolicy, anchor time.Time) func(time.Time) bool {
	first, every := mondayOf(anchor), max(w.Every, 1)
	return func(t time.Time) bool {
		weeks := int((mondayOf(t).Unix() - first.Unix()) / int64(7*day/time.Second))
		return weeks%every == 0 && slices.Contains(w.Days, t.Weekday().String())
	}
}

// mondayOf is the midnight that the time's week begins with.
func mondayOf(wall time.Time) time.Time {
	return midnightOf(wall).AddDate(0, 0, -(int(wall.Weekday())+6)%7)
}

// monthly chooses days by number, of which -1 is the last one, and by weekday; a month that lacks one has no run for it.
func monthly(m *salvor.MonthlyPolicy) func(time.Time) bool {
	return func(t time.Time) bool {
		if len(m.Months) > 0 && !slices.Contains(m.Months, t.Month().String()) {
			return false
		}
		last := t.AddDate(0, 0, 1).Day() == 1
		return slices.Contains(m.Days, t.Day()) || last && slices.Contains(m.Days, -1) ||
			slices.ContainsFunc(m.Weekdays, func(s string) bool { return isNth(t, s) })
	}
}

// isNth reports whether the day is the weekday of its month that is meant, such as last Friday.
func isNth(t time.Time, s string) bool {
	nth, weekday, _ := strings.Cut(s, " ")
	if t.Weekday().String() != weekday {
		return false
	}
	if nth == "last" {
		return t.AddDate(0, 0, 7).Month() != t.Month()
	}
	return (t.Day()-1)/7 == slices.Index(nths, nth)
}

// nths are the places of a weekday in its month.
var nths = []string{"first", "second", "third", "fourth"}
