package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"salvor.io/salvor/shared/dates"
	"salvor.io/salvor/shared/salvor"
)

// spanFlags are the ways to say when.
type spanFlags struct{ from, to, on, between, last, asOf string }

func (f *spanFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.from, "from", "", "not before this date")
	flags.StringVar(&f.to, "to", "", "not after this date, that day included")
	flags.StringVar(&f.on, "on", "", "on this date")
	flags.StringVar(&f.between, "between", "", "between two dates, A..B, both included")
	flags.StringVar(&f.last, "last", "", "not older than this, such as 7d or 12h")
	flags.StringVar(&f.asOf, "as-of", "", "at or before this date, as --to")
	for _, other := range []string{"from", "to", "between", "last", "as-of"} {
		cmd.MarkFlagsMutuallyExclusive("on", other)
	}
	for _, other := range []string{"from", "to", "last", "as-of"} {
		cmd.MarkFlagsMutuallyExclusive("between", other)
	}
	for _, other := range []string{"from", "to", "as-of"} {
		cmd.MarkFlagsMutuallyExclusive("last", other)
	}
	cmd.MarkFlagsMutuallyExclusive("to", "as-of")
}

// span is the time that the flags mean: from <= date < to; a zero time is no bound.
func (f *spanFlags) span(now time.Time, zone *time.Location) (from, to time.Time, err error) {
	first, last := f.from, f.to
	firstFlag, lastFlag := "--from", "--to"
	switch {
	case f.on != "":
		day, err := parseDate("--on", f.on, now, zone)
		if err == nil && day.Start.Equal(day.End) {
			err = salvor.Errorf(salvor.Invalid, "--on %q is not a whole day", f.on).WithHint("use --between, or --from and --to")
		}
		return day.Start, day.End, err
	case f.between != "":
		firstFlag, lastFlag = "--between", "--between"
		var ok bool
		if first, last, ok = strings.Cut(f.between, ".."); !ok {
			return from, to, salvor.Errorf(salvor.Invalid, "--between %q has no .. between two dates", f.between).WithHint("such as 2026-11-01..2026-11-15")
		}
	case f.last != "":
		since, err := parseDate("--last", f.last, now, zone)
		return since.Start.Truncate(time.Second), to, err // as it is printed, so that it can be repeated with a cursor
	case f.asOf != "":
		last, lastFlag = f.asOf, "--as-of"
	}
	if first != "" {
		span, err := parseDate(firstFlag, first, now, zone)
		if err != nil {
			return from, to, err
		}
		from = span.Start
	}
	if last != "" {
		at, err := parseLast(lastFlag, last, now, zone)
		if err != nil {
			return from, to, err
		}
		to = at.Add(time.Nanosecond)
	}
	if !from.IsZero() && !to.IsZero() && !from.Before(to) {
		return from, to, salvor.Errorf(salvor.Invalid, "the search ends at %s, before it begins at %s", timeIn(to.Add(-time.Nanosecond), zone), timeIn(from, zone)).
			WithHint("exchange the two dates")
	}
	return from, to, nil
}

func parseDate(flag, s string, now time.Time, zone *time.Location) (dates.Span, error) {
	span, err := dates.Parse(strings.TrimSpace(s), now, zone)
	if err != nil {
		return span, fmt.Errorf("%s: %w", flag, err)
	}
	return span, nil
}

// parseLast reads a date that is the last one meant: of a day or a whole second, its end. Times are printed in whole
// seconds, and what was cut within the second that a user reads is meant too.
func parseLast(flag, s string, now time.Time, zone *time.Location) (time.Time, error) {
	span, err := parseDate(flag, s, now, zone)
	switch at := span.Start; {
	case err != nil:
		return time.Time{}, err
	case span.End.After(at):
		return span.End.Add(-time.Nanosecond), nil
	case at.Nanosecond() == 0:
		return at.Add(time.Second - time.Nanosecond), nil
	default:
		return at, nil
	}
}
