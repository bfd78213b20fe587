// Package dates reads dates as people write them, in a stated time zone: 2026-11-20, yesterday, 3d, RFC 3339.
//
// What is read is a span of time: a date alone means that whole day in the zone, an instant means itself.
package dates
