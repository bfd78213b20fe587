package s3

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/salvor"
)

// Lock is how firmly and for how long objects are locked.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
type Lock struct {
	// Compliance can't be lifted by anybody; without it, a special permission lifts the lock.
	Compliance bool
	// For is how long each object is locked from when it was put, or used last.
	For time.Duration
}

// LockOf is the lock that a BackupLocation asks for; nil: none.
func LockOf(l *salvor.ObjectLock) *Lock {
	if l == nil {
		return nil
	}
	return &Lock{Compliance: l.Mode == salvor.ObjectLockCompliance, For: time.Duration(l.Days) * 24 * time.Hour}
}

// lockSlack is how much longer a lock is set than asked for: an object that is used
// every hour has its lock extended once in that time.
const lockSlack = 24 * time.Hour

// forever is what a legal hold has for its end.
var forever = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

var (
	_ location.Locker   = (*Store)(nil)
	_ location.Versions = (*Store)(nil)
)

// locked is the lock of an object that is put now.
func (s *Store) locked() (types.ObjectLockMode, *time.Time) {
	if s.lock == nil {
		return "", nil
	}
	mode := types.ObjectLockModeGovernance
	if s.lock.Compliance {
		mode = types.ObjectLockModeCompliance
	}
	return mode, aws.Time(s.now().UTC().Add(s.lock.For + lockSlack).Truncate(time.Second))
}

// Extend locks the blob anew, see location.Locker. Without a lock of the location's
// own it only looks which version is there.
func (s *Store) Extend(ctx context.Context, key string) (location.Info, error) {
	info, err := s.Stat(ctx, key)
	if err != nil || s.lock == nil || !info.LockedUntil.Before(s.now().Add(s.lock.For)) {
		return info, err
	}
	mode, until := s.locked()
	_, err = s.api.PutObjectRetention(ctx, &awss3.PutObjectRetentionInput{Bucket: &s.bucket, Key: s.object(key), VersionId: named(info.VersionID),
		Retention: &types.ObjectLockRetention{Mode: types.ObjectLockRetentionMode(mode), RetainUntilDate: until}})
	if err != nil {
		return info, s.fail(opLock, key, err)
	}
	info.LockedUntil = *until
	return info, nil
}

// Locks reports whether the location locks its objects by itself.
func (s *Store) Locks() bool { return s.lock != nil }

// lockedUntil is when a lock ends, as S3 tells those who may read it.
func lockedUntil(until *time.Time, hold types.ObjectLockLegalHoldStatus) time.Time {
	if hold == types.ObjectLockLegalHoldStatusOn {
		return forever
	}
	return aws.ToTime(until)
}
