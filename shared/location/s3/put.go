package s3

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"

	"salvor.io/salvor/shared/location"
)

const (
	// multipartOver is the size over which a body goes up in parts.
	multipartOver = 64 << 20
	// maxConflicts is how often a put is begun anew because another one of the
	// same key was going on. https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
	maxConflicts = 10
)

// What an object's metadata says: the SHA-256 of its bytes, in hex, and the id
// of the Put that stored it.
const (
	metaDigest = "salvor-sha256"
	metaPut    = "salvor-put"
)

// Put stores body under key, see location.Location.
func (s *Store) Put(ctx context.Context, key string, body location.Body) (location.Info, error) {
	if err := s.check(key); err != nil {
		return location.Info{}, s.fail(opPut, key, err)
	}
	u := &upload{Store: s, key: key, body: body, id: s.newID()}
	info, err := u.run(ctx)
	if err != nil {
		return location.Info{}, s.fail(opPut, key, err)
	}
	return info, nil
}

// upload is one Put.
type upload struct {
	*Store
	key  string
	body location.Body
	id   string
	// attempts counts the requests that could have made the object appear, those
	// included whose answer never came.
	attempts int
}

// run uploads, again as long as S3 asks for that, and finds out whether an
// object that is there already is this upload's own.
func (u *upload) run(ctx context.Context) (location.Info, error) {
	backoff := retry.NewExponentialJitterBackoff(2 * time.Second)
	for try := 0; ; try++ {
		version, err := u.once(ctx)
		switch {
		case err == nil:
			return location.Info{Key: u.key, Size: u.body.Size(), VersionID: version, SHA256: u.body.SHA256()}, nil
		case isConflict(err) && try < maxConflicts:
			delay, backoffErr := backoff.BackoffDelay(try, err)
			if err := errors.Join(backoffErr, sleep(ctx, delay)); err != nil {
				return location.Info{}, err
			}
		case isTaken(err) && u.attempts > 1:
			return u.recognise(ctx, err)
		default:
			return location.Info{}, err
		}
	}
}

func (u *upload) once(ctx context.Context) (version string, err error) {
	if u.body.Size() > multipartOver {
		return u.inParts(ctx)
	}
	return u.whole(ctx)
}

// whole uploads the body in one request.
func (u *upload) whole(ctx context.Context) (version string, err error) {
	sum := u.body.Sum()
	in := &awss3.PutObjectInput{
		Bucket: &u.bucket, Key: u.object(u.key), Body: source{u.body.Reader()}, ContentLength: aws.Int64(u.body.Size()),
		IfNoneMatch: aws.String("*"), Metadata: u.metadata(),
		ChecksumAlgorithm: types.ChecksumAlgorithmSha256,
		ChecksumSHA256:    aws.String(base64.StdEncoding.EncodeToString(sum[:])),
	}
	if u.kmsKey != "" {
		in.ServerSideEncryption, in.SSEKMSKeyId = types.ServerSideEncryptionAwsKms, &u.kmsKey
	}
	in.ObjectLockMode, in.ObjectLockRetainUntilDate = u.locked()
	out, err := u.api.PutObject(ctx, in, u.countAttempts)
	if err != nil {
		return "", err
	}
	return aws.ToString(out.VersionId), nil
}

func (u *upload) metadata() map[string]string {
	return map[string]string{metaDigest: u.body.SHA256(), metaPut: u.id}
}

// countAttempts counts every time the SDK sends the request.
func (u *upload) countAttempts(o *awss3.Options) {
	count := middleware.FinalizeMiddlewareFunc("salvor:CountAttempts",
		func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
			u.attempts++
			return next.HandleFinalize(ctx, in)
		})
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		return stack.Finalize.Insert(count, "Retry", middleware.After)
	})
}

// recognise tells whether the object that is there came of an earlier attempt of
// this upload, whose answer was lost. taken is returned if it did not.
func (u *upload) recognise(ctx context.Context, taken error) (location.Info, error) {
	out, err := u.api.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: &u.bucket, Key: u.object(u.key)})
	if err != nil {
		return location.Info{}, errors.Join(errors.New("an answer was lost, and whether the object was stored can't be told"), err)
	}
	if out.Metadata[metaPut] != u.id {
		return location.Info{}, fmt.Errorf("%w: %w", location.ErrExists, taken)
	}
	return headInfo(u.key, out), nil
}

// sleep waits for d, or returns the error of the context when that ends before.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
