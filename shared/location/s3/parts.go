package s3

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"salvor.io/salvor/shared/location"
)

const (
	// partSize is the size of a part, more for a body that would have more than
	// maxParts. https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
	partSize = 16 << 20
	maxParts = 10_000
	// partsAtOnce go up at the same time. Parts are read from the body as they
	// are sent, so they cost no memory.
	partsAtOnce = 4
	// abortTimeout bounds the clean-up after a failure or a cancel.
	abortTimeout = 10 * time.Second
)

// inParts uploads the body in several requests. The object appears with the
// last, which is conditional as a put in one request is.
//
// The SDK's transfer manager could do this too; it copies every part into memory
// and writes to the standard logger when an upload ends badly.
func (u *upload) inParts(ctx context.Context) (version string, err error) {
	// S3 checks the parts as they were sent, not the whole.
	if err := u.checkBody(ctx); err != nil {
		return "", err
	}
	in := &awss3.CreateMultipartUploadInput{
		Bucket: &u.bucket, Key: u.object(u.key), Metadata: u.metadata(),
		ChecksumAlgorithm: types.ChecksumAlgorithmSha256, ChecksumType: types.ChecksumTypeComposite,
	}
	if u.kmsKey != "" {
		in.ServerSideEncryption, in.SSEKMSKeyId = types.ServerSideEncryptionAwsKms, &u.kmsKey
	}
	in.ObjectLockMode, in.ObjectLockRetainUntilDate = u.locked()
	begun, err := u.api.CreateMultipartUpload(ctx, in)
	if err != nil {
		return "", err
	}
	version, err = u.sendAndComplete(ctx, begun.UploadId)
	if err != nil {
		return "", u.abort(ctx, begun.UploadId, err)
	}
	return version, nil
}

func (u *upload) sendAndComplete(ctx context.Context, id *string) (version string, err error) {
	parts, err := u.send(ctx, id)
	if err != nil {
		return "", err
	}
	out, err := u.api.CompleteMultipartUpload(ctx, &awss3.CompleteMultipartUploadInput{
		Bucket: &u.bucket, Key: u.object(u.key), UploadId: id, IfNoneMatch: aws.String("*"),
		ChecksumType:    types.ChecksumTypeComposite,
		MpuObjectSize:   aws.Int64(u.body.Size()),
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	}, u.countAttempts)
	if err != nil {
		return "", err
	}
	return aws.ToString(out.VersionId), nil
}

// send uploads the parts, several at once.
func (u *upload) send(ctx context.Context, id *string) ([]types.CompletedPart, error) {
	size := max(partSize, (u.body.Size()+maxParts-1)/maxParts)
	parts := make([]types.CompletedPart, (u.body.Size()+size-1)/size)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(partsAtOnce)
	for i := range parts {
		group.Go(func() error {
			number := aws.Int32(int32(i + 1))
			out, err := u.api.UploadPart(ctx, &awss3.UploadPartInput{
				Bucket: &u.bucket, Key: u.object(u.key), UploadId: id, PartNumber: number,
				Body: source{u.body.Section(int64(i)*size, size)}, ChecksumAlgorithm: types.ChecksumAlgorithmSha256,
			})
			if err != nil {
				return fmt.Errorf("uploading part %d of %d: %w", i+1, len(parts), err)
			}
			parts[i] = types.CompletedPart{PartNumber: number, ETag: out.ETag, ChecksumSHA256: out.ChecksumSHA256}
			return nil
		})
	}
	return parts, group.Wait()
}

// abort removes the parts of an upload that failed with cause, and returns that.
func (u *upload) abort(ctx context.Context, id *string, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTimeout)
	defer cancel()
	_, err := u.api.AbortMultipartUpload(ctx, &awss3.AbortMultipartUploadInput{Bucket: &u.bucket, Key: u.object(u.key), UploadId: id})
	if err != nil && errorCode(err) != "NoSuchUpload" {
		return fmt.Errorf("%w (its parts are still in the bucket, as upload %s: %v)", cause, aws.ToString(id), err)
	}
	return cause
}

// checkBody returns ErrCorrupt unless the body has the digest that it says.
func (u *upload) checkBody(ctx context.Context) error {
	h := sha256.New()
	r := u.body.Reader()
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		_, err := io.CopyN(h, r, 8<<20)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	if sum := [sha256.Size]byte(h.Sum(nil)); sum != u.body.Sum() {
		return fmt.Errorf("%w: the body read has SHA-256 %s, and %s was announced",
			location.ErrCorrupt, hex.EncodeToString(sum[:]), u.body.SHA256())
	}
	return nil
}
