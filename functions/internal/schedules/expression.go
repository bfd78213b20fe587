// Package schedules keeps EventBridge Scheduler equal to the BackupSchedules of the catalog.
//
// A BackupSchedule becomes one schedule of AWS for each expression that its policy takes. They are called after it, with
// an underscore and a number, which no name of Salvor has.
package schedules

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"salvor.io/salvor/shared/salvor"
)

// Expressions are what EventBridge Scheduler is told for a policy. Invalid: it can't say that.
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
func Expressions(p salvor.SchedulePolicySpec) ([]string, error) {
	switch {
	case p.Interval != nil:
		if p.Interval.Duration%time.Minute != 0 {
			return nil, salvor.Errorf(salvor.Invalid, "spec.interval: EventBridge Scheduler knows whole minutes, and %s is none", p.Interval.Duration)
		}
		n := int64(p.Interval.Duration / time.Minute)
		unit := "minutes"
		if n == 1 {
			unit = "minute"
		}
		return []string{fmt.Sprintf("rate(%d %s)", n, unit)}, nil
	case p.Daily != nil:
		return clocks(p.Daily.Times, "* * ?"), nil
	case p.Weekly != nil:
		var days []string
		for _, d := range p.Weekly.Days {
			days = append(days, strings.ToUpper(d[:3]))
		}
		return clocks(p.Weekly.Times, "? * "+strings.Join(days, ",")), nil
	case p.Monthly != nil:
		return monthly(p.Monthly), nil
	}
	return []string{"cron(" + p.Cron + ")"}, nil
}

// monthly names the last day by an expression of its own: L goes with no other day.
func monthly(m *salvor.MonthlyPolicy) []string {
	var days []string
	for _, d := range m.Days {
		if d > 0 {
			days = append(days, fmt.Sprint(d))
		}
	}
	var all []string
	if len(days) > 0 {
		all = clocks(m.Times, strings.Join(days, ",")+" * ?")
	}
	if slices.Contains(m.Days, -1) {
		all = append(all, clocks(m.Times, "L * ?")...)
	}
	return all
}

// clocks makes one expression of all times that share their minute.
func clocks(times []string, days string) []string {
	hours := map[string][]string{}
	var minutes []string
	for _, t := range times {
		hour, minute, _ := strings.Cut(t, ":")
		if hours[minute] == nil {
			minutes = append(minutes, minute)
		}
		hours[minute] = append(hours[minute], plain(hour))
	}
	var all []string
	for _, m := range minutes {
		all = append(all, fmt.Sprintf("cron(%s %s %s *)", plain(m), strings.Join(hours[m], ","), days))
	}
	return all
}

// plain is a number of two digits without a leading zero.
func plain(s string) string {
	if len(s) == 2 && s[0] == '0' {
		return s[1:]
	}
	return s
}
