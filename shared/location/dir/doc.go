// Package dir is a location in a directory of a local or mounted file system.
//
// A blob is one file under its key, mode 0600 in directories of mode 0700, with
// the bytes as they were put, so that `zstd -dc` and `jq` read it as it is. Only
// what begins with a dot is the store's own: .salvor/tmp holds files being
// written, .salvor/key.age the key of a location with a passphrase.
//
// A put writes a temporary file, syncs it, renames it to its key without
// overwriting, and syncs the directory: a crash leaves a whole blob or none.
//
// The SHA-256 of a blob is kept beside its bytes, in the extended attribute
// user.salvor.sha256, and every Get checks it. Where a file system or a copy
// program drops extended attributes the store can't check; callers still find a
// changed bit by the digests they know, with location.Verify.
//
// With [Options.Passphrase] or [Options.Recipients] every file is encrypted by
// age (https://age-encryption.org/v1), which also authenticates it. Names and
// approximate sizes stay visible. Without Salvor: age -d -i KEY FILE | zstd -dc.
package dir
