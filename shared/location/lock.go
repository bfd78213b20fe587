package location

import (
	"context"
	"io"
)

// Locker is a Location that can keep blobs from being deleted for a time that it
// was made with. Delete of one that is locked is ErrLocked.
type Locker interface {
	// Locks reports whether it locks what is put.
	Locks() bool
	// Extend lets the lock of the blob count from now, and tells what is known of the
	// blob. A lock that lasts longer stays as it is. ErrNotFound.
	Extend(ctx context.Context, key string) (Info, error)
	// Hide is Delete of what may be locked: then nobody finds it any more but by its
	// version.
	Hide(ctx context.Context, key string) error
}

// Versions is a Location that may keep what was deleted, or hidden.
type Versions interface {
	// GetVersion is Get of the version that an Info named.
	GetVersion(ctx context.Context, key, version string) (io.ReadCloser, Info, error)
}

// Locks reports whether the location locks what is put.
func Locks(loc Location) bool {
	l, ok := loc.(Locker)
	return ok && l.Locks()
}

// Extend lets the lock of the blob count from now; where nothing is locked it only
// tells what is known of the blob.
func Extend(ctx context.Context, loc Location, key string) (Info, error) {
	if l, ok := loc.(Locker); ok {
		return l.Extend(ctx, key)
	}
	return loc.Stat(ctx, key)
}

// Hide deletes the blob, or hides it while it is locked.
func Hide(ctx context.Context, loc Location, key string) error {
	if l, ok := loc.(Locker); ok {
		return l.Hide(ctx, key)
	}
	return loc.Delete(ctx, key)
}

// GetVersion is Get of the version. ErrNotFound: the location keeps none.
func GetVersion(ctx context.Context, loc Location, key, version string) (io.ReadCloser, Info, error) {
	if v, ok := loc.(Versions); ok {
		return v.GetVersion(ctx, key, version)
	}
	return nil, Info{}, ErrNotFound
}
