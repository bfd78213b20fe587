// Package dates stands in until shared/dates is there.
package dates

import "time"

// Span is a span.
type Span struct{ From, To time.Time }

// Parse reads RFC 3339 and dates.
func Parse(s string, now time.Time, zone *time.Location) (Span, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return Span{t, t.Add(time.Second)}, nil
	}
	if d, err := time.ParseDuration(s); err == nil {
		return Span{now.Add(-d), now}, nil
	}
	t, err := time.ParseInLocation("2006-01-02", s, zone)
	return Span{t, t.AddDate(0, 0, 1)}, err
}
