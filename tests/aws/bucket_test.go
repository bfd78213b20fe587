package aws_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"salvor.io/salvor/tests/aws/stack"
)

// The bucket refuses, whoever asks, what may overwrite and what goes in the clear. The requests of an upload in parts but
// for its last take no condition.
func TestTheBucketRefusesOverwriting(t *testing.T) {
	s, _ := template(t, nil)
	policy, err := s.BucketPolicy("BucketPolicy")
	if err != nil {
		t.Fatal(err)
	}
	bucket, err := s.ARN("Bucket")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		action  string
		context map[string][]string
		want    string
	}{
		"a put":                    {"s3:PutObject", map[string][]string{"s3:ObjectCreationOperation": {"true"}}, "NothingIsOverwritten"},
		"a put where nothing is":   {"s3:PutObject", map[string][]string{"s3:ObjectCreationOperation": {"true"}, "s3:if-none-match": {"*"}}, ""},
		"a part":                   {"s3:PutObject", map[string][]string{"s3:ObjectCreationOperation": {"false"}}, ""},
		"a get in the clear":       {"s3:GetObject", map[string][]string{"aws:SecureTransport": {"false"}}, "OnlyOverTls"},
		"a get":                    {"s3:GetObject", map[string][]string{"aws:SecureTransport": {"true"}}, ""},
		"a delete, which keeps it": {"s3:DeleteObject", nil, ""},
	} {
		if got := stack.Denies(policy, stack.Request{Action: c.action, Resource: bucket + "/salvor/x", Context: c.context}); got != c.want {
			t.Errorf("%s is refused by %q, want %q", name, got, c.want)
		}
	}
}

// With Object Lock a backup is stored and read as without, and even an administrator can't delete what was stored.
func TestLockedBackupsStay(t *testing.T) {
	t.Parallel()
	w := worldWith(t, map[string]string{"ObjectLockDays": "1", "ObjectLockMode": "COMPLIANCE"})
	ns := w.namespace()
	w.backup("b1", ns)
	api := w.S3Client()
	versions, err := api.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: &w.Bucket})
	if err != nil {
		t.Fatal(err)
	}
	manifests := 0
	for _, v := range versions.Versions {
		if _, err := api.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &w.Bucket, Key: v.Key, VersionId: v.VersionId}); err == nil {
			t.Errorf("%s could be deleted", *v.Key)
		}
		if strings.HasSuffix(*v.Key, "/b1/manifest.json") {
			manifests++
		}
	}
	if manifests != 1 {
		t.Errorf("%d manifests of b1 are among %d objects", manifests, len(versions.Versions))
	}
	w.drop(ns)
	if got := w.cli(0, "restore", "b1", "--name", "r1", "--yes"); !strings.Contains(got, "Completed") {
		t.Errorf("the restore says\n%s", got)
	}
	w.cli(0, "delete", "backup", "b1", "--yes")
	w.Machine.Idle()
	w.cli(3, "get", "backup", "b1")
	kept, err := api.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: &w.Bucket})
	if err != nil {
		t.Fatal(err)
	}
	if len(kept.Versions) < len(versions.Versions) {
		t.Errorf("of %d versions %d are left", len(versions.Versions), len(kept.Versions))
	}
}
