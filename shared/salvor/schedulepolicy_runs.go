package salvor

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

const (
	// LateRun is how long after its time a run may begin and is not missed yet.
	LateRun = 5 * time.Minute
	// DefaultMissedWindow is longer than a month, so that a monthly run is made up for.
	DefaultMissedWindow = 35 * 24 * time.Hour
	// MaxJitter keeps a run near its time.
	MaxJitter = 24 * time.Hour
)

var rate = regexp.MustCompile(`^([1-9][0-9]{0,4}) (minute|hour|day)s?$`)

// ParseRate reads an EventBridge rate expression without rate( and ). Invalid: it is none.
func ParseRate(s string) (time.Duration, error) {
	m := rate.FindStringSubmatch(s)
	if m == nil {
		return 0, Errorf(Invalid, "%q is not a rate such as 5 minutes, 1 hour or 2 days", s)
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return 0, Errorf(Invalid, "%q is not a rate: %w", s, err)
	}
	return time.Duration(n) * map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}[m[2]], nil
}

// Period is the time from one run to the next of a policy that has one, by Interval or Rate; otherwise 0.
func (s *SchedulePolicySpec) Period() time.Duration {
	if s.Interval != nil {
		return s.Interval.Duration
	}
	period, _ := ParseRate(s.Rate) // 0 when it is none
	return period
}

// LatestStart is how long after its time a run may still begin.
func (s *SchedulePolicySpec) LatestStart() time.Duration {
	switch {
	case s.MissedRuns == MissedRunsSkip:
		return LateRun
	case s.MissedWindow.Duration > 0:
		return s.MissedWindow.Duration
	}
	return DefaultMissedWindow
}

// validateRuns checks what all sorts of policies have.
func (s *SchedulePolicySpec) validateRuns(p *field.Path) field.ErrorList {
	errs := validateDates(p, s.StartDate, s.EndDate)
	jitter, at := s.Jitter.Duration, p.Child("jitter")
	switch period := s.Period(); {
	case jitter < 0 || jitter > MaxJitter || jitter%time.Second != 0:
		errs = append(errs, field.Invalid(at, jitter.String(), "must be at most 24h, in whole seconds"))
	case period > 0 && jitter >= period:
		errs = append(errs, field.Invalid(at, jitter.String(), "must be less than the time from one run to the next, "+period.String()))
	}
	errs = append(errs, oneOf(p.Child("missedRuns"), s.MissedRuns, MissedRunsSkip, MissedRunsRunOnce)...)
	errs = append(errs, positive(p.Child("missedWindow"), s.MissedWindow)...)
	if s.MissedRuns == MissedRunsSkip && s.MissedWindow.Duration > 0 {
		errs = append(errs, field.Forbidden(p.Child("missedWindow"), "goes with missedRuns: RunOnce; Skip makes up for none"))
	}
	for i := range s.Blackouts {
		errs = append(errs, s.Blackouts[i].validate(p.Child("blackouts").Index(i))...)
	}
	return errs
}

func (b *Blackout) validate(p *field.Path) field.ErrorList {
	errs := validateSome(p.Child("days"), b.Days, "Monday to Sunday", isWeekday)
	errs = append(errs, validateDates(p, b.StartDate, b.EndDate)...)
	for _, t := range []struct{ name, value string }{{"from", b.From}, {"to", b.To}} {
		if t.value != "" && !isTime(t.value) {
			errs = append(errs, field.Invalid(p.Child(t.name), t.value, "must be a wall-clock time from 00:00 to 23:59, HH:MM"))
		}
	}
	switch {
	case b.From == "" && b.To != "":
		errs = append(errs, field.Required(p.Child("from"), "goes with to"))
	case b.From != "" && b.To == "":
		errs = append(errs, field.Required(p.Child("to"), "goes with from"))
	case b.From == "" && b.StartDate == "" && b.EndDate == "" && len(b.Days) == 0:
		errs = append(errs, field.Required(p, "days, from and to, or dates: as it stands it is always"))
	}
	return errs
}

// validateDates checks two dates that may be left out.
func validateDates(p *field.Path, start, end string) field.ErrorList {
	var errs field.ErrorList
	for _, d := range []struct{ name, value string }{{"startDate", start}, {"endDate", end}} {
		if _, err := time.Parse(time.DateOnly, d.value); d.value != "" && err != nil {
			errs = append(errs, field.Invalid(p.Child(d.name), d.value, "must be a date, YYYY-MM-DD"))
		}
	}
	if len(errs) == 0 && start != "" && end != "" && strings.Compare(end, start) < 0 {
		errs = append(errs, field.Invalid(p.Child("endDate"), end, "must not be before startDate, "+start))
	}
	return errs
}
