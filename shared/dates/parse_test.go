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
		"yesterday after a day that the calendar skipped":      {"yesterday", "Apia, at the turn", "2011-12-29T00:00:00-10:00", 24 * time.Hour},
		"the last Monday":                                      {"last Monday", "UTC", "2026-11-16T00:00:00Z", 24 * time.Hour},
		"a weekday":                                            {"saturday", "UTC", "2026-11-21T00:00:00Z", 24 * time.Hour},
		"today's weekday is the one a week ago":                {"sunday", "UTC", "2026-11-15T00:00:00Z", 24 * time.Hour},
		"today's weekday, elsewhere":                           {"sunday", "Asia/Tokyo", "2026-11-22T00:00:00+09:00", 24 * time.Hour},
		"days ago, said in full":                               {"3d ago", "UTC", "2026-11-19T18:30:00Z", 0},
		"seconds ago":                                          {"30s", "UTC", "2026-11-22T18:29:30Z", 0},
		"days ago at a time that the clock skipped":            {"239d", "Berlin, at half past two", "2026-03-29T03:00:00+02:00", 0},
		"days ago at a time that came twice":                   {"29d", "Berlin, at half past two", "2026-10-25T02:30:00+02:00", 0},
		"hours ago across a change":                            {"24h", "Berlin, after the change", "2026-10-24T13:00:00+02:00", 0},
		"a day ago across a change":                            {"1d", "Berlin, after the change", "2026-10-24T12:00:00+02:00", 0},
		"fractions of a second":                                {"2026-11-20t14:30:00.123456789Z", "UTC", "2026-11-20T14:30:00.123456789Z", 0},
		"a blank instead of the T":                             {"2026-11-20 14:30+02:00", "UTC", "2026-11-20T12:30:00Z", 0},
		"a time before the change":                             {"2026-03-29 01:59:59", "Europe/Berlin", "2026-03-29T01:59:59+01:00", 0},
		"a time after the change":                              {"2026-03-29 03:00", "Europe/Berlin", "2026-03-29T03:00:00+02:00", 0},
		"a time after the clock was set back":                  {"2026-10-25 03:00", "Europe/Berlin", "2026-10-25T03:00:00+01:00", 0},
		"as long ago as can be said":                           {"2500000h", "UTC", "1741-09-11T02:30:00Z", 0},
		"long before zones":                                    {"1800-01-01", "UTC", "1800-01-01T00:00:00Z", 24 * time.Hour},
	}
	// Other presents than that of the other cases.
	at := map[string]struct{ zone, now string }{
		"Apia, at the turn":        {"Pacific/Apia", "2011-12-31T10:00:00+14:00"},
		"Berlin, at half past two": {"Europe/Berlin", "2026-11-23T02:30:00+01:00"},
		"Berlin, after the change": {"Europe/Berlin", "2026-10-25T12:00:00+01:00"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			now := time.Date(2026, 11, 22, 18, 30, 0, 0, time.UTC) // A Sunday.
			if other, ok := at[tt.zone]; ok {
				var err error
				if now, err = time.Parse(time.RFC3339, other.now); err != nil {
					t.Fatal(err)
				}
				tt.zone = other.zone
			}
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
	for _, text := range []string{"", "2026-13-40", "2026-02-30", "tomorrowish", "3", "d", "-3d", "3y", "1e3d", "99999999999d", "2026-11-20 25:00", "last", "last week", "0000-01-01", "2400000d", "2500001h", "2026-11-20T14:30:00+99:00", "١d"} {
		_, err := dates.Parse(text, now, zone(t, "Europe/Berlin"))
		if !salvor.Is(err, salvor.Invalid) {
			t.Errorf("%q: got %v", text, err)
		} else if !strings.Contains(err.Error(), "2026-11-20") {
			t.Errorf("%q: the message shows no form: %v", text, err)
		}
	}
}

func TestParseRefusesWhatClocksSkipOrRepeat(t *testing.T) {
	for _, tt := range []struct {
		text, zone string
		want       []string // what to write instead
	}{
		{"2026-03-29 02:00", "Europe/Berlin", []string{"2026-03-29T03:00:00+02:00"}},
		{"2026-03-29 02:59:59", "Europe/Berlin", []string{"2026-03-29T03:00:00+02:00"}},
		{"2026-10-25 02:00", "Europe/Berlin", []string{"2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"}},
		{"2026-10-25T02:59:59", "Europe/Berlin", []string{"2026-10-25T02:59:59+02:00", "2026-10-25T02:59:59+01:00"}},
		{"2026-10-04 02:15", "Australia/Lord_Howe", []string{"2026-10-04T02:30:00+11:00"}},
		{"2011-12-30 12:00", "Pacific/Apia", []string{"2011-12-31T00:00:00+14:00"}},
		{"2011-12-30", "Pacific/Apia", []string{"skipped"}},
	} {
		_, err := dates.Parse(tt.text, time.Date(2026, 11, 22, 18, 30, 0, 0, time.UTC), zone(t, tt.zone))
		if !salvor.Is(err, salvor.Invalid) {
			t.Errorf("%s in %s: got %v", tt.text, tt.zone, err)
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s in %s: the message lacks %s: %v", tt.text, tt.zone, want, err)
			}
		}
	}
}

// TestDaysMeet walks through years of days in zones with odd changes: each begins where the one before ended.
func TestDaysMeet(t *testing.T) {
	for _, name := range []string{"UTC", "Europe/Berlin", "America/Sao_Paulo", "America/Havana", "Africa/Cairo", "Asia/Beirut", "Asia/Gaza", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Casablanca"} {
		l := zone(t, name)
		var before time.Time
		for date := time.Date(2005, 1, 1, 0, 0, 0, 0, time.UTC); date.Year() < 2028; date = date.AddDate(0, 0, 1) {
			s, err := dates.Parse(date.Format(time.DateOnly), date, l)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if !before.IsZero() && !s.Start.Equal(before) {
				t.Errorf("%s: %s begins at %s, the day before ended at %s", name, date.Format(time.DateOnly), s.Start, before)
			}
			if got := s.Start.Format(time.DateOnly); got != date.Format(time.DateOnly) {
				t.Errorf("%s: %s begins on %s", name, date.Format(time.DateOnly), got)
			}
			if got := s.Last().Format(time.DateOnly); got != date.Format(time.DateOnly) {
				t.Errorf("%s: %s ends on %s", name, date.Format(time.DateOnly), got)
			}
			before = s.End
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
		now := time.Unix(unix%(1<<33), 0)
		span, err := dates.Parse(s, now, sao)
		if err != nil {
			if !salvor.Is(err, salvor.Invalid) {
				t.Errorf("%q: got %v", s, err)
			}
			return
		}
		if again, err := dates.Parse(span.Start.Format(time.RFC3339Nano), now, sao); err != nil || !again.Instant() || !again.Start.Equal(span.Start) {
			t.Errorf("%q starts at %s, which is read as %v, %v", s, span.Start, again, err)
		}
		if length := span.End.Sub(span.Start); length != 0 && (length < 22*time.Hour || length > 26*time.Hour) {
			t.Errorf("%q means %s", s, length)
		}
		if last := span.Last(); last.Before(span.Start) || last.After(span.End) {
			t.Errorf("%q: last is outside", s)
		}
	})
}
