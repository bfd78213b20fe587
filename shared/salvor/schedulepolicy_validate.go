package salvor

import (
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // zones are known on machines and in Lambda images that have no zone files

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// MinInterval is the shortest time between two runs of a schedule.
const MinInterval = time.Minute

// cronFields is the number of fields of an EventBridge cron expression.
const cronFields = 6

var wallClock = regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9]$`)

// weekdays are the days as the user writes them.
var weekdays = []string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}

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
	errs := exactlyOne(p, []string{"interval", "daily", "weekly", "monthly", "cron"},
		s.Interval != nil, s.Daily != nil, s.Weekly != nil, s.Monthly != nil, s.Cron != "")
	if _, err := s.Location(); err != nil {
		errs = append(errs, field.Invalid(p.Child("timeZone"), s.TimeZone, "must be an IANA name such as Europe/Berlin"))
	}
	if i := s.Interval; i != nil && (i.Duration < MinInterval || i.Duration%time.Second != 0) {
		errs = append(errs, field.Invalid(p.Child("interval"), i.Duration.String(), "must be at least 1m, in whole seconds"))
	}
	if s.Daily != nil {
		errs = append(errs, validateTimes(p.Child("daily", "times"), s.Daily.Times)...)
	}
	if w := s.Weekly; w != nil {
		errs = append(errs, validateDays(p.Child("weekly", "days"), w.Days, "Monday to Sunday", isWeekday)...)
		errs = append(errs, validateTimes(p.Child("weekly", "times"), w.Times)...)
	}
	if m := s.Monthly; m != nil {
		errs = append(errs, validateDays(p.Child("monthly", "days"), m.Days, "1 to 31, or -1 for the last day", isMonthday)...)
		errs = append(errs, validateTimes(p.Child("monthly", "times"), m.Times)...)
	}
	errs = append(errs, validateCron(p.Child("cron"), s.Cron)...)
	return append(errs, s.Retention.validate(p.Child("retention"))...)
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
