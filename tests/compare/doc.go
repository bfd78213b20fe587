// Package compare tells whether objects that were restored are those that were there before. A Snapshot is what the API
// server itself returned to plain requests, so that no code of Salvor reads it; Allowances are the differences that a
// restored object may have, each with its reason.
package compare
