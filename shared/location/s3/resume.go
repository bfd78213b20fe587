package s3

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"salvor.io/salvor/shared/location"
)

// maxResumes is how often in a row a read is taken up again without having read
// anything.
const maxResumes = 3

// resuming reads an object's bytes and, when the connection breaks, asks for the
// rest.
type resuming struct {
	ctx     context.Context
	s       *Store
	key     string
	version *string
	etag    *string

	body      io.ReadCloser
	next, end int64 // the bytes of the object still to come
	idle      int   // resumes since the last byte
}

// resume reads on in out, whose first byte is the object's at offset.
func (s *Store) resume(ctx context.Context, key, version string, offset int64, out *awss3.GetObjectOutput) *resuming {
	return &resuming{ctx: ctx, s: s, key: key, version: named(version), etag: out.ETag, body: out.Body, next: offset, end: offset + aws.ToInt64(out.ContentLength)}
}

func (r *resuming) Read(p []byte) (int, error) {
	for {
		n, err := r.body.Read(p)
		r.next += int64(n)
		if n > 0 {
			r.idle = 0
		}
		switch {
		case err == nil:
			return n, nil
		case r.ctx.Err() != nil:
			return n, r.ctx.Err()
		case err == io.EOF && r.next == r.end:
			return n, io.EOF
		case r.next >= r.end:
			// All is there, and the SDK finds that it isn't what the checksum says.
			return n, fmt.Errorf("%w: %w", location.ErrCorrupt, err)
		}
		if err := r.reconnect(err); err != nil || n > 0 {
			return n, err
		}
	}
}

// reconnect asks for the rest of the object after cause. If-Match sees to it that
// it is still the same.
func (r *resuming) reconnect(cause error) error {
	if r.idle++; r.idle > maxResumes {
		return fmt.Errorf("%w: the connection broke %d times at byte %d of %d: %w", location.ErrUnavailable, r.idle, r.next, r.end, cause)
	}
	r.body.Close()
	out, err := r.s.api.GetObject(r.ctx, &awss3.GetObjectInput{
		Bucket: &r.s.bucket, Key: r.s.object(r.key), VersionId: r.version, IfMatch: r.etag, Range: byteRange(r.next, r.end-r.next),
	})
	if err != nil {
		r.body = http.NoBody
		return err
	}
	r.body = out.Body
	return nil
}

func (r *resuming) Close() error { return r.body.Close() }
