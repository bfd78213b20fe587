package s3

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"salvor.io/salvor/shared/location"
)

// Get opens the blob, see location.Location.
func (s *Store) Get(ctx context.Context, key string) (io.ReadCloser, location.Info, error) {
	return s.GetVersion(ctx, key, "")
}

// GetVersion opens one version of the blob, see location.Versions: also one that a delete marker hides.
func (s *Store) GetVersion(ctx context.Context, key, version string) (io.ReadCloser, location.Info, error) {
	if err := s.check(key); err != nil {
		return nil, location.Info{}, s.fail(opGet, key, err)
	}
	out, err := s.api.GetObject(ctx, &awss3.GetObjectInput{
		Bucket: &s.bucket, Key: s.object(key), ChecksumMode: types.ChecksumModeEnabled, VersionId: named(version),
	})
	if err != nil {
		return nil, location.Info{}, s.fail(opGet, key, err)
	}
	info := newInfo(key, aws.ToInt64(out.ContentLength), out.LastModified, out.VersionId, out.Metadata, out.ChecksumSHA256)
	info.LockedUntil = lockedUntil(out.ObjectLockRetainUntilDate, out.ObjectLockLegalHoldStatus)
	r := io.ReadCloser(s.resume(ctx, key, version, 0, out))
	if info.SHA256 != "" {
		r = location.Verify(r, info.SHA256)
	}
	return &failing{r, s, key}, info, nil
}

// GetRange opens a part of the blob, see location.Location.
func (s *Store) GetRange(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	if err := s.check(key); err != nil {
		return nil, s.fail(opGet, key, err)
	}
	if offset < 0 || length == 0 {
		return nil, s.fail(opGet, key, fmt.Errorf("%w: from %d, %d bytes", location.ErrRange, offset, length))
	}
	out, err := s.api.GetObject(ctx, &awss3.GetObjectInput{
		Bucket: &s.bucket, Key: s.object(key), Range: byteRange(offset, length),
	})
	if err != nil {
		return nil, s.fail(opGet, key, err)
	}
	return &failing{s.resume(ctx, key, "", offset, out), s, key}, nil
}

// named is a version to ask for; nil: the current one.
func named(version string) *string {
	if version == "" {
		return nil
	}
	return &version
}

// byteRange is the header for length bytes from offset on, to the end if length
// is negative.
func byteRange(offset, length int64) *string {
	if last := offset + length - 1; length > 0 && last >= offset {
		return aws.String(fmt.Sprintf("bytes=%d-%d", offset, last))
	}
	return aws.String(fmt.Sprintf("bytes=%d-", offset))
}

// Stat tells what is known of the blob, see location.Location.
func (s *Store) Stat(ctx context.Context, key string) (location.Info, error) {
	if err := s.check(key); err != nil {
		return location.Info{}, s.fail(opStat, key, err)
	}
	out, err := s.api.HeadObject(ctx, &awss3.HeadObjectInput{
		Bucket: &s.bucket, Key: s.object(key), ChecksumMode: types.ChecksumModeEnabled,
	})
	if err != nil {
		return location.Info{}, s.fail(opStat, key, err)
	}
	return headInfo(key, out), nil
}

func headInfo(key string, out *awss3.HeadObjectOutput) location.Info {
	info := newInfo(key, aws.ToInt64(out.ContentLength), out.LastModified, out.VersionId, out.Metadata, out.ChecksumSHA256)
	info.LockedUntil = lockedUntil(out.ObjectLockRetainUntilDate, out.ObjectLockLegalHoldStatus)
	return info
}

// newInfo tells what S3 said of an object. The digest is the one that Put kept,
// or else the server's, unless that is of the parts and not of the whole.
func newInfo(key string, size int64, modified *time.Time, version *string, metadata map[string]string, checksum *string) location.Info {
	info := location.Info{Key: key, Size: size, ModTime: aws.ToTime(modified), VersionID: aws.ToString(version), SHA256: metadata[metaDigest]}
	if info.SHA256 == "" && checksum != nil && !strings.Contains(*checksum, "-") {
		if sum, err := base64.StdEncoding.DecodeString(*checksum); err == nil {
			info.SHA256 = hex.EncodeToString(sum)
		}
	}
	return info
}

// failing says of errors while reading what was read.
type failing struct {
	io.ReadCloser
	s   *Store
	key string
}

func (r *failing) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = r.s.fail(opGet, r.key, err)
	}
	return n, err
}
