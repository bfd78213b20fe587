package schedule

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/cronexpr"

	"salvor.io/salvor/shared/salvor"
)

// cronField is what one field of an EventBridge cron expression may hold
// (https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based).
type cronField struct {
	name     string
	min, max int
	names    []string // of the values, from min on
	special  func(element string) bool
}

// The places of the two fields of days among the six.
const (
	dayOfMonth = 2
	dayOfWeek  = 4
)

var cronFields = []cronField{
	{name: "minute", min: 0, max: 59},
	{name: "hour", min: 0, max: 23},
	{name: "day of month", min: 1, max: 31, special: specialMonthday},
	{name: "month", min: 1, max: 12, names: strings.Fields("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC")},
	{name: "day of week", min: 1, max: 7, names: strings.Fields("SUN MON TUE WED THU FRI SAT")},
	{name: "year", min: 1970, max: 2099}, // to 2199 in EventBridge, to 2099 in the library
}

// cron runs an expression on a clock in UTC, which has no gaps and repeats nothing.
type cron struct{ expr *cronexpr.Expression }

func (c cron) next(wall time.Time) time.Time { return c.expr.Next(wall) }

// newCron reads an EventBridge expression. The library's notation differs (seconds come first, Sunday is 0) and it
// takes much for something else than EventBridge does, or for nothing: so every field is checked here first.
func newCron(s string) (cron, error) {
	fields := strings.Fields(strings.ToUpper(s))
	out := []string{"0"}
	for i, f := range cronFields {
		value := fields[i]
		if value == "?" && (i == dayOfMonth || i == dayOfWeek) {
			out = append(out, value)
			continue
		}
		elements, err := f.translate(value, i == dayOfWeek)
		if err != nil {
			return cron{}, salvor.Errorf(salvor.Invalid, "spec.cron: reading %q: %s: %w", s, f.name, err)
		}
		out = append(out, elements)
	}
	if (fields[dayOfMonth] == "?") == (fields[dayOfWeek] == "?") {
		return cron{}, salvor.Errorf(salvor.Invalid, "spec.cron: reading %q: exactly one of day of month and day of week must be ?", s)
	}
	expr, err := cronexpr.Parse(strings.Join(out, " "))
	if err != nil {
		return cron{}, salvor.Errorf(salvor.Invalid, "spec.cron: reading %q: %w", s, err)
	}
	return cron{expr}, nil
}

// translate checks a field and returns it as the library wants it.
func (f cronField) translate(value string, week bool) (string, error) {
	var out []string
	for element := range strings.SplitSeq(value, ",") {
		if element != value && f.alone(element) {
			return "", fmt.Errorf("%q stands alone at EventBridge, not in a list; write several schedules", element)
		}
		var e string
		var err error
		switch {
		case week:
			e, err = f.weekday(element)
		case f.special != nil && f.special(element):
			e = element
		default:
			_, _, _, err = f.span(element)
			e = element
		}
		if err != nil {
			return "", err
		}
		out = append(out, e)
	}
	return strings.Join(out, ","), nil
}

// alone reports whether an element counts days of a month or week.
func (f cronField) alone(element string) bool {
	return strings.Contains(element, "#") || element == "LW" || f.special != nil && f.special(element) || f.name == cronFields[dayOfWeek].name && strings.HasSuffix(element, "L")
}

// weekday translates an element of the day of week, 1 for Sunday to 7, into the library's 0 to 6. Ranges are written
// out: the library takes one that ends on Sunday for one that ends on Saturday.
func (f cronField) weekday(element string) (string, error) {
	if element == "*" {
		return element, nil
	}
	if element == "L" { // the last day of the week
		return "6", nil
	}
	if day, ok := strings.CutSuffix(element, "L"); ok { // 6L, the last Friday of the month
		n, err := f.value(day)
		return strconv.Itoa(n-1) + "L", err
	}
	if day, week, ok := strings.Cut(element, "#"); ok { // 6#3, the third Friday of the month
		n, err := f.value(day)
		if len(week) != 1 || week < "1" || week > "5" {
			err = fmt.Errorf("after # comes the week, 1 to 5, not %q", week)
		}
		return strconv.Itoa(n-1) + "#" + week, err
	}
	low, high, step, err := f.span(element)
	if err != nil {
		return "", err
	}
	var days []string
	for n := low; n <= high; n += step {
		days = append(days, strconv.Itoa(n-1))
	}
	return strings.Join(days, ","), nil
}

// span reads a value, a range or a star, each with or without a step.
func (f cronField) span(element string) (low, high, step int, err error) {
	values, steps, stepped := strings.Cut(element, "/")
	step = 1
	if stepped {
		if step, err = number(steps); err != nil || step < 1 || step > f.max {
			return 0, 0, 0, fmt.Errorf("after / comes a number from 1 to %d, not %q", f.max, steps)
		}
	}
	if values == "*" {
		return f.min, f.max, step, nil
	}
	from, to, ranged := strings.Cut(values, "-")
	if low, err = f.value(from); err != nil {
		return 0, 0, 0, err
	}
	high = low
	if ranged {
		if high, err = f.value(to); err != nil {
			return 0, 0, 0, err
		}
	} else if stepped {
		high = f.max
	}
	if low > high {
		return 0, 0, 0, fmt.Errorf("the range %s runs backwards; write it as two", values)
	}
	return low, high, step, nil
}

// value reads a number or a name.
func (f cronField) value(s string) (int, error) {
	for i, name := range f.names {
		if s == name {
			return f.min + i, nil
		}
	}
	n, err := number(s)
	if err != nil || n < f.min || n > f.max {
		known := fmt.Sprintf("%d to %d", f.min, f.max)
		if f.names != nil {
			known += fmt.Sprintf(" or %s to %s", f.names[0], f.names[len(f.names)-1])
		}
		return 0, fmt.Errorf("%q is not one of %s", s, known)
	}
	return n, nil
}

// number reads digits alone; strconv would take a sign too.
func number(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	return int(n), err
}

// specialMonthday is L, the last day, LW, the last working day, or 15W, the working day next to the 15th.
func specialMonthday(element string) bool {
	day, ok := strings.CutSuffix(element, "W")
	n, err := number(day)
	return element == "L" || element == "LW" || ok && err == nil && n >= 1 && n <= 31
}
