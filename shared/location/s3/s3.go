package s3

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"salvor.io/salvor/shared/location"
)

// maxAttempts is how often the SDK tries a request that is throttled or fails in
// a way that may pass: with its backoff, for some 10 s.
const maxAttempts = 6

// API is what the location asks of S3. *s3.Client of the AWS SDK has it.
type API interface {
	PutObject(context.Context, *awss3.PutObjectInput, ...func(*awss3.Options)) (*awss3.PutObjectOutput, error)
	CreateMultipartUpload(context.Context, *awss3.CreateMultipartUploadInput, ...func(*awss3.Options)) (*awss3.CreateMultipartUploadOutput, error)
	UploadPart(context.Context, *awss3.UploadPartInput, ...func(*awss3.Options)) (*awss3.UploadPartOutput, error)
	CompleteMultipartUpload(context.Context, *awss3.CompleteMultipartUploadInput, ...func(*awss3.Options)) (*awss3.CompleteMultipartUploadOutput, error)
	AbortMultipartUpload(context.Context, *awss3.AbortMultipartUploadInput, ...func(*awss3.Options)) (*awss3.AbortMultipartUploadOutput, error)
	GetObject(context.Context, *awss3.GetObjectInput, ...func(*awss3.Options)) (*awss3.GetObjectOutput, error)
	HeadObject(context.Context, *awss3.HeadObjectInput, ...func(*awss3.Options)) (*awss3.HeadObjectOutput, error)
	ListObjectsV2(context.Context, *awss3.ListObjectsV2Input, ...func(*awss3.Options)) (*awss3.ListObjectsV2Output, error)
	PutObjectRetention(context.Context, *awss3.PutObjectRetentionInput, ...func(*awss3.Options)) (*awss3.PutObjectRetentionOutput, error)
	DeleteObject(context.Context, *awss3.DeleteObjectInput, ...func(*awss3.Options)) (*awss3.DeleteObjectOutput, error)
}

// Options say which bucket is used and how.
type Options struct {
	// Bucket is the bucket's name.
	Bucket string
	// Prefix is put before every key, without slashes at its ends; it may be empty.
	Prefix string
	// KMSKeyID encrypts every object with that key (SSE-KMS). Empty: the bucket's
	// default encryption.
	KMSKeyID string
	// Lock keeps every object from being deleted for a time; nil: only as the bucket does by itself.
	Lock *Lock

	// Config has region, credentials and HTTP client. Unless it has a Retryer,
	// requests are retried in the SDK's adaptive mode.
	Config aws.Config
	// Endpoint is the URL of an S3 server other than AWS.
	Endpoint string
	// Client is used instead of one made from Config and Endpoint.
	Client API

	// NewID returns an id that no other put has. The default is random.
	NewID func() string
	// Now is the clock that locks count from. The default is the machine's.
	Now func() time.Time
}

// Store is a location in a bucket.
type Store struct {
	api    API
	bucket string
	prefix string // empty, or ends with a slash
	kmsKey string
	lock   *Lock
	newID  func() string
	now    func() time.Time
}

var _ location.Location = (*Store)(nil)

// New returns the location. It sends nothing: a bucket that doesn't exist, or
// may not be used, is told by the first request.
func New(o Options) (*Store, error) {
	if o.Bucket == "" {
		return nil, fmt.Errorf("opening S3 location: %w: no bucket is named", location.ErrSetup)
	}
	prefix := o.Prefix
	if prefix != "" {
		prefix += "/"
		if err := location.CheckDir(prefix); err != nil {
			return nil, fmt.Errorf("opening S3 location: checking the prefix: %w", err)
		}
	}
	s := &Store{api: o.Client, bucket: o.Bucket, prefix: prefix, kmsKey: o.KMSKeyID, lock: o.Lock, newID: o.NewID, now: o.Now}
	if s.api == nil {
		s.api = newClient(o)
	}
	if s.newID == nil {
		s.newID = rand.Text
	}
	if s.now == nil {
		s.now = defaultClock
	}
	return s, nil
}

func newClient(o Options) *awss3.Client {
	config := o.Config.Copy()
	if config.Retryer == nil {
		config.RetryMode = aws.RetryModeAdaptive
		config.RetryMaxAttempts = maxAttempts
	}
	return awss3.NewFromConfig(config, func(c *awss3.Options) {
		if o.Endpoint != "" {
			c.BaseEndpoint = aws.String(o.Endpoint)
			c.UsePathStyle = true // other servers seldom have a name for each bucket
		}
		// The digest in the metadata covers what the SDK would complain of.
		c.DisableLogOutputChecksumValidationSkipped = true
	})
}

// String returns s3://bucket/prefix.
func (s *Store) String() string {
	return "s3://" + s.bucket + "/" + strings.TrimSuffix(s.prefix, "/")
}

// url names one object in messages.
func (s *Store) url(key string) string { return "s3://" + s.bucket + "/" + s.prefix + key }

// check returns ErrKey unless S3 takes the key after the prefix.
func (s *Store) check(key string) error {
	if err := location.CheckKey(key); err != nil {
		return err
	}
	return location.CheckKey(s.prefix + key)
}

// object is the key's name in the bucket.
func (s *Store) object(key string) *string { return aws.String(s.prefix + key) }
