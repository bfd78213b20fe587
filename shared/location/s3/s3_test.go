package s3_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/location/locationtest"
	"salvor.io/salvor/shared/location/s3"
	"salvor.io/salvor/tests/testenv"
)

func TestConformance(t *testing.T) {
	locationtest.Run(t, func(t *testing.T) location.Location { return open(t, s3.Options{}) })
}

// config signs in to the test's server, with transport before it.
func config(server testenv.S3Server, transport http.RoundTripper) aws.Config {
	c := aws.Config{
		Region:      server.Region,
		Credentials: credentials.NewStaticCredentialsProvider(server.AccessKey, server.SecretKey, ""),
	}
	if transport != nil {
		c.HTTPClient = &http.Client{Transport: transport}
	}
	return c
}

// open returns a location of its own on the test's server; o may say more.
func open(t *testing.T, o s3.Options) *s3.Store {
	t.Helper()
	server := testenv.S3(t)
	if o.Config.Region == "" {
		o.Config = config(server, nil)
	}
	if o.Bucket == "" {
		o.Bucket = server.Bucket
	}
	o.Endpoint, o.Prefix = server.Endpoint, "test/"+testenv.Unique()
	s, err := s3.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// openThrough is open with faults between the location and the server. Retries
// wait milliseconds only.
func openThrough(t *testing.T, f *faults) *s3.Store {
	t.Helper()
	c := config(testenv.S3(t), f)
	c.Retryer = func() aws.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts, o.MaxBackoff = 4, 5*time.Millisecond
		})
	}
	return open(t, s3.Options{Config: c})
}

func bare(t *testing.T) (*awss3.Client, string) {
	t.Helper()
	server := testenv.S3(t)
	return awss3.NewFromConfig(config(server, nil), func(o *awss3.Options) { o.BaseEndpoint, o.UsePathStyle = &server.Endpoint, true }), server.Bucket
}

func read(t *testing.T, s *s3.Store, key string) ([]byte, error) {
	t.Helper()
	r, _, err := s.Get(t.Context(), key)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func wantBytes(t *testing.T, s *s3.Store, key string, want []byte) {
	t.Helper()
	if got, err := read(t, s, key); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("Get(%q) gives %d bytes, want the %d that were put; %v", key, len(got), len(want), err)
	}
}

func wantError(t *testing.T, err, want error, text ...string) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got error %v, want %v", err, want)
	}
	for _, s := range text {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("error %q does not say %q", err, s)
		}
	}
}

func TestNew(t *testing.T) {
	_, err := s3.New(s3.Options{})
	wantError(t, err, location.ErrSetup)
	for _, prefix := range []string{"/a", "a/", "a//b", "../a"} {
		_, err := s3.New(s3.Options{Bucket: "b", Prefix: prefix})
		wantError(t, err, location.ErrKey)
	}
	s, err := s3.New(s3.Options{Bucket: "b", Prefix: "team/prod"})
	if err != nil || s.String() != "s3://b/team/prod" {
		t.Errorf("String() = %v, %v", s, err)
	}
	// The prefix counts for the longest key.
	_, err = s.Stat(t.Context(), strings.Repeat("a/", 508)+"aaa")
	wantError(t, err, location.ErrKey)
}

// What stands in the bucket can be checked and named without Salvor.
func TestStoredObject(t *testing.T) {
	client, bucket := bare(t)
	s := open(t, s3.Options{})
	body := location.Bytes([]byte("hello"))
	if _, err := s.Put(t.Context(), "dir/blob", body); err != nil {
		t.Fatal(err)
	}
	key := strings.TrimPrefix(s.String(), "s3://"+bucket+"/") + "/dir/blob"
	head, err := client.HeadObject(t.Context(), &awss3.HeadObjectInput{Bucket: &bucket, Key: &key, ChecksumMode: types.ChecksumModeEnabled})
	if err != nil {
		t.Fatal(err)
	}
	const sum = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=" // printf hello | openssl dgst -sha256 -binary | base64
	if aws.ToString(head.ChecksumSHA256) != sum {
		t.Errorf("the server's SHA-256 is %v, want %s", aws.ToString(head.ChecksumSHA256), sum)
	}
	if head.Metadata["salvor-sha256"] != body.SHA256() {
		t.Errorf("the metadata is %v, want the SHA-256 %s", head.Metadata, body.SHA256())
	}
}

// What others put in the bucket doesn't disturb: a "directory" made in a console,
// an object without metadata.
func TestForeignObjects(t *testing.T) {
	client, bucket := bare(t)
	s := open(t, s3.Options{})
	prefix := strings.TrimPrefix(s.String(), "s3://"+bucket+"/") + "/"
	for _, key := range []string{"made/", "made/.hidden", "made/plain"} {
		_, err := client.PutObject(t.Context(), &awss3.PutObjectInput{Bucket: &bucket, Key: aws.String(prefix + key), Body: strings.NewReader("")})
		if err != nil {
			t.Fatal(err)
		}
	}
	var keys []string
	for info, err := range s.List(t.Context(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, info.Key)
	}
	if len(keys) != 1 || keys[0] != "made/plain" {
		t.Errorf("List has %v, want made/plain alone", keys)
	}
	wantBytes(t, s, "made/plain", nil)
}

// The counts that Counter tells are those of the requests that S3 gets.
func TestRequests(t *testing.T) {
	f := &faults{}
	c := location.Count(openThrough(t, f))
	ctx := t.Context()
	for _, key := range []string{"a/1", "a/2", "b/1"} {
		if _, err := c.Put(ctx, key, location.Bytes([]byte(key))); err != nil {
			t.Fatal(err)
		}
	}
	_, err := c.Put(ctx, "a/1", location.Bytes(nil))
	wantError(t, err, location.ErrExists)
	r, _, err := c.Get(ctx, "a/1")
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, r)
	r.Close()
	c.Stat(ctx, "a/1")
	for range c.List(ctx, "", "") {
	}
	for range c.Dirs(ctx, "") {
	}
	c.Delete(ctx, "a/1")
	if got, want := f.seen(), c.Counts().Requests(); got != want || want != 9 {
		t.Errorf("the server got %d requests, the counter tells %d, want 9", got, want)
	}
}

func TestKMSKey(t *testing.T) {
	var headers []string
	f := &faults{see: func(r *http.Request) {
		headers = append(headers, r.Header.Get("x-amz-server-side-encryption")+" "+r.Header.Get("x-amz-server-side-encryption-aws-kms-key-id"))
	}}
	s := open(t, s3.Options{Config: config(testenv.S3(t), f), KMSKeyID: "alias/backups"})
	if _, err := s.Put(t.Context(), "k", location.Bytes([]byte("x"))); err != nil {
		t.Fatal(err)
	}
	if len(headers) != 1 || headers[0] != "aws:kms alias/backups" {
		t.Errorf("the put asks for encryption with %q", headers)
	}
}
