package s3

import (
	"context"
	"errors"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"salvor.io/salvor/shared/location"
)

// Delete removes the blob, see location.Location. In a bucket that keeps
// versions, the version stays behind a delete marker.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := s.check(key); err != nil {
		return s.fail(opDelete, key, err)
	}
	_, err := s.api.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: &s.bucket, Key: s.object(key)})
	if err == nil {
		return nil
	}
	if err = s.fail(opDelete, key, err); errors.Is(err, location.ErrNotFound) {
		return nil
	}
	return err
}
