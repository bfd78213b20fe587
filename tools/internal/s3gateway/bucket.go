package s3gateway

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"salvor.io/salvor/tools/internal/child"
)

// makeBuckets waits for the server and makes the buckets.
func makeBuckets(ctx context.Context, up Result, o Options) error {
	client := s3.New(s3.Options{
		Region:       up.Region,
		BaseEndpoint: aws.String(up.Endpoint),
		Credentials:  credentials.NewStaticCredentialsProvider(up.AccessKey, up.SecretKey, ""),
		UsePathStyle: true,
		Retryer:      aws.NopRetryer{},
	})
	err := child.Poll(ctx, "the S3 server", func(ctx context.Context) (bool, error) {
		_, err := client.ListBuckets(ctx, &s3.ListBucketsInput{})
		return err == nil, err
	})
	if err != nil {
		return err
	}
	for _, b := range o.Buckets {
		in := &s3.CreateBucketInput{Bucket: aws.String(b), ObjectLockEnabledForBucket: aws.Bool(o.ObjectLock)}
		if _, err := client.CreateBucket(ctx, in); err != nil {
			return fmt.Errorf("making bucket %s: %w", b, err)
		}
	}
	return nil
}
