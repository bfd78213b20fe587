package s3

import (
	"context"
	"errors"
	"fmt"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"salvor.io/salvor/shared/location"
)

// Delete removes the blob, see location.Location. In a bucket that keeps
// versions, the version stays behind a delete marker; unless the location locks
// its objects: then its version goes for good, and is ErrLocked before its time.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := s.check(key); err != nil {
		return s.fail(opDelete, key, err)
	}
	version := ""
	if s.lock != nil {
		info, err := s.Stat(ctx, key)
		if errors.Is(err, location.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if s.now().Before(info.LockedUntil) {
			return s.fail(opDelete, key, fmt.Errorf("%w until %s", location.ErrLocked, info.LockedUntil.UTC()))
		}
		version = info.VersionID
	}
	return s.remove(ctx, key, version)
}

// Hide removes the blob, or hides it while it is locked, see location.Locker.
func (s *Store) Hide(ctx context.Context, key string) error {
	err := s.Delete(ctx, key)
	if errors.Is(err, location.ErrLocked) {
		err = s.remove(ctx, key, "")
	}
	return err
}

// remove deletes a version of the blob; without one it lays a delete marker over the
// blob, or deletes it where no versions are kept.
func (s *Store) remove(ctx context.Context, key, version string) error {
	_, err := s.api.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: &s.bucket, Key: s.object(key), VersionId: named(version)})
	if err == nil {
		return nil
	}
	if err = s.fail(opDelete, key, err); errors.Is(err, location.ErrNotFound) {
		return nil
	}
	return err
}
