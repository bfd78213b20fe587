package location

import (
	"context"
	"io"
	"iter"
	"time"
)

// Location keeps immutable blobs. Its methods may be called concurrently, also
// from several processes. Errors are those of errors.go, found by errors.Is, or
// that of the context.
type Location interface {
	// Put stores body under key if nothing is there, and ErrExists otherwise,
	// with the first bytes left as they were. A reader sees all of a blob or
	// nothing, also after a crash. When Put has returned nil the blob is durable.
	// After any other error than ErrExists and ErrKey the blob may be there or not.
	Put(ctx context.Context, key string, body Body) (Info, error)

	// Get opens the blob for reading from its start, or ErrNotFound. Where the
	// store knows the digest, the reader ends with ErrCorrupt instead of io.EOF
	// if the bytes differ from those put: don't act on a blob before its end.
	Get(ctx context.Context, key string) (io.ReadCloser, Info, error)

	// GetRange opens length bytes of the blob from offset on, or what there is of
	// them; a negative length means to the end. A range that begins at or after
	// the end is ErrRange. A part can't be checked against the digest of the whole.
	GetRange(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error)

	// Stat tells what is known of the blob, or ErrNotFound.
	Stat(ctx context.Context, key string) (Info, error)

	// List yields the blobs whose key begins with prefix and is greater than
	// after, in ascending byte order of the keys. It ends at the first error.
	// A blob put or deleted meanwhile may be missed or seen. SHA256 is not
	// set, and Size is -1 for a blob so damaged that its size is lost.
	List(ctx context.Context, prefix, after string) iter.Seq2[Info, error]

	// Dirs yields the names d for which a blob with a key like prefix + d + "/…"
	// exists, in ascending byte order of d + "/", without listing all of those.
	// prefix is empty or ends with a slash.
	Dirs(ctx context.Context, prefix string) iter.Seq2[string, error]

	// Delete removes the blob; nil also if there is none.
	Delete(ctx context.Context, key string) error

	// String tells where it is, for messages: s3://bucket/prefix, or a directory.
	String() string
}

// Info is what is known of a stored blob.
type Info struct {
	Key  string
	Size int64 // in bytes, as put: before encryption
	// ModTime is when the blob was stored, by the clock of the store. Zero where
	// the store doesn't tell, as S3 doesn't in its answer to a put.
	ModTime time.Time
	// VersionID names the version in a store that keeps several.
	VersionID string
	// SHA256 is the digest of the bytes as put, in hex. Empty where the store
	// doesn't know it.
	SHA256 string
	// LockedUntil is when a lock on the blob ends (S3 Object Lock), as far as Stat and Get can tell. Zero: there is none. For
	// a legal hold, which has no end, it is far in the future.
	LockedUntil time.Time
}
