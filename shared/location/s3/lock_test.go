package s3_test

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/location/s3"
	"salvor.io/salvor/tests/testenv"
)

// locked is a bucket with Object Lock, an administrator's client for it, and its name.
func locked(t *testing.T) (config aws.Config, admin *awss3.Client, endpoint, bucket string) {
	t.Helper()
	server := testenv.S3(t)
	config = aws.Config{Region: server.Region, Credentials: credentials.NewStaticCredentialsProvider(server.AccessKey, server.SecretKey, "")}
	admin = awss3.NewFromConfig(config, func(o *awss3.Options) { o.BaseEndpoint, o.UsePathStyle = &server.Endpoint, true })
	bucket = "lock-" + testenv.Unique()
	if _, err := admin.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: &bucket, ObjectLockEnabledForBucket: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.PutBucketVersioning(t.Context(), &awss3.PutBucketVersioningInput{Bucket: &bucket,
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}}); err != nil {
		t.Fatal(err)
	}
	return config, admin, server.Endpoint, bucket
}

func TestWhatIsPutIsLockedAndGoesWhenTheLockHasEnded(t *testing.T) {
	for name, compliance := range map[string]bool{"governance": false, "compliance": true} {
		t.Run(name, func(t *testing.T) { t.Parallel(); lockedAndGone(t, compliance) })
	}
}

func lockedAndGone(t *testing.T, compliance bool) {
	config, admin, endpoint, bucket := locked(t)
	const day = 24 * time.Hour
	clock := time.Now().Add(-2*day + 8*time.Second) // a lock of a day, and a day more, ends eight seconds from now
	lock := &s3.Lock{Compliance: compliance, For: day}
	open := func(now func() time.Time) *s3.Store {
		s, err := s3.New(s3.Options{Bucket: bucket, Prefix: "p", Endpoint: endpoint, Config: config, Lock: lock, Now: now})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	early, late := open(func() time.Time { return clock }), open(time.Now)
	body := location.Bytes([]byte("hello"))
	put, err := early.Put(t.Context(), "a/b", body)
	if err != nil || put.VersionID == "" {
		t.Fatalf("put: %+v, %v", put, err)
	}
	info, err := late.Stat(t.Context(), "a/b")
	if ends := time.Until(info.LockedUntil); err != nil || ends <= 0 || ends > 10*time.Second {
		t.Fatalf("it is locked until %s, %v", info.LockedUntil, err)
	}
	if err := late.Delete(t.Context(), "a/b"); !errors.Is(err, location.ErrLocked) {
		t.Errorf("deleting what is locked: %v", err)
	}
	if _, err := admin.DeleteObject(t.Context(), &awss3.DeleteObjectInput{Bucket: &bucket, Key: aws.String("p/a/b"), VersionId: &put.VersionID}); err == nil {
		t.Error("an administrator may delete what is locked")
	}
	if err := location.Hide(t.Context(), late, "a/b"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := late.Get(t.Context(), "a/b"); !errors.Is(err, location.ErrNotFound) {
		t.Errorf("what is hidden is found: %v", err)
	}
	r, _, err := location.GetVersion(t.Context(), location.Count(late), "a/b", put.VersionID)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != "hello" {
		t.Errorf("the version reads %q, %v", got, err)
	}
	r.Close()
	again, err := early.Put(t.Context(), "a/c", body) // versitygw 1.8.0 takes what is hidden for present; S3 does not
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Until(info.LockedUntil) + 1500*time.Millisecond)
	if err := late.Delete(t.Context(), "a/c"); err != nil {
		t.Fatalf("deleting when the lock has ended: %v", err)
	}
	if _, _, err := late.GetVersion(t.Context(), "a/c", again.VersionID); !errors.Is(err, location.ErrNotFound) {
		t.Errorf("the version is still there: %v", err)
	}
}

func TestALockCountsFromTheLastUse(t *testing.T) {
	config, admin, endpoint, bucket := locked(t)
	const day = 24 * time.Hour
	now := time.Now()
	s, err := s3.New(s3.Options{Bucket: bucket, Endpoint: endpoint, Config: config, Lock: &s3.Lock{For: 10 * day}, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Extend(t.Context(), "a"); !errors.Is(err, location.ErrNotFound) {
		t.Errorf("extending what is not there: %v", err)
	}
	put, err := s.Put(t.Context(), "a", location.Bytes(nil))
	if err != nil {
		t.Fatal(err)
	}
	until := func() time.Time {
		t.Helper()
		info, err := s.Stat(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		return info.LockedUntil
	}
	first := until()
	for _, step := range []struct {
		later time.Duration
		moves bool
	}{{time.Hour, false}, {22 * time.Hour, false}, {2 * time.Hour, true}, {time.Hour, false}, {5 * day, true}} {
		now = now.Add(step.later)
		before := until()
		info, err := s.Extend(t.Context(), "a")
		if err != nil || info.VersionID != put.VersionID {
			t.Fatalf("%+v, %v", info, err)
		}
		after := until()
		if after.After(before) != step.moves || after.Sub(now) < 10*day || !after.Equal(info.LockedUntil) {
			t.Errorf("%s later the lock ends at %s, before at %s", step.later, after, before)
		}
	}
	if !until().After(first) {
		t.Error("the lock was never extended")
	}
	if _, err := admin.PutObjectLegalHold(t.Context(), &awss3.PutObjectLegalHoldInput{Bucket: &bucket, Key: aws.String("a"),
		LegalHold: &types.ObjectLockLegalHold{Status: types.ObjectLockLegalHoldStatusOn}}); err != nil {
		t.Fatal(err)
	}
	if until().Year() != 9999 {
		t.Errorf("with a legal hold it is locked until %s", until())
	}
}
