package schedules_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/functions/internal/schedules"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/schedule"
)

func TestPoliciesBecomeExpressions(t *testing.T) {
	for name, c := range map[string]struct {
		policy salvor.SchedulePolicySpec
		want   []string
	}{
		"an interval":                       {salvor.SchedulePolicySpec{Interval: &metav1.Duration{Duration: 90 * time.Minute}}, []string{"rate(90 minutes)"}},
		"a minute":                          {salvor.SchedulePolicySpec{Interval: &metav1.Duration{Duration: time.Minute}}, []string{"rate(1 minute)"}},
		"times that share a minute are one": {salvor.SchedulePolicySpec{Daily: &salvor.DailyPolicy{Times: []string{"02:00", "14:30", "20:00"}}}, []string{"cron(0 2,20 * * ? *)", "cron(30 14 * * ? *)"}},
		"days of the week":                  {salvor.SchedulePolicySpec{Weekly: &salvor.WeeklyPolicy{Days: []string{"Sunday", "Wednesday"}, Times: []string{"09:05"}}}, []string{"cron(5 9 ? * SUN,WED *)"}},
		"days of the month, and the last":   {salvor.SchedulePolicySpec{Monthly: &salvor.MonthlyPolicy{Days: []int{1, -1, 15}, Times: []string{"00:00"}}}, []string{"cron(0 0 1,15 * ? *)", "cron(0 0 L * ? *)"}},
		"cron":                              {salvor.SchedulePolicySpec{Cron: "0 3 ? * 2#1 *"}, []string{"cron(0 3 ? * 2#1 *)"}},
	} {
		got, err := schedules.Expressions(c.policy)
		if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", name, err, diff)
		}
	}
	if _, err := schedules.Expressions(salvor.SchedulePolicySpec{Interval: &metav1.Duration{Duration: 90 * time.Second}}); !salvor.Is(err, salvor.Invalid) {
		t.Errorf("an interval that Scheduler does not know is answered %v", err)
	}
}

// What Scheduler is told names the same times as the policy itself: both are read by the function that fires schedules on
// one machine, in a zone and over a time in which clocks stay as they are.
func TestExpressionsNameTheSameTimes(t *testing.T) {
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, p := range []salvor.SchedulePolicySpec{
		{Daily: &salvor.DailyPolicy{Times: []string{"02:00", "14:30", "20:00", "14:00"}}},
		{Weekly: &salvor.WeeklyPolicy{Days: []string{"Monday", "Saturday", "Sunday"}, Times: []string{"00:00", "23:59"}}},
		{Monthly: &salvor.MonthlyPolicy{Days: []int{1, 29, 31, -1}, Times: []string{"06:15"}}},
	} {
		expressions, err := schedules.Expressions(p)
		if err != nil {
			t.Fatal(err)
		}
		want, got := map[time.Time]bool{}, map[time.Time]bool{}
		collect(t, p, from, want)
		for _, e := range expressions {
			collect(t, salvor.SchedulePolicySpec{Cron: e[len("cron(") : len(e)-1]}, from, got)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v: %s", expressions, diff)
		}
	}
}

// collect notes all times of the policy in a year.
func collect(t *testing.T, p salvor.SchedulePolicySpec, from time.Time, into map[time.Time]bool) {
	t.Helper()
	for at := from.Add(-time.Second); ; {
		next, err := schedule.Next(p, at, from)
		if err != nil {
			t.Fatal(err)
		}
		if next.IsZero() || !next.Before(from.AddDate(1, 0, 0)) {
			return
		}
		into[next.UTC()] = true
		at = next
	}
}
