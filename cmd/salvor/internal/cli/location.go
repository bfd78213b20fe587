package cli

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"salvor.io/salvor/shared/salvor"
)

func (a *app) location() *cobra.Command {
	return a.parent("location", "Name a place for backups", a.locationAdd(), a.locationSync())
}

// locationFlags say where a location is.
type locationFlags struct {
	dir    salvor.DirectoryLocation
	bucket salvor.S3Location
}

func (f *locationFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.dir.Path, "dir", "", "directory on this machine")
	flags.StringArrayVar(&f.dir.AgeRecipients, "age-recipient", nil, "public key, age1…, to encrypt a directory for; may be repeated")
	flags.StringVar(&f.dir.AgeIdentityFile, "age-identity-file", "", "file with the private keys that decrypt")
	flags.StringVar(&f.bucket.Bucket, "s3-bucket", "", "bucket")
	flags.StringVar(&f.bucket.Prefix, "s3-prefix", "", "part of the bucket")
	flags.StringVar(&f.bucket.Region, "s3-region", "", "region of the bucket")
	flags.StringVar(&f.bucket.Endpoint, "s3-endpoint", "", "URL of an S3 server other than AWS")
	flags.StringVar(&f.bucket.KMSKeyID, "s3-kms-key", "", "KMS key to encrypt with (default the bucket's own encryption)")
	_ = cmd.MarkFlagDirname("dir")
	cmd.MarkFlagsMutuallyExclusive("dir", "s3-bucket")
}

// given reports whether the flags name a place.
func (f *locationFlags) given() bool { return f.bucket.Bucket != "" || f.dir.Path != "" }

// location is what the flags describe.
func (f *locationFlags) location(name string) (*salvor.BackupLocation, error) {
	l := salvor.New(salvor.KindBackupLocation).(*salvor.BackupLocation)
	l.Name = name
	switch {
	case f.bucket.Bucket != "":
		l.Spec.S3 = &f.bucket
	case f.dir.Path != "":
		if err := absolute(&f.dir.Path, &f.dir.AgeIdentityFile); err != nil {
			return nil, err
		}
		l.Spec.Directory = &f.dir
	default:
		return nil, salvor.Errorf(salvor.Invalid, "where?").WithHint("pass --dir or --s3-bucket")
	}
	return l, nil
}

func (a *app) locationAdd() *cobra.Command {
	var f locationFlags
	var noCheck bool
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Name a directory or a bucket as a location, and see that it can be read",
		Long: `Name a directory or a bucket as a location, and see that it can be read. A directory that is missing is made.

Credentials for a bucket are those that the AWS SDK finds: environment, shared configuration, instance role. None are
stored.`,
		Example: "  salvor location add disk --dir /var/backups/salvor\n" +
			"  salvor location add s3 --s3-bucket my-backups --s3-prefix prod --s3-region eu-central-1",
		Args: cobra.ExactArgs(1),
	}
	f.add(cmd)
	out := addOutput(cmd)
	cmd.Flags().BoolVar(&noCheck, "no-check", false, "don't see whether it can be read")
	cmd.Flags().BoolVar(&a.force, "force", false, forceHelp)
	cmd.RunE = a.do(func(cmd *cobra.Command, args []string) error {
		l, err := f.location(args[0])
		if err != nil {
			return err
		}
		for _, w := range onlyWritable(l) {
			a.warn("warning: %s: %s", reference(l), w)
		}
		return a.add(cmd.Context(), l, *out, func(ctx context.Context) (string, error) {
			if noCheck {
				return "", nil
			}
			h, err := a.home()
			if err != nil {
				return "", err
			}
			return where(l.Spec), h.CheckLocation(ctx, l, true)
		})
	})
	return cmd
}

// onlyWritable warns of a location that can't be read back from here.
func onlyWritable(o salvor.Object) []string {
	l, ok := o.(*salvor.BackupLocation)
	if !ok || l.Spec.Directory == nil || len(l.Spec.Directory.AgeRecipients) == 0 || l.Spec.Directory.AgeIdentityFile != "" {
		return nil
	}
	return []string{"it is encrypted, and without an identity nothing of it can be read back from here: no restore, no verify, and of each " +
		"cluster only the first backup; name the file with --age-identity-file (spec.directory.ageIdentityFile)"}
}

// absolute makes paths of flags independent of the working directory.
func absolute(paths ...*string) error {
	for _, p := range paths {
		if *p == "" {
			continue
		}
		abs, err := filepath.Abs(*p)
		if err != nil {
			return fmt.Errorf("finding %s: %w", *p, err)
		}
		*p = abs
	}
	return nil
}
