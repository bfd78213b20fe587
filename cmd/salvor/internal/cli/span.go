package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"salvor.io/salvor/cmd/salvor/internal/tmpdates"
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
	flags.StringVar(&f.asOf, "as-of", "", "at or before this time")
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
	var on dates.Span
	switch {
	case f.on != "":
		on, err = parseDate("--on", f.on, now, zone)
		return on.From, on.To, err
	case f.between != "":
		first, second, ok := strings.Cut(f.between, "..")
		if !ok {
			return from, to, salvor.Errorf(salvor.Invalid, "--between %q has no .. between two dates", f.between).WithHint("such as 2026-11-01..2026-11-15")
		}
		f = &spanFlags{from: first, to: second}
	case f.last != "":
		on, err = parseDate("--last", f.last, now, zone)
		return on.From, to, err
	}
	if f.from != "" {
		if on, err = parseDate("--from", f.from, now, zone); err != nil {
			return from, to, err
		}
		from = on.From
	}
	if f.to != "" {
		if on, err = parseDate("--to", f.to, now, zone); err != nil {
			return from, to, err
		}
		to = on.To
	}
	if f.asOf != "" {
		at, err := parseAsOf("--as-of", f.asOf, now, zone)
		if err != nil {
			return from, to, err
		}
		to = at.Add(time.Microsecond) // dates have microseconds, and this one is included
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

// parseAsOf reads a time that is the last one meant: of a day, its end. Whole seconds, rounded up, are what a Restore keeps.
func parseAsOf(flag, s string, now time.Time, zone *time.Location) (time.Time, error) {
	span, err := parseDate(flag, s, now, zone)
	if err != nil {
		return time.Time{}, err
	}
	at := span.From
	if span.To.Sub(span.From) > time.Second {
		at = span.To
	}
	return at.Add(time.Second - 1).Truncate(time.Second), nil
}
