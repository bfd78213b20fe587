package s3

import (
	"context"
	"iter"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"salvor.io/salvor/shared/location"
)

// List yields the blobs below prefix, see location.Location. Objects whose names
// no location takes, such as the "directories" of the S3 console, are left out.
func (s *Store) List(ctx context.Context, prefix, after string) iter.Seq2[location.Info, error] {
	return func(yield func(location.Info, error) bool) {
		if err := location.CheckPrefix(prefix); err != nil {
			yield(location.Info{}, s.fail(opList, prefix, err))
			return
		}
		in := &awss3.ListObjectsV2Input{Bucket: &s.bucket, Prefix: s.object(prefix)}
		if after != "" {
			in.StartAfter = s.object(after)
		}
		for page, err := range s.pages(ctx, in) {
			if err != nil {
				yield(location.Info{}, s.fail(opList, prefix, err))
				return
			}
			for _, o := range page.Contents {
				key := strings.TrimPrefix(aws.ToString(o.Key), s.prefix)
				if location.CheckKey(key) != nil {
					continue
				}
				if !yield(location.Info{Key: key, Size: aws.ToInt64(o.Size), ModTime: aws.ToTime(o.LastModified)}, nil) {
					return
				}
			}
		}
	}
}

// Dirs yields the directories right below prefix, see location.Location.
func (s *Store) Dirs(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if err := location.CheckDir(prefix); err != nil {
			yield("", s.fail(opList, prefix, err))
			return
		}
		in := &awss3.ListObjectsV2Input{Bucket: &s.bucket, Prefix: s.object(prefix), Delimiter: aws.String("/")}
		for page, err := range s.pages(ctx, in) {
			if err != nil {
				yield("", s.fail(opList, prefix, err))
				return
			}
			for _, p := range page.CommonPrefixes {
				name := strings.TrimSuffix(strings.TrimPrefix(aws.ToString(p.Prefix), s.prefix+prefix), "/")
				if location.CheckKey(name) == nil && !yield(name, nil) {
					return
				}
			}
		}
	}
}

// pages yields the pages of a list.
func (s *Store) pages(ctx context.Context, in *awss3.ListObjectsV2Input) iter.Seq2[*awss3.ListObjectsV2Output, error] {
	return func(yield func(*awss3.ListObjectsV2Output, error) bool) {
		for {
			page, err := s.api.ListObjectsV2(ctx, in)
			if !yield(page, err) || err != nil {
				return
			}
			if !aws.ToBool(page.IsTruncated) {
				return
			}
			in.ContinuationToken = page.NextContinuationToken
		}
	}
}
