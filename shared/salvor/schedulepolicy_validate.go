package salvor

import (
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // zones are known on machines and in Lambda images that have no zone files

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// MinInterval is the shortest time between two runs of a schedule, MaxInterval the longest: ten years.
const (
	MinInterval = time.Minute
	MaxInterval = 10 * 365 * 24 * time.Hour
)

// cronFields is the number of fields of an EventBridge cron expression.
const cronFields = 6

var wallClock = regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9]$`)

// weekdays are the days as the user writes them.
var weekdays = []string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}

// Months, and places of a weekday in its month, as the user writes them.
var (
	months   = []string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}
	ordinals = []string{"first", "second", "third", "fourth", "last"}
)

// maxWeeks is the longest time between two weeks of a WeeklyPolicy.
const maxWeeks = 52

// Default fills in the time zone.
func (s *SchedulePolicy) Default() {
	s.set(KindSchedulePolicy)
	setDefault(&s.Spec.TimeZone, "UTC")
}

// Validate reports every mistake at once.
func (s *SchedulePolicy) Validate() field.ErrorList {
	errs := validateHead(&s.TypeMeta, KindSchedulePolicy, &s.ObjectMeta, "")
	return append(errs, s.Spec.Validate(field.NewPath("spec"))...)
}

// Location is the policy's time zone. Invalid: there is no such zone.
func (s *SchedulePolicySpec) Location() (*time.Location, error) {
	// "Local" would mean another zone on every machine.
	if strings.EqualFold(s.TimeZone, "local") {
		return nil, Errorf(Invalid, "time zone %q is not an IANA name such as Europe/Berlin", s.TimeZone)
	}
	zone, err := time.LoadLocation(s.TimeZone)
	if err != nil {
		return nil, Errorf(Invalid, "time zone %q is not an IANA name such as Europe/Berlin: %w", s.TimeZone, err)
	}
	return zone, nil
}

// Validate reports every mistake at once, each under the path. A cron expression is only looked at from outside; the
// schedule package reads it.
func (s *SchedulePolicySpec) Validate(p *field.Path) field.ErrorList {
	errs := exactlyOne(p, []string{"interval", "rate", "daily", "weekly", "monthly", "cron"},
		s.Interval != nil, s.Rate != "", s.Daily != nil, s.Weekly != nil, s.Monthly != nil, s.Cron != "")
	if _, err := s.Location(); err != nil {
		errs = append(errs, field.Invalid(p.Child("timeZone"), s.TimeZone, "must be an IANA name such as Europe/Berlin"))
	}
	if i := s.Interval; i != nil && (i.Duration < MinInterval || i.Duration%time.Second != 0) {
		errs = append(errs, field.Invalid(p.Child("interval"), i.Duration.String(), "must be at least 1m, in whole seconds"))
	} else if i != nil && i.Duration > MaxInterval {
		errs = append(errs, field.Invalid(p.Child("interval"), i.Duration.String(), "must be at most 87600h, ten years"))
	}
	if period, err := ParseRate(s.Rate); s.Rate != "" && err != nil {
		errs = append(errs, field.Invalid(p.Child("rate"), s.Rate, "must be a number and minutes, hours or days, without rate( and ), such as 5 minutes"))
	} else if period > MaxInterval {
		errs = append(errs, field.Invalid(p.Child("rate"), s.Rate, "must be at most 3650 days, ten years"))
	}
	if s.Daily != nil {
		errs = append(errs, validateTimes(p.Child("daily", "times"), s.Daily.Times)...)
	}
	if s.Weekly != nil {
		errs = append(errs, s.Weekly.validate(p.Child("weekly"))...)
	}
	if s.Monthly != nil {
		errs = append(errs, s.Monthly.validate(p.Child("monthly"))...)
	}
	errs = append(errs, validateCron(p.Child("cron"), s.Cron)...)
	errs = append(errs, s.validateRuns(p)...)
	return append(errs, s.Retention.validate(p.Child("retention"))...)
}

func (w *WeeklyPolicy) validate(p *field.Path) field.ErrorList {
	errs := validateDays(p.Child("days"), w.Days, "Monday to Sunday", isWeekday)
	if w.Every < 0 || w.Every > maxWeeks {
		errs = append(errs, field.Invalid(p.Child("every"), w.Every, "must be from 1 to 52"))
	}
	return append(errs, validateTimes(p.Child("times"), w.Times)...)
}

func (m *MonthlyPolicy) validate(p *field.Path) field.ErrorList {
	var errs field.ErrorList
	if len(m.Days)+len(m.Weekdays) == 0 {
		errs = append(errs, field.Required(p.Child("days"), "at least one of 1 to 31, or -1 for the last day; or weekdays, such as first Monday"))
	}
	errs = append(errs, validateSome(p.Child("days"), m.Days, "1 to 31, or -1 for the last day", isMonthday)...)
	errs = append(errs, validateSome(p.Child("weekdays"), m.Weekdays, "first, second, third, fourth or last, and a day, such as last Friday", isNthWeekday)...)
	errs = append(errs, validateSome(p.Child("months"), m.Months, "January to December", isMonth)...)
	if len(errs) == 0 && m.never() {
		errs = append(errs, field.Invalid(p.Child("days"), m.Days, "none of the months has one of these days"))
	}
	return append(errs, validateTimes(p.Child("times"), m.Times)...)
}

// never reports whether no chosen month has a chosen day.
func (m *MonthlyPolicy) never() bool {
	if len(m.Weekdays) > 0 || len(m.Months) == 0 || slices.Min(m.Days) == -1 {
		return false
	}
	for _, name := range m.Months {
		month := time.Month(slices.Index(months, name) + 1)
		if slices.Min(m.Days) <= time.Date(2024, month+1, 0, 0, 0, 0, 0, time.UTC).Day() { // a leap year
			return false
		}
	}
	return true
}

func isMonth(name string) bool { return slices.Contains(months, name) }

// isNthWeekday: first Monday to last Sunday.
func isNthWeekday(s string) bool {
	nth, day, ok := strings.Cut(s, " ")
	return ok && slices.Contains(ordinals, nth) && isWeekday(day)
}

func isWeekday(day string) bool { return slices.Contains(weekdays, day) }

func isMonthday(day int) bool { return day == -1 || day >= 1 && day <= 31 }

func isTime(t string) bool { return wallClock.MatchString(t) }

func validateTimes(p *field.Path, times []string) field.ErrorList {
	return validateDays(p, times, "a wall-clock time from 00:00 to 23:59, HH:MM", isTime)
}

// validateDays checks a list of days or times: at least one, each as it should be, none twice.
func validateDays[T comparable](p *field.Path, values []T, want string, ok func(T) bool) field.ErrorList {
	if len(values) == 0 {
		return field.ErrorList{field.Required(p, "at least one: "+want)}
	}
	return validateSome(p, values, want, ok)
}

// validateSome checks a list that may be empty: each as it should be, none twice.
func validateSome[T comparable](p *field.Path, values []T, want string, ok func(T) bool) field.ErrorList {
	var errs field.ErrorList
	seen := map[T]bool{}
	for i, v := range values {
		switch {
		case !ok(v):
			errs = append(errs, field.Invalid(p.Index(i), v, "must be "+want))
		case seen[v]:
			errs = append(errs, field.Duplicate(p.Index(i), v))
		}
		seen[v] = true
	}
	return errs
}

// validateCron counts fields; what they hold is for the schedule package to judge.
func validateCron(p *field.Path, expr string) field.ErrorList {
	if expr == "" {
		return nil
	}
	if strings.ContainsAny(expr, "()") {
		return field.ErrorList{field.Invalid(p, expr, "must be without cron( and )")}
	}
	if n := len(strings.Fields(expr)); n != cronFields {
		return field.ErrorList{field.Invalid(p, expr, "must have six fields: minute hour day month weekday year, such as 0 2 * * ? *")}
	}
	return nil
}
