// Package dates reads dates as people write them, in a stated time zone.
//
// A Span is what such a date covers: a whole day for a date alone, one instant for a time. "From" a date takes the
// start of its span and "to" a date the end, so that a day given as either is included; "as of" takes the last instant.
//
// Days have 23 or 25 hours when clocks change, and a time of day may not exist, or exist twice. Such a time is refused,
// with what to write instead: a restore must not choose between two moments. The package is pure: the present comes in
// from outside.
package dates
