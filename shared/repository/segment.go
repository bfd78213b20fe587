package repository

import (
	"context"
	"errors"
	"fmt"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/salvor"
)

// MostCopies bounds how many copies of one segment there are: a second is stored only where the first is damaged.
const MostCopies = 9

// Segment returns the uncompressed bytes of the segment, all of them checked, from the first of its copies that is as it
// was written; the one that the manifest names is tried first. Corrupt: there is none.
func (r *Repository) Segment(ctx context.Context, s archive.Segment) ([]byte, error) {
	named := max(s.Copy, 1)
	data, err := r.SegmentCopy(ctx, s, named)
	for number := 1; salvor.Is(err, salvor.Corrupt) && number <= MostCopies; number++ {
		if number == named {
			continue
		}
		copied, copyErr := r.SegmentCopy(ctx, s, number)
		if copyErr == nil {
			return copied, nil
		}
		if !salvor.Is(copyErr, salvor.Corrupt) { // one that is missing is Corrupt, too; others may follow it
			return nil, copyErr
		}
	}
	return data, err
}

// SegmentCopy returns the uncompressed bytes of one copy of the segment, all of them checked. Corrupt: missing
// (location.ErrNotFound) or not as written.
func (r *Repository) SegmentCopy(ctx context.Context, s archive.Segment, number int) ([]byte, error) {
	key := r.keys.SegmentCopy(s.Digest, number)
	stored, err := r.read(ctx, key)
	if errors.Is(err, location.ErrNotFound) && s.Version != "" && number == max(s.Copy, 1) {
		body, info, versionErr := location.GetVersion(ctx, r.loc, key, s.Version)
		stored, err = readAll(body, info, versionErr)
	}
	if errors.Is(err, location.ErrNotFound) {
		return nil, &salvor.Error{Code: salvor.Corrupt, Message: fmt.Sprintf("segment %s is missing at %s", s.Digest, r), Err: location.ErrNotFound}
	}
	if err != nil {
		return nil, fmt.Errorf("reading segment %s at %s: %w", s.Digest, r, err)
	}
	data, err := archive.Decode(stored, s)
	if err != nil {
		return nil, fmt.Errorf("segment %s at %s: %w", s.Digest, r, err)
	}
	return data, nil
}

// SegmentSize returns the stored length of one copy of the segment. NotFound (location.ErrNotFound).
func (r *Repository) SegmentSize(ctx context.Context, digest string, number int) (int64, error) {
	info, err := r.loc.Stat(ctx, r.keys.SegmentCopy(digest, number))
	if err != nil {
		return 0, fmt.Errorf("looking for segment %s: %w", digest, err)
	}
	return info.Size, nil
}

// Locks reports whether the location locks what it keeps, so that backups extend the locks of what they use again.
func (r *Repository) Locks() bool { return location.Locks(r.loc) }

// ExtendSegment lets the lock of a copy count from now, and returns the id of its version. NotFound
// (location.ErrNotFound): it is gone.
func (r *Repository) ExtendSegment(ctx context.Context, digest string, number int) (version string, err error) {
	info, err := location.Extend(ctx, r.loc, r.keys.SegmentCopy(digest, number))
	if err != nil {
		return "", fmt.Errorf("extending the lock of segment %s: %w", digest, err)
	}
	return info.VersionID, nil
}

// PutSegment stores the segment's stored form under its digest. One that is there already is left as it is.
func (r *Repository) PutSegment(ctx context.Context, digest string, stored []byte) error {
	_, err := r.PutSegmentCopy(ctx, digest, 1, location.Bytes(stored))
	return err
}

// PutSegmentCopy stores a copy of the segment, and reports false when one of that number is there already, which is left
// as it is.
func (r *Repository) PutSegmentCopy(ctx context.Context, digest string, number int, stored location.Body) (done bool, err error) {
	_, err = r.loc.Put(ctx, r.keys.SegmentCopy(digest, number), stored)
	if errors.Is(err, location.ErrExists) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("storing segment %s: %w", digest, err)
	}
	return true, nil
}
