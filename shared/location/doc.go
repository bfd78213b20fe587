// Package location is the place backups are kept in: blobs that never change,
// under keys with slashes.
//
// A [Location] is such a place: a bucket (package s3) or a directory (package
// dir). A key is a path such as "c1/backups/b/manifest.json" (see [CheckKey]).
// A [Body] is what is put: bytes that can be read more than once, with their
// SHA-256. An [Info] is what is known of a stored blob.
//
// A [Locker] keeps blobs from being deleted for a time, and [Versions] keeps what
// was deleted or hidden; not every location is one.
//
// Nothing is ever overwritten: the first Put of a key wins, also in a race, and
// every later one is told ErrExists. Both implementations keep to the suite in
// package locationtest.
package location
