package schedule

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"salvor.io/salvor/shared/salvor"
)

// Words says when a policy runs, in English: every day at 02:30, Europe/Berlin.
func Words(s salvor.SchedulePolicySpec) string {
	parts := []string{When(s)}
	zone := s.TimeZone
	if zone == "" {
		zone = "UTC"
	}
	parts = append(parts, zone)
	switch {
	case s.StartDate != "" && s.EndDate != "":
		parts = append(parts, "from "+s.StartDate+" to "+s.EndDate)
	case s.StartDate != "":
		parts = append(parts, "from "+s.StartDate)
	case s.EndDate != "":
		parts = append(parts, "to "+s.EndDate)
	}
	if s.Jitter.Duration > 0 {
		parts = append(parts, "each cluster up to "+short(s.Jitter.Duration)+" later")
	}
	for _, b := range s.Blackouts {
		parts = append(parts, "but not "+blackoutWords(b))
	}
	return strings.Join(parts, ", ")
}

// When is Words without the zone and what bounds the policy.
func When(s salvor.SchedulePolicySpec) string {
	switch {
	case s.Period() > 0:
		return "every " + short(s.Period())
	case s.Daily != nil:
		return "every day at " + list(s.Daily.Times)
	case s.Weekly != nil:
		days := "every " + list(s.Weekly.Days)
		if n := s.Weekly.Every; n > 1 {
			days = fmt.Sprintf("every %s week, on %s,", ordinal(n), list(s.Weekly.Days))
		}
		return days + " at " + list(s.Weekly.Times)
	case s.Monthly != nil:
		return "on " + monthWords(s.Monthly) + " at " + list(s.Monthly.Times)
	}
	return "cron " + s.Cron
}

func monthWords(m *salvor.MonthlyPolicy) string {
	var days []string
	for _, d := range m.Days {
		if d > 0 {
			days = append(days, "the "+ordinal(d))
		}
	}
	if slices.Contains(m.Days, -1) {
		days = append(days, "the last day")
	}
	for _, d := range m.Weekdays {
		days = append(days, "the "+d)
	}
	if len(m.Months) == 0 {
		return list(days) + " of every month"
	}
	return list(days) + " of " + list(m.Months)
}

func blackoutWords(b salvor.Blackout) string {
	var parts []string
	if len(b.Days) > 0 {
		parts = append(parts, "on "+list(b.Days))
	}
	if b.From != "" {
		parts = append(parts, b.From+" to "+b.To)
	}
	if b.StartDate != "" {
		parts = append(parts, "from "+b.StartDate)
	}
	if b.EndDate != "" {
		parts = append(parts, "to "+b.EndDate)
	}
	return strings.Join(parts, " ")
}

func list(s []string) string {
	if len(s) < 2 {
		return strings.Join(s, "")
	}
	return strings.Join(s[:len(s)-1], ", ") + " and " + s[len(s)-1]
}

// short is a duration without parts that are 0: 1h, 90s is 1m30s.
func short(d time.Duration) string {
	s := d.String()
	s = strings.TrimSuffix(s, "0s")
	if s == "" || strings.HasSuffix(s, "m") || strings.HasSuffix(s, "h") {
		if t := strings.TrimSuffix(s, "h0m"); t != s {
			return t + "h"
		}
		return s
	}
	return d.String()
}
