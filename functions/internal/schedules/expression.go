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
	"salvor.io/salvor/shared/schedule"
)

// entry is what EventBridge Scheduler is told of one expression of a policy.
type entry struct {
	expression, zone string
	// start and end bound its runs; nil: no bound.
	start, end *time.Time
	// grid: start is one of the runs of an interval, and any of them does as well.
	grid bool
}

// gapsAhead is how far ahead Scheduler is told of runs at the end of a gap: the sweep tells it of later ones in time.
const gapsAhead = 400 * 24 * time.Hour

// entries are what Scheduler is told for a policy from now on: its expressions, and one more for each run of which it would
// skip the time because clocks jump over it. Nothing: the policy is over. What fires may still be no run, in a blackout or a
// week that is not meant: the function that it invokes asks the policy itself. Invalid: Scheduler can't say that.
func entries(spec salvor.SchedulePolicySpec, made, now time.Time) ([]entry, error) {
	expressions, err := Expressions(spec)
	if err != nil {
		return nil, err
	}
	plan, err := schedule.Compile(spec, made)
	if err != nil {
		return nil, err
	}
	next := plan.Next(now)
	if next.IsZero() {
		return nil, nil
	}
	bounds := entry{zone: plan.Zone().String(), end: plan.End()}
	if start := plan.Start(); start != nil && start.After(now) {
		bounds.start = start
	}
	if spec.Period() > 0 { // it counts from its start, and Scheduler takes none that is over
		bounds.start, bounds.grid = &next, true
	}
	var all []entry
	for _, e := range expressions {
		one := bounds
		one.expression = e
		all = append(all, one)
	}
	for _, at := range plan.AfterGaps(now, now.Add(gapsAhead)) {
		all = append(all, entry{expression: at.UTC().Format("at(2006-01-02T15:04:05)"), zone: "UTC"})
	}
	return all, nil
}

// Expressions are what EventBridge Scheduler is told for the times of a policy. Invalid: it can't say that.
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
func Expressions(p salvor.SchedulePolicySpec) ([]string, error) {
	switch {
	case p.Period() > 0:
		if p.Period()%time.Minute != 0 {
			return nil, salvor.Errorf(salvor.Invalid, "spec.interval: EventBridge Scheduler knows whole minutes, and %s is none", p.Period())
		}
		n := int64(p.Period() / time.Minute)
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

// monthly names the last day, and each weekday, by an expression of its own: L and # go with no other day.
func monthly(m *salvor.MonthlyPolicy) []string {
	months := "*"
	if len(m.Months) > 0 {
		var short []string
		for _, name := range m.Months {
			short = append(short, strings.ToUpper(name[:3]))
		}
		months = strings.Join(short, ",")
	}
	var days []string
	for _, d := range m.Days {
		if d > 0 {
			days = append(days, fmt.Sprint(d))
		}
	}
	var all []string
	if len(days) > 0 {
		all = clocks(m.Times, strings.Join(days, ",")+" "+months+" ?")
	}
	if slices.Contains(m.Days, -1) {
		all = append(all, clocks(m.Times, "L "+months+" ?")...)
	}
	for _, w := range m.Weekdays {
		all = append(all, clocks(m.Times, "? "+months+" "+nthWeekday(w))...)
	}
	return all
}

// nthWeekday is 2#1 for first Monday, 6L for last Friday.
func nthWeekday(s string) string {
	nth, name, _ := strings.Cut(s, " ")
	n := 0
	for d := time.Sunday; d.String() != name; d++ {
		n = int(d) + 1
	}
	if nth == "last" {
		return fmt.Sprintf("%dL", n+1)
	}
	return fmt.Sprintf("%d#%d", n+1, slices.Index([]string{"first", "second", "third", "fourth"}, nth)+1)
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
