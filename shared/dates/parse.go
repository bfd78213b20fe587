package dates

import (
	"strconv"
	"strings"
	"time"

	"salvor.io/salvor/shared/salvor"
)

// Forms lists what Parse reads, for help texts and errors.
const Forms = "2026-11-20, \"2026-11-20 14:30\" (or with seconds), 2026-11-20T14:30:00Z (RFC 3339), 20261120t020000z, " +
	"now, today, yesterday, monday to sunday (the last one), or how long ago: 90m, 36h, 3d, 2w"

// Parse reads a date in one of the Forms, in upper or lower case. What says no offset is meant in the zone; now is the
// present. Days and weeks ago go back on the calendar, to the same time of day; hours and minutes go back in time.
// Invalid: it is in none of the forms, or a time that the clocks of the zone never showed, or showed twice.
func Parse(s string, now time.Time, zone *time.Location) (Span, error) {
	word := strings.ToLower(strings.Join(strings.Fields(s), " "))
	now = now.In(zone)
	for _, read := range []func(string, time.Time, *time.Location) (Span, bool, error){
		parseWord, parseAge, parseDay, parseAbsolute, parseWall,
	} {
		span, ok, err := read(word, now, zone)
		if err != nil {
			return Span{}, err
		}
		if !ok {
			continue
		}
		if !kept(span.Start) || !kept(span.End) {
			return Span{}, salvor.Errorf(salvor.Invalid, "%q is not in the years 1 to 9999", s).WithHint("write one of %s", Forms)
		}
		return span, nil
	}
	return Span{}, salvor.Errorf(salvor.Invalid, "%q is not a date", s).WithHint("write one of %s", Forms)
}

// kept reports whether RFC 3339 can write the time.
func kept(t time.Time) bool {
	y := t.UTC().Year()
	return y >= 1 && y <= 9999
}

func parseWord(s string, now time.Time, zone *time.Location) (Span, bool, error) {
	switch s {
	case "now":
		return instant(now), true, nil
	case "today":
		span, err := day(now, 0, zone)
		return span, true, err
	case "yesterday":
		today, err := day(now, 0, zone)
		if err != nil {
			return Span{}, false, err
		}
		// The day that ended then: where a whole day was skipped it is the one before that.
		span, err := day(today.Start.Add(-1), 0, zone)
		return span, true, err
	}
	weekday, ok := weekdays[strings.TrimPrefix(s, "last ")]
	if !ok {
		return Span{}, false, nil
	}
	span, err := day(now, (int(now.Weekday()-weekday)+6)%7+1, zone) // 1 to 7 days back: today's own name is a week ago.
	return span, true, err
}

var weekdays = func() map[string]time.Weekday {
	m := make(map[string]time.Weekday)
	for d := time.Sunday; d <= time.Saturday; d++ {
		m[strings.ToLower(d.String())] = d
	}
	return m
}()

// maxAge bounds the number in an age: so many hours are just what a time.Duration holds.
const maxAge = 2_500_000

func parseAge(s string, now time.Time, zone *time.Location) (Span, bool, error) {
	s = strings.TrimSuffix(s, " ago")
	if len(s) < 2 {
		return Span{}, false, nil
	}
	number, unit := s[:len(s)-1], s[len(s)-1]
	if strings.Trim(number, "0123456789") != "" || !strings.ContainsRune("smhdw", rune(unit)) {
		return Span{}, false, nil
	}
	n, err := strconv.Atoi(number)
	if err != nil || n > maxAge {
		return Span{}, false, salvor.Errorf(salvor.Invalid, "%q is too long ago", s).WithHint("write one of %s", Forms)
	}
	switch unit {
	case 's':
		return instant(now.Add(-time.Duration(n) * time.Second)), true, nil
	case 'm':
		return instant(now.Add(-time.Duration(n) * time.Minute)), true, nil
	case 'h':
		return instant(now.Add(-time.Duration(n) * time.Hour)), true, nil
	case 'w':
		n *= 7
	}
	// The same time of day; the first of two, and where it was skipped the moment of the change: nobody wrote that time.
	y, m, d := now.Date()
	first, _, _ := instants(time.Date(y, m, d-n, now.Hour(), now.Minute(), now.Second(), now.Nanosecond(), time.UTC), zone)
	return instant(first), true, nil
}

func parseDay(s string, _ time.Time, zone *time.Location) (Span, bool, error) {
	date, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Span{}, false, nil
	}
	span, err := day(date, 0, zone)
	return span, true, err
}

// parseAbsolute reads times that say their offset.
func parseAbsolute(s string, _ time.Time, zone *time.Location) (Span, bool, error) {
	s = strings.ToUpper(strings.Replace(s, " ", "T", 1))
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "20060102T150405Z"} {
		if t, err := time.Parse(layout, s); err == nil {
			return instant(t.In(zone)), true, nil
		}
	}
	return Span{}, false, nil
}

// parseWall reads times of day in the zone.
func parseWall(s string, _ time.Time, zone *time.Location) (Span, bool, error) {
	s = strings.ToUpper(strings.Replace(s, " ", "T", 1))
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05"} {
		wall, err := time.Parse(layout, s)
		if err != nil {
			continue
		}
		first, last, shown := instants(wall, zone)
		if !shown {
			return Span{}, false, salvor.Errorf(salvor.Invalid, "the clocks in %s never showed %q: they went forward", zone, s).
				WithHint("write %s, which is when they did, or give the offset", first.Format(time.RFC3339))
		}
		if !first.Equal(last) {
			return Span{}, false, salvor.Errorf(salvor.Invalid, "the clocks in %s showed %q twice: they were set back", zone, s).
				WithHint("write %s or %s", first.Format(time.RFC3339), last.Format(time.RFC3339))
		}
		return instant(first), true, nil
	}
	return Span{}, false, nil
}
