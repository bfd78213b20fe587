package dates

import (
	"math"
	"strconv"
	"strings"
	"time"

	"salvor.io/salvor/shared/salvor"
)

// Forms lists what Parse reads, for help texts.
const Forms = "2026-11-20, 2026-11-20 14:30, today, yesterday, now, 90m, 36h, 3d or 2w (ago), 2026-11-20T14:30:00Z, 20261120t143000z"

// wallClock are instants by the clock on the wall of the zone.
var wallClock = []string{"2006-01-02 15:04", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02T15:04:05"}

// Parse reads s, relative to now, in the zone. Invalid: s is none of the Forms, or a time that the zone's clock skips.
func Parse(s string, now time.Time, zone *time.Location) (Span, error) {
	text := strings.TrimSpace(s)
	now = now.In(zone)
	switch strings.ToLower(text) {
	case "now":
		return Span{now, now}, nil
	case "today":
		return day(now), nil
	case "yesterday":
		return yesterday(now), nil
	}
	if t, err := time.ParseInLocation(time.DateOnly, text, zone); err == nil {
		y, m, d := t.Date()
		if named := text[len(text)-2:]; named != time.Date(y, m, d, 12, 0, 0, 0, zone).Format("02") {
			y, m, d = t.Add(12 * time.Hour).Date() // midnight is skipped there: time.Parse went back to the day before
		}
		return Span{midnight(y, m, d, zone), midnight(y, m, d+1, zone)}, nil
	}
	if t, err := time.Parse(time.RFC3339, strings.ToUpper(text)); err == nil {
		return Span{t, t}, nil
	}
	if t, err := time.Parse("20060102T150405Z", strings.ToUpper(text)); err == nil {
		return Span{t, t}, nil
	}
	for _, layout := range wallClock {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return onWall(t, layout, text, zone)
		}
	}
	if t, ok := ago(text, now); ok {
		return Span{t, t}, nil
	}
	return Span{}, salvor.Errorf(salvor.Invalid, "%q is not a date", s).WithHint("write %s", Forms)
}

// yesterday is the day before, which in a zone that skipped a whole day is the one before that.
func yesterday(now time.Time) Span {
	today := day(now)
	return day(today.Start.Add(-time.Nanosecond))
}

// onWall refuses a time that the clock of the zone skips: time.Parse would silently mean another one.
func onWall(t time.Time, layout, text string, zone *time.Location) (Span, error) {
	if t.Format(layout) != text {
		return Span{}, salvor.Errorf(salvor.Invalid, "%q does not exist in %s: the clock skips it", text, zone).WithHint("add an offset, as in 2026-11-20T14:30:00+01:00")
	}
	return Span{t, t}, nil
}

// ago reads 90m, 36h, 3d and 2w. A day back is the same time by the clock on the wall.
func ago(text string, now time.Time) (time.Time, bool) {
	if len(text) < 2 {
		return time.Time{}, false
	}
	n, err := strconv.ParseUint(text[:len(text)-1], 10, 31)
	if err != nil || n > math.MaxInt32/24 {
		return time.Time{}, false
	}
	var t time.Time
	switch text[len(text)-1] {
	case 's':
		t = now.Add(-time.Duration(n) * time.Second)
	case 'm':
		t = now.Add(-time.Duration(n) * time.Minute)
	case 'h':
		t = now.Add(-min(time.Duration(n), 24*365*100) * time.Hour)
	case 'd':
		t = now.AddDate(0, 0, -min(int(n), 365*100))
	case 'w':
		t = now.AddDate(0, 0, -7*min(int(n), 52*100))
	default:
		return time.Time{}, false
	}
	return t, true
}
