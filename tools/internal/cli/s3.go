package cli

import (
	"context"
	"flag"

	"salvor.io/salvor/tools/internal/s3gateway"
)

// defaultBucket is made when none is named.
const defaultBucket = "salvor"

var s3Verbs = map[string]verb{
	"up":   {"start an S3 server and print how to reach it", s3Up},
	"down": {"take a server down; nothing of it is left", down},
	"list": {"show the servers", list},
	"logs": {"show what a server wrote", logs},
}

func s3Up(c *call, ctx context.Context, flags *flag.FlagSet, args []string) error {
	start := addStartFlags(flags)
	options := s3gateway.Options{}
	flags.Func("bucket", "`bucket` to make (repeatable; default "+defaultBucket+")", func(b string) error {
		options.Buckets = append(options.Buckets, b)
		return nil
	})
	flags.BoolVar(&options.ObjectLock, "object-lock", false, "make the buckets capable of Object Lock, and so versioned")
	if done, err := parseAll(flags, args); done {
		return err
	}
	if len(options.Buckets) == 0 {
		options.Buckets = []string{defaultBucket}
	}
	result, err := c.up(ctx, start, options, false)
	if err != nil {
		return err
	}
	return c.print(result)
}
