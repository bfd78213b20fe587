package dates_test

import (
	"testing"
	"time"

	"salvor.io/salvor/shared/dates"
)

func TestDaysOfAMonth(t *testing.T) {
	for _, k := range []struct {
		zone  string
		at    time.Time
		days  int
		hours int
	}{
		{"UTC", time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC), 30, 30 * 24},
		{"Europe/Berlin", time.Date(2026, 10, 31, 23, 30, 0, 0, time.UTC), 30, 30 * 24}, // November there
		{"Europe/Berlin", time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC), 31, 31*24 + 1},  // set back
		{"Europe/Berlin", time.Date(2026, 3, 9, 0, 0, 0, 0, time.UTC), 31, 31*24 - 1},   // set forward
		{"Pacific/Apia", time.Date(2011, 12, 5, 0, 0, 0, 0, time.UTC), 30, 30 * 24},     // the 30th was skipped
		{"Asia/Kathmandu", time.Date(2028, 2, 28, 20, 0, 0, 0, time.UTC), 29, 29 * 24},  // a leap year
		{"America/Sao_Paulo", time.Date(2018, 11, 3, 12, 0, 0, 0, time.UTC), 30, 719},   // midnight was skipped
	} {
		zone, err := time.LoadLocation(k.zone)
		if err != nil {
			t.Fatal(err)
		}
		m := dates.Month(k.at, zone)
		days, err := dates.Days(m.Start, m.End, zone)
		if err != nil || len(days) != k.days {
			t.Errorf("%s: %d days, %v; want %d", k.zone, len(days), err, k.days)
			continue
		}
		if hours := int(m.End.Sub(m.Start) / time.Hour); hours != k.hours {
			t.Errorf("%s: %d hours, want %d", k.zone, hours, k.hours)
		}
		for i, d := range days {
			if i > 0 && !d.Start.Equal(days[i-1].End) {
				t.Errorf("%s: between day %d and the next something is lost", k.zone, i)
			}
		}
		if !days[0].Start.Equal(m.Start) || !days[len(days)-1].End.Equal(m.End) {
			t.Errorf("%s: the days do not fill the month", k.zone)
		}
	}
	if _, err := dates.Days(time.Unix(0, 0), time.Unix(0, 0).AddDate(2, 0, 0), time.UTC); err == nil {
		t.Error("two years of days were accepted")
	}
}
