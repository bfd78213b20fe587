package schedule_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/schedule"
)

func at(t testing.TB, s string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func every(d time.Duration) salvor.SchedulePolicySpec {
	return salvor.SchedulePolicySpec{Interval: &metav1.Duration{Duration: d}}
}

func daily(zone string, times ...string) salvor.SchedulePolicySpec {
	return salvor.SchedulePolicySpec{TimeZone: zone, Daily: &salvor.DailyPolicy{Times: times}}
}

func weekly(zone, days string, times ...string) salvor.SchedulePolicySpec {
	return salvor.SchedulePolicySpec{TimeZone: zone, Weekly: &salvor.WeeklyPolicy{Days: strings.Fields(days), Times: times}}
}

func monthly(zone string, days []int, times ...string) salvor.SchedulePolicySpec {
	return salvor.SchedulePolicySpec{TimeZone: zone, Monthly: &salvor.MonthlyPolicy{Days: days, Times: times}}
}

func cron(zone, expr string) salvor.SchedulePolicySpec {
	return salvor.SchedulePolicySpec{TimeZone: zone, Cron: expr}
}

const (
	berlin = "Europe/Berlin"
	// In Berlin clocks go from 02:00 to 03:00 on 2026-03-29, and from 03:00 to 02:00 on 2026-10-25.
)

func TestNext(t *testing.T) {
	for _, c := range []struct {
		why   string
		spec  salvor.SchedulePolicySpec
		after string
		want  string // the runs that follow, in the policy's zone
	}{
		{"daily, in UTC by default, at times in any order", daily("", "14:00", "02:30"), "2026-11-20T02:30:00Z", "2026-11-20T14:00:00Z 2026-11-21T02:30:00Z"},
		{"a run is after the time asked about, not at it, also within its second", daily("", "02:30"), "2026-11-20T02:30:00.5Z", "2026-11-21T02:30:00Z"},
		{"a run just ahead is not lost to fractions of a second", daily("", "02:30"), "2026-11-20T02:29:59.999Z", "2026-11-20T02:30:00Z"},
		{"daily in a zone", daily(berlin, "02:30"), "2026-11-20T01:00:00Z", "2026-11-20T02:30:00+01:00 2026-11-21T02:30:00+01:00"},
		{"over the end of a year", daily("", "00:00"), "2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z"},

		{"a time in the spring gap runs when the gap ends", daily(berlin, "02:30"), "2026-03-28T12:00:00Z", "2026-03-29T03:00:00+02:00 2026-03-30T02:30:00+02:00"},
		{"two times in the gap, and its end, are one run", daily(berlin, "02:00", "02:59", "03:00", "03:01"), "2026-03-28T12:00:00Z", "2026-03-29T03:00:00+02:00 2026-03-29T03:01:00+02:00 2026-03-30T02:00:00+02:00"},
		{"the minute before the gap is as ever", daily(berlin, "01:59"), "2026-03-28T12:00:00Z", "2026-03-29T01:59:00+01:00 2026-03-30T01:59:00+02:00"},
		{"a time that exists twice in autumn runs once, the first time", daily(berlin, "02:30"), "2026-10-24T12:00:00Z", "2026-10-25T02:30:00+02:00 2026-10-26T02:30:00+01:00"},
		{"between its two occurrences it is over", daily(berlin, "02:30"), "2026-10-25T02:10:00+01:00", "2026-10-26T02:30:00+01:00"},
		{"before the first of them it is not", daily(berlin, "02:30"), "2026-10-25T02:10:00+02:00", "2026-10-25T02:30:00+02:00"},
		{"the hour after the repeated one is as ever", daily(berlin, "03:00"), "2026-10-25T02:59:00+02:00", "2026-10-25T03:00:00+01:00"},
		{"a gap of half an hour", daily("Australia/Lord_Howe", "02:15"), "2026-10-03T00:00:00Z", "2026-10-04T02:30:00+11:00 2026-10-05T02:15:00+11:00"},
		{"a gap at midnight", daily("America/Sao_Paulo", "00:00"), "2018-11-03T12:00:00Z", "2018-11-04T01:00:00-02:00 2018-11-05T00:00:00-02:00"},
		{"a whole day that a country left out", daily("Pacific/Apia", "12:00"), "2011-12-29T22:00:00Z", "2011-12-31T00:00:00+14:00 2011-12-31T12:00:00+14:00"},

		{"weekly", weekly("", "Sunday Monday", "03:00"), "2026-11-21T00:00:00Z", "2026-11-22T03:00:00Z 2026-11-23T03:00:00Z 2026-11-29T03:00:00Z"},
		{"weekly, by the day in the zone", weekly("Asia/Tokyo", "Monday", "01:00"), "2026-11-21T00:00:00Z", "2026-11-23T01:00:00+09:00 2026-11-30T01:00:00+09:00"},
		{"weekly, the gap", weekly(berlin, "Sunday", "02:30"), "2026-03-23T00:00:00Z", "2026-03-29T03:00:00+02:00 2026-04-05T02:30:00+02:00"},

		{"monthly: a month without the day has no run", monthly("", []int{31}, "04:00"), "2026-10-31T05:00:00Z", "2026-12-31T04:00:00Z 2027-01-31T04:00:00Z 2027-03-31T04:00:00Z"},
		{"monthly: -1 is the last day, in a leap year too", monthly("", []int{-1}, "04:00"), "2028-01-31T04:00:00Z", "2028-02-29T04:00:00Z 2028-03-31T04:00:00Z"},
		{"monthly: the 31st and the last are one run", monthly("", []int{31, -1}, "04:00"), "2027-01-01T00:00:00Z", "2027-01-31T04:00:00Z 2027-02-28T04:00:00Z"},
		{"monthly: the 30th skips February", monthly("", []int{30}, "04:00"), "2027-01-30T04:00:00Z", "2027-03-30T04:00:00Z"},
		{"monthly: several days and times", monthly("", []int{15, 1}, "12:00", "00:00"), "2026-11-01T00:00:00Z", "2026-11-01T12:00:00Z 2026-11-15T00:00:00Z 2026-11-15T12:00:00Z 2026-12-01T00:00:00Z"},

		{"cron: every day", cron("", "0 2 * * ? *"), "2026-11-20T02:00:00Z", "2026-11-21T02:00:00Z"},
		{"cron: 1 is Sunday", cron("", "0 2 ? * 1 *"), "2026-11-20T00:00:00Z", "2026-11-22T02:00:00Z 2026-11-29T02:00:00Z"},
		{"cron: names of days, in any case", cron("", "0 2 ? * mon-Wed,SAT *"), "2026-11-20T12:00:00Z", "2026-11-21T02:00:00Z 2026-11-23T02:00:00Z 2026-11-24T02:00:00Z 2026-11-25T02:00:00Z 2026-11-28T02:00:00Z"},
		{"cron: 2-6 are the working days", cron("", "0 2 ? * 2-6 *"), "2026-11-20T12:00:00Z", "2026-11-23T02:00:00Z 2026-11-24T02:00:00Z 2026-11-25T02:00:00Z 2026-11-26T02:00:00Z 2026-11-27T02:00:00Z 2026-11-30T02:00:00Z"},
		{"cron: a range of Sunday alone is not the whole week", cron("", "0 2 ? * 1-1 *"), "2026-11-20T12:00:00Z", "2026-11-22T02:00:00Z 2026-11-29T02:00:00Z"},
		{"cron: every second day of the week", cron("", "0 2 ? * 2/2 *"), "2026-11-20T12:00:00Z", "2026-11-23T02:00:00Z 2026-11-25T02:00:00Z 2026-11-27T02:00:00Z 2026-11-30T02:00:00Z"},
		{"cron: 6L is the last Friday", cron("", "15 10 ? * 6L *"), "2026-11-01T00:00:00Z", "2026-11-27T10:15:00Z 2026-12-25T10:15:00Z"},
		{"cron: FRIL is it too", cron("", "15 10 ? * FRIL *"), "2026-11-01T00:00:00Z", "2026-11-27T10:15:00Z"},
		{"cron: L is Saturday, the last day of the week", cron("", "0 2 ? * L *"), "2026-11-20T12:00:00Z", "2026-11-21T02:00:00Z 2026-11-28T02:00:00Z"},
		{"cron: 2#1 is the first Monday", cron("", "0 2 ? * 2#1 *"), "2026-11-03T00:00:00Z", "2026-12-07T02:00:00Z 2027-01-04T02:00:00Z"},
		{"cron: a fifth Monday is rare", cron("", "0 2 ? * MON#5 *"), "2026-12-01T00:00:00Z", "2027-03-29T02:00:00Z"},
		{"cron: L is the last day of the month", cron("", "0 2 L * ? *"), "2027-02-01T00:00:00Z", "2027-02-28T02:00:00Z 2027-03-31T02:00:00Z"},
		{"cron: LW is the last working day", cron("", "0 2 LW * ? *"), "2027-02-01T00:00:00Z", "2027-02-26T02:00:00Z"},
		{"cron: 15W is the working day next to the 15th", cron("", "0 2 15W * ? *"), "2026-11-01T00:00:00Z", "2026-11-16T02:00:00Z 2026-12-15T02:00:00Z"},
		{"cron: steps", cron("", "0/20 8-18/5 1 JAN,7 ? *"), "2027-01-01T08:20:00Z", "2027-01-01T08:40:00Z 2027-01-01T13:00:00Z"},
		{"cron: some years", cron("", "0 0 29 2 ? 2027-2032"), "2026-11-20T00:00:00Z", "2028-02-29T00:00:00Z 2032-02-29T00:00:00Z"},
		{"cron: years that are over", cron("", "0 2 * * ? 2020"), "2026-11-20T00:00:00Z", ""},
		{"cron: a day that never is", cron("", "0 2 30 2 ? *"), "2026-11-20T00:00:00Z", ""},
		{"cron: the spring gap", cron(berlin, "30 2 * * ? *"), "2026-03-28T12:00:00Z", "2026-03-29T03:00:00+02:00 2026-03-30T02:30:00+02:00"},
		{"cron: all that is in the gap is one run", cron(berlin, "0/20 2-3 * * ? *"), "2026-03-29T00:00:00Z", "2026-03-29T03:00:00+02:00 2026-03-29T03:20:00+02:00"},
		{"cron: the autumn hour runs once", cron(berlin, "0/30 * * * ? *"), "2026-10-25T02:00:00+02:00", "2026-10-25T02:30:00+02:00 2026-10-25T03:00:00+01:00"},
	} {
		var got []string
		now := at(t, c.after)
		for range max(1, len(strings.Fields(c.want))) {
			next, err := schedule.Next(c.spec, now, time.Time{})
			if err != nil {
				t.Fatalf("%s: %v", c.why, err)
			}
			if next.IsZero() {
				break
			}
			got = append(got, next.Format(time.RFC3339))
			now = next
		}
		if diff := cmp.Diff(c.want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.why, diff)
		}
	}
}

func TestNextOfAnInterval(t *testing.T) {
	for _, c := range []struct {
		why                 string
		every               time.Duration
		after, anchor, want string
	}{
		{"the first run after the anchor is one interval later", time.Hour, "2026-11-20T10:10:00Z", "2026-11-20T10:10:00Z", "2026-11-20T11:10:00Z"},
		{"runs keep their distance from the anchor, however late the last one was", time.Hour, "2026-11-20T13:47:12.5Z", "2026-11-20T10:10:00Z", "2026-11-20T14:10:00Z"},
		{"before the anchor it is the anchor", time.Hour, "2026-11-19T00:00:00Z", "2026-11-20T10:10:00Z", "2026-11-20T10:10:00Z"},
		{"an interval is real time: it doesn't care for clocks", 24 * time.Hour, "2026-03-28T20:00:00Z", "2026-03-28T01:30:00Z", "2026-03-29T01:30:00Z"},
		{"without an anchor it counts from 1970", 6 * time.Hour, "2026-11-20T10:10:00Z", "0001-01-01T00:00:00Z", "2026-11-20T12:00:00Z"},
		{"a fraction of a second in the anchor is left out", time.Minute, "2026-11-20T10:10:00Z", "2026-11-20T10:10:00.9Z", "2026-11-20T10:11:00Z"},
		{"centuries after the anchor it still goes on", time.Hour, "2026-11-20T10:10:00Z", "1600-01-01T00:30:00Z", "2026-11-20T10:30:00Z"},
		{"of the longest intervals, too", salvor.MaxInterval, "2400-01-01T00:00:00Z", "1600-01-01T00:00:00Z", "2409-06-18T00:00:00Z"},
	} {
		got, err := schedule.Next(every(c.every), at(t, c.after), at(t, c.anchor))
		if err != nil || got.Format(time.RFC3339) != c.want {
			t.Errorf("%s: got %v, %v, want %s", c.why, got, err, c.want)
		}
	}
}

// Every second week is that also when weeks are counted from long ago.
func TestWeeksCountFromLongAgo(t *testing.T) {
	spec := weekly("", "Monday", "02:00")
	spec.Weekly.Every, spec.StartDate = 2, "1600-01-03"
	first, err := schedule.Next(spec, at(t, "2026-11-20T00:00:00Z"), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if second, err := schedule.Next(spec, first, time.Time{}); err != nil || second.Sub(first) != 14*24*time.Hour {
		t.Errorf("after %s comes %s, %v", first, second, err)
	}
}

func TestNextRefuses(t *testing.T) {
	for _, c := range []struct {
		spec salvor.SchedulePolicySpec
		want string
	}{
		{salvor.SchedulePolicySpec{}, "exactly one of"},
		{every(time.Second), "at least 1m"},
		{every(salvor.MaxInterval + time.Hour), "interval: Invalid value: \"87601h0m0s\": must be at most 87600h"},
		{salvor.SchedulePolicySpec{Rate: "3651 days"}, "at most 3650 days"},
		{salvor.SchedulePolicySpec{Rate: "123456 days"}, "must be a number and minutes"}, // more than a time.Duration holds
		{daily("Mars/Olympus", "02:00"), "IANA"},
		{daily("", "2:00"), "HH:MM"},
		{cron("", "0 2 * * *"), "six fields"},
		{cron("", "0 2 * * * *"), "exactly one of day of month and day of week must be ?"},
		{cron("", "0 2 ? * ? *"), "exactly one of day of month and day of week must be ?"},
		{cron("", "? 2 * * ? *"), `minute: "?" is not one of 0 to 59`},
		{cron("", "60 2 * * ? *"), `minute: "60" is not one of 0 to 59`},
		{cron("", "0 22-2 * * ? *"), "hour: the range 22-2 runs backwards"},
		{cron("", "0 2 ? * 0 *"), `day of week: "0" is not one of 1 to 7 or SUN to SAT`},
		{cron("", "0 2 ? * FRI-SUN *"), "day of week: the range FRI-SUN runs backwards"},
		{cron("", "0 2 ? * 2#6 *"), "after # comes the week"},
		{cron("", "0 2 ? * XL *"), "day of week"},
		{cron("", "0 2 ? * 2#1,2#3 *"), `"2#1" stands alone at EventBridge`},
		{cron("", "0 2 ? * MON,6L *"), `"6L" stands alone at EventBridge`},
		{cron("", "0 2 1,L * ? *"), `"L" stands alone at EventBridge`},
		{cron("", "0 2 32W * ? *"), "day of month"},
		{cron("", "0 2 * 13 ? *"), "month: \"13\" is not one of 1 to 12 or JAN to DEC"},
		{cron("", "0,,5 2 * * ? *"), "minute"},
		{cron("", "*/0 2 * * ? *"), "after / comes a number"},
		{cron("", "-5 2 * * ? *"), "minute"},
		{cron("", "0 2 * * ? 1969"), "year"},
		{cron("", "@daily 2 * * ? *"), "minute"},
	} {
		_, err := schedule.Next(c.spec, at(t, "2026-11-20T00:00:00Z"), time.Time{})
		if !salvor.Is(err, salvor.Invalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v gives %v, want %q", c.spec, err, c.want)
		}
		if err := schedule.Check(c.spec); !salvor.Is(err, salvor.Invalid) {
			t.Errorf("Check of %+v gives %v", c.spec, err)
		}
	}
	if err := schedule.Check(cron(berlin, "0 2 * * ? *")); err != nil {
		t.Errorf("Check of a good expression gives %v", err)
	}
}

// What lies in the past is over, and may be stored; what is never is a mistake.
func TestCheckRefusesWhatNeverRuns(t *testing.T) {
	within := func(s salvor.SchedulePolicySpec, start, end string) salvor.SchedulePolicySpec {
		s.StartDate, s.EndDate = start, end
		return s
	}
	dark := func(s salvor.SchedulePolicySpec, b salvor.Blackout) salvor.SchedulePolicySpec {
		s.Blackouts = []salvor.Blackout{b}
		return s
	}
	for name, c := range map[string]struct {
		spec  salvor.SchedulePolicySpec
		never bool
	}{
		"the 30th of February":             {cron("", "0 2 30 2 ? *"), true},
		"a leap day":                       {cron("", "0 2 29 2 ? *"), false},
		"years that are over":              {cron("", "0 2 * * ? 2019"), false},
		"a year outside its dates":         {within(cron("", "0 2 * * ? 2019"), "2020-01-01", ""), true},
		"a weekend within days of work":    {within(cron("", "0 2 ? * SUN *"), "2026-11-23", "2026-11-27"), true},
		"an interval that ended long ago":  {within(every(time.Hour), "2001-01-01", "2001-01-01"), false},
		"an interval longer than its time": {within(every(100*24*time.Hour), "2001-01-01", "2001-01-02"), false},
		"a blackout until a day":           {dark(daily("", "02:00"), salvor.Blackout{EndDate: "2026-12-31"}), false},
		"a blackout of each day":           {dark(daily("", "02:00"), salvor.Blackout{From: "01:00", To: "03:00"}), true},
		"a blackout until its last day":    {dark(within(daily("", "02:00"), "2026-01-01", "2026-12-31"), salvor.Blackout{EndDate: "2026-12-31"}), true},
	} {
		if err := schedule.Check(c.spec); salvor.Is(err, salvor.Invalid) != c.never || err != nil && !strings.Contains(err.Error(), "never runs") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The last day of a leap year beyond those that files of zones list has no end of its own.
func TestAfterGapsGoesOnWithoutEnd(t *testing.T) {
	plan, err := schedule.Compile(daily(berlin, "02:30"), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	got := plan.AfterGaps(at(t, "2040-12-31T12:00:00Z"), at(t, "2041-12-31T12:00:00Z"))
	if want := at(t, "2041-03-31T01:00:00Z"); len(got) != 1 || !got[0].Equal(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A blackout is what the clock shows, also in an hour that it shows twice; said otherwise: look at each minute until the jitter
// is over.
func TestBlackoutsWhereClocksChange(t *testing.T) {
	for _, c := range []struct{ zone, from, begin, end string }{
		{berlin, "2027-10-30T20:00:00Z", "01:00", "02:40"}, {berlin, "2027-10-30T20:00:00Z", "02:20", "02:40"}, {berlin, "2027-10-30T20:00:00Z", "02:20", "04:00"},
		{berlin, "2027-03-27T20:00:00Z", "01:00", "02:40"}, {berlin, "2027-03-27T20:00:00Z", "02:20", "04:00"}, {berlin, "2027-03-27T20:00:00Z", "23:00", "02:40"},
		{"America/Havana", "2027-11-06T20:00:00Z", "23:00", "00:30"}, {"America/Havana", "2027-03-13T20:00:00Z", "23:00", "00:30"},
		{"Australia/Lord_Howe", "2027-04-03T08:00:00Z", "01:20", "01:50"}, {"America/Nuuk", "2027-10-30T20:00:00Z", "23:10", "23:40"},
		{berlin, "2040-12-30T20:00:00Z", "01:00", "02:40"}, // a leap year beyond those that files of zones list
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		begin := at(t, c.from)
		for _, jitter := range []time.Duration{0, 20 * time.Minute, 90 * time.Minute} {
			spec := every(jitter + 5*time.Minute)
			spec.TimeZone, spec.Jitter.Duration = c.zone, jitter
			spec.Blackouts = []salvor.Blackout{{From: c.begin, To: c.end}}
			for anchor := begin; anchor.Before(begin.Add(spec.Interval.Duration)); anchor = anchor.Add(5 * time.Minute) {
				var want, got []string
				for run := anchor; run.Before(begin.Add(12 * time.Hour)); run = run.Add(spec.Interval.Duration) {
					black := false
					for m := run; !m.After(run.Add(jitter)); m = m.Add(time.Minute) {
						shown := m.In(zone).Format("15:04")
						black = black || c.begin <= shown && shown < c.end || c.end <= c.begin && (c.begin <= shown || shown < c.end)
					}
					if !black {
						want = append(want, run.In(zone).Format(time.RFC3339))
					}
				}
				for run := anchor.Add(-time.Second); ; {
					if run, err = schedule.Next(spec, run, anchor); err != nil {
						t.Fatal(err)
					}
					if !run.Before(begin.Add(12 * time.Hour)) {
						break
					}
					got = append(got, run.Format(time.RFC3339))
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s, not from %s to %s, jitter %s (-want +got):\n%s", c.zone, c.begin, c.end, jitter, diff)
				}
			}
		}
	}
}

// The rule about clocks that change, said otherwise: walk through real time minute by minute, and run whenever the
// clock on the wall first reaches or passes a named time.
func TestNextAgainstAClockOnTheWall(t *testing.T) {
	times := []string{"00:00", "00:30", "01:45", "02:00", "02:15", "02:30", "02:59", "03:00", "23:30"}
	for _, c := range []struct{ zone, from string }{
		{"UTC", "2026-03-28T00:00:00Z"}, {berlin, "2026-03-28T00:00:00Z"}, {berlin, "2026-10-24T00:00:00Z"}, {"America/New_York", "2026-03-07T00:00:00Z"}, {"America/New_York", "2026-10-31T00:00:00Z"},
		{"Australia/Lord_Howe", "2026-04-03T00:00:00Z"}, {"Australia/Lord_Howe", "2026-10-02T00:00:00Z"}, {"America/Sao_Paulo", "2018-11-03T00:00:00Z"}, {"America/Sao_Paulo", "2019-02-16T00:00:00Z"},
		{"Pacific/Apia", "2011-12-29T00:00:00Z"}, {"Africa/Casablanca", "2026-02-14T00:00:00Z"}, {"Africa/Casablanca", "2026-03-21T00:00:00Z"}, {"America/St_Johns", "2006-10-28T00:00:00Z"}, {"Asia/Pyongyang", "2015-08-14T00:00:00Z"},
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		start := at(t, c.from)
		end := start.Add(72 * time.Hour)
		var want, got []string
		shown := start.In(zone).Format("2006-01-02 15:04")
		for now := start.Add(time.Minute); now.Before(end); now = now.Add(time.Minute) {
			wall := now.In(zone).Format("2006-01-02 15:04")
			if wall <= shown {
				continue
			}
			if passes(times, shown, wall) {
				want = append(want, now.In(zone).Format(time.RFC3339))
			}
			shown = wall
		}
		for now := start; ; {
			now, err = schedule.Next(daily(c.zone, times...), now, time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			if !now.Before(end) {
				break
			}
			got = append(got, now.Format(time.RFC3339))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s from %s (-want +got):\n%s", c.zone, c.from, diff)
		}
	}
}

// passes tells whether a named time of any day lies after one wall-clock time and at or before another.
func passes(times []string, after, until string) bool {
	day, _ := time.Parse("2006-01-02", after[:10])
	last, _ := time.Parse("2006-01-02", until[:10])
	for ; !day.After(last); day = day.AddDate(0, 0, 1) {
		for _, hm := range times {
			if s := day.Format("2006-01-02 ") + hm; s > after && s <= until {
				return true
			}
		}
	}
	return false
}

func FuzzNext(f *testing.F) {
	for _, expr := range []string{"0 2 * * ? *", "0/7 1-3 ? 3,10 1L *", "30 2 15W * ? 2026-2030", "5 4 ? * 2#3 *", "5 4 ? * 6L *", "0 0 29 2 ? *", "*/20 2 LW * ? *"} {
		f.Add(expr, int64(1774700000), uint8(1))
	}
	zones := []string{"UTC", berlin, "Australia/Lord_Howe", "Pacific/Apia", "America/Sao_Paulo", "Africa/Casablanca"}
	f.Fuzz(func(t *testing.T, expr string, unix int64, zone uint8) {
		spec := cron(zones[int(zone)%len(zones)], expr)
		now := time.Unix(unix%4_000_000_000, 0)
		if now.Unix() < 0 {
			return
		}
		for range 5 {
			next, err := schedule.Next(spec, now, time.Time{})
			if err != nil {
				if !salvor.Is(err, salvor.Invalid) {
					t.Errorf("%v", err)
				}
				return
			}
			if next.IsZero() {
				return
			}
			if !next.After(now) {
				t.Fatalf("after %v comes %v", now, next)
			}
			if just, err := schedule.Next(spec, next.Add(-time.Second), time.Time{}); err != nil || !just.Equal(next) {
				t.Fatalf("%v is the run after %v, but a second before it that is %v, %v", next, now, just, err)
			}
			now = next
		}
	})
}
