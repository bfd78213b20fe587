package httpapi

import (
	"net/url"
	"strings"
	"time"

	"salvor.io/salvor/shared/dates"
	"salvor.io/salvor/shared/salvor"
)

// zone reads the zone that dates are meant in.
func zone(v url.Values) (*time.Location, error) {
	name := v.Get("zone")
	if name == "" {
		return time.UTC, nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, salvor.Errorf(salvor.Invalid, "zone: %q is not an IANA time zone", name)
	}
	return zone, nil
}

// spans are the parameters that say when, each with those that it goes with.
var spans = map[string]string{"on": "", "last": "", "between": "", "asOf": "from", "from": "to asOf", "to": "from"}

// span reads the dates: from <= date < to. A day that is named as the last one is included.
func (s *Server) span(v url.Values) (from, to time.Time, err error) {
	zone, err := zone(v)
	if err != nil {
		return from, to, err
	}
	for one, with := range spans {
		for other := range spans {
			if v.Has(one) && v.Has(other) && one != other && !contains(strings.Fields(with), other) {
				return from, to, salvor.Errorf(salvor.Invalid, "on, last, between, and from with to or asOf exclude each other")
			}
		}
	}
	read := func(name, text string) (dates.Span, error) {
		span, err := dates.Parse(text, s.Now(), zone)
		if err != nil {
			return span, salvor.Errorf(salvor.Invalid, "%s: %w", name, err)
		}
		return span, nil
	}
	var span dates.Span
	first, last := v.Get("from"), v.Get("to")+v.Get("asOf")
	switch {
	case v.Has("on"):
		if span, err = read("on", v.Get("on")); err == nil && !span.End.After(span.Start) {
			err = salvor.Errorf(salvor.Invalid, "on: %q is not a whole day", v.Get("on"))
		}
		return span.Start, span.End, err
	case v.Has("last"):
		span, err = read("last", v.Get("last"))
		return span.Start, to, err
	case v.Has("between"):
		var ok bool
		if first, last, ok = strings.Cut(v.Get("between"), ".."); !ok || first == "" || last == "" {
			return from, to, salvor.Errorf(salvor.Invalid, "between: %q has no .. between two dates", v.Get("between")).WithHint("such as 2026-11-01..2026-11-15")
		}
	}
	if first != "" {
		if span, err = read("from", first); err != nil {
			return from, to, err
		}
		from = span.Start
	}
	if last != "" {
		if span, err = read("to", last); err != nil {
			return from, to, err
		}
		if to = span.End; !to.After(span.Start) {
			to = span.Start.Add(time.Nanosecond) // the moment itself is included
		}
	}
	return from, to, nil
}
