package dates_test

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"salvor.io/salvor/shared/dates"
	"salvor.io/salvor/shared/salvor"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	l, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestParse(t *testing.T) {
	tests := map[string]struct {
		text, zone, start string
		length            time.Duration
	}{
		"a date is the whole day in the zone":                  {"2026-11-20", "Europe/Berlin", "2026-11-20T00:00:00+01:00", 24 * time.Hour},
		"the day the clock goes forward has 23 hours":          {"2026-03-29", "Europe/Berlin", "2026-03-29T00:00:00+01:00", 23 * time.Hour},
		"the day the clock goes back has 25":                   {"2026-10-25", "Europe/Berlin", "2026-10-25T00:00:00+02:00", 25 * time.Hour},
		"a day whose midnight is skipped begins at one":        {"2018-11-04", "America/Sao_Paulo", "2018-11-04T01:00:00-02:00", 23 * time.Hour},
		"a day whose midnight comes twice begins at the first": {"2026-11-01", "America/Havana", "2026-11-01T00:00:00-04:00", 25 * time.Hour},
		"a change by half an hour":                             {"2026-10-04", "Australia/Lord_Howe", "2026-10-04T00:00:00+10:30", 23*time.Hour + 30*time.Minute},
		"today":                                                {"today", "UTC", "2026-11-22T00:00:00Z", 24 * time.Hour},
		"today elsewhere is another day":                       {"today", "Asia/Tokyo", "2026-11-23T00:00:00+09:00", 24 * time.Hour},
		"yesterday, in any case":                               {"Yesterday", "UTC", "2026-11-21T00:00:00Z", 24 * time.Hour},
		"now":                                                  {"now", "UTC", "2026-11-22T18:30:00Z", 0},
		"days ago are an instant":                              {"3d", "UTC", "2026-11-19T18:30:00Z", 0},
		"a day ago is the same time by the wall":               {"29d", "Europe/Berlin", "2026-10-24T19:30:00+02:00", 0},
		"hours ago":                                            {"36h", "UTC", "2026-11-21T06:30:00Z", 0},
		"minutes ago":                                          {"90m", "UTC", "2026-11-22T17:00:00Z", 0},
		"weeks ago":                                            {"2w", "UTC", "2026-11-08T18:30:00Z", 0},
		"a time by the wall":                                   {"2026-11-20 14:30", "Europe/Berlin", "2026-11-20T14:30:00+01:00", 0},
		"with seconds and a T":                                 {"2026-11-20T14:30:05", "UTC", "2026-11-20T14:30:05Z", 0},
		"RFC 3339 has its own zone":                            {"2026-11-20T14:30:00+05:30", "Europe/Berlin", "2026-11-20T14:30:00+05:30", 0},
		"the form of names":                                    {"20261120t020000z", "Europe/Berlin", "2026-11-20T02:00:00Z", 0},
		"white space around it":                                {" 2026-11-20 ", "UTC", "2026-11-20T00:00:00Z", 24 * time.Hour},
	}
	now := time.Date(2026, 11, 22, 18, 30, 0, 0, time.UTC)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := dates.Parse(tt.text, now, zone(t, tt.zone))
			if err != nil {
				t.Fatal(err)
			}
			want, err := time.Parse(time.RFC3339, tt.start)
			if err != nil {
				t.Fatal(err)
			}
			if !got.Start.Equal(want) || got.End.Sub(got.Start) != tt.length {
				t.Errorf("got %s to %s, want %s and %s", got.Start, got.End, want, tt.length)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	now := time.Date(2026, 11, 22, 18, 30, 0, 0, time.UTC)
	for _, text := range []string{"", "2026-13-40", "2026-02-30", "tomorrowish", "3", "d", "-3d", "3y", "1e3d", "99999999999d", "2026-11-20 25:00", "2026-03-29 02:30"} {
		_, err := dates.Parse(text, now, zone(t, "Europe/Berlin"))
		if !salvor.Is(err, salvor.Invalid) {
			t.Errorf("%q: got %v", text, err)
		} else if !strings.Contains(err.Error(), "2026-11-20") {
			t.Errorf("%q: the message shows no form: %v", text, err)
		}
	}
}

func TestLast(t *testing.T) {
	s, err := dates.Parse("2026-11-20", time.Now(), time.UTC)
	if err != nil || !s.Last().Equal(time.Date(2026, 11, 20, 23, 59, 59, 999999999, time.UTC)) {
		t.Errorf("got %s, %v", s.Last(), err)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"2026-11-20", "3d", "now", "2026-11-20T14:30:00Z", "20261120t143000z", "yesterday", "2026-11-20 14:30"} {
		f.Add(s, int64(1795372200))
	}
	sao := zone(f, "America/Sao_Paulo")
	f.Fuzz(func(t *testing.T, s string, unix int64) {
		span, err := dates.Parse(s, time.Unix(unix%(1<<33), 0), sao)
		if err != nil {
			return
		}
		if length := span.End.Sub(span.Start); length != 0 && (length < 22*time.Hour || length > 26*time.Hour) {
			t.Errorf("%q means %s", s, length)
		}
		if last := span.Last(); last.Before(span.Start) || last.After(span.End) {
			t.Errorf("%q: last is outside", s)
		}
	})
}
