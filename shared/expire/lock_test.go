package expire_test

import (
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/location/s3"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/tests/testenv"
)

// lockedWorld keeps backups in a bucket whose locks end at the time given, and returns an administrator's client for it.
func lockedWorld(t *testing.T, ends time.Time) (w *world, admin *awss3.Client, bucket string) {
	t.Helper()
	server := testenv.S3(t)
	config := aws.Config{Region: server.Region, Credentials: credentials.NewStaticCredentialsProvider(server.AccessKey, server.SecretKey, "")}
	admin = awss3.NewFromConfig(config, func(o *awss3.Options) { o.BaseEndpoint, o.UsePathStyle = &server.Endpoint, true })
	bucket = "lock-" + testenv.Unique()
	_, err1 := admin.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: &bucket, ObjectLockEnabledForBucket: aws.Bool(true)})
	_, err2 := admin.PutBucketVersioning(t.Context(), &awss3.PutBucketVersioningInput{Bucket: &bucket,
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}})
	const day = 24 * time.Hour
	// A lock lasts its time and up to a day more: by this clock, which is behind, all end at the same moment.
	clock := func() time.Time {
		if now := time.Now(); now.After(ends) {
			return now
		}
		return ends.Add(-2 * day)
	}
	loc, err3 := s3.New(s3.Options{Bucket: bucket, Endpoint: server.Endpoint, Config: config, Lock: &s3.Lock{Compliance: true, For: day}, Now: clock})
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	return newWorld(t, loc, salvor.Retention{Last: 1}), admin, bucket
}

// What is locked is left until its lock ends, counted, and can still be restored; then it goes, versions and all.
func TestWhatIsLockedIsLeftUntilItsLockEnds(t *testing.T) {
	t.Parallel()
	ends := time.Now().Add(8 * time.Second).Truncate(time.Second)
	w, admin, bucket := lockedWorld(t, ends)
	first := w.good("nightly")
	w.good("nightly")
	m, _, err := w.repo.Manifest(t.Context(), first.Name)
	if err != nil {
		t.Fatal(err)
	}
	segment := m.Kinds[0].Segments[0]
	if segment.Version == "" {
		t.Fatalf("the manifest names no version: %+v", segment)
	}
	e, err := w.pass().Expire(t.Context())
	if err != nil || len(e.Deleted) > 0 || e.Locked != 1 || e.Kept != 2 {
		t.Fatalf("while it is locked: %+v, %v", e, err)
	}
	plans, err := w.pass().Plan(t.Context(), "nightly")
	if err != nil || len(plans) != 1 || plans[0].Locked != 1 || plans[0].Keep[1].Reasons[0] != "the location keeps it locked until "+ends.UTC().Format(time.RFC3339) {
		t.Errorf("the plan says %+v, %v", plans[0], err)
	}
	// Somebody hides a segment: the backup is read all the same.
	if err := location.Hide(t.Context(), w.loc, w.repo.Keys().Segment(segment.Digest)); err != nil {
		t.Fatal(err)
	}
	w.sound("with a segment hidden")
	time.Sleep(time.Until(ends) + 1500*time.Millisecond)
	if e, err = w.pass().Expire(t.Context()); err != nil || len(e.Deleted) != 1 || e.Locked != 0 {
		t.Fatalf("when the lock has ended: %+v, %v", e, err)
	}
	w.wantNames("then", "nightly-002")
	versions, err := admin.ListObjectVersions(t.Context(), &awss3.ListObjectVersionsInput{Bucket: &bucket, Prefix: aws.String("prod/backups/" + first.Name + "/manifest")})
	if err != nil || len(versions.Versions) > 0 {
		t.Errorf("versions of the manifest are left: %+v, %v", versions.Versions, err)
	}
	w.sound("then")
}
