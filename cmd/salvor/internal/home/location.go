package home

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"filippo.io/age"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"

	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/location/dir"
	"salvor.io/salvor/shared/location/s3"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/salvor"
)

// Location opens a BackupLocation; it stays open as long as the home. With create, a directory that is missing is
// made: without, a missing one may be a disk that is not mounted.
func (h *Home) Location(ctx context.Context, l *salvor.BackupLocation, create bool) (location.Location, error) {
	spec, err := json.Marshal(l.Spec)
	if err != nil {
		return nil, fmt.Errorf("location %q: %w", l.Name, err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if loc := h.locations[string(spec)]; loc != nil {
		return loc, nil
	}
	loc, err := h.openLocation(ctx, l.Spec, create)
	if err != nil {
		return nil, fmt.Errorf("location %q: %w", l.Name, err)
	}
	h.locations[string(spec)] = loc
	return loc, nil
}

func (h *Home) openLocation(ctx context.Context, spec salvor.BackupLocationSpec, create bool) (location.Location, error) {
	switch {
	case spec.Directory != nil:
		o, err := directoryOptions(spec.Directory)
		if err != nil {
			return nil, err
		}
		o.Create, o.Now = create, h.options.Now
		store, err := dir.Open(ctx, spec.Directory.Path, o)
		if err != nil {
			return nil, err
		}
		h.closers = append(h.closers, store)
		return store, nil
	case spec.S3 != nil:
		return openS3(ctx, spec.S3, h.options.Now)
	}
	return nil, salvor.Errorf(salvor.Invalid, "it names neither a directory nor a bucket")
}

// directoryOptions reads the keys of an encrypted directory.
func directoryOptions(d *salvor.DirectoryLocation) (o dir.Options, err error) {
	if len(d.AgeRecipients) > 0 {
		if o.Recipients, err = age.ParseRecipients(strings.NewReader(strings.Join(d.AgeRecipients, "\n"))); err != nil {
			return o, salvor.Errorf(salvor.Invalid, "spec.directory.ageRecipients: %w", err)
		}
	}
	if d.AgeIdentityFile == "" {
		return o, nil
	}
	f, err := os.Open(d.AgeIdentityFile)
	if err != nil {
		return o, salvor.Errorf(salvor.Invalid, "spec.directory.ageIdentityFile: %w", err)
	}
	defer f.Close()
	if o.Identities, err = age.ParseIdentities(f); err != nil {
		// The library's message may quote a line of the file, which is a secret.
		return o, salvor.Errorf(salvor.Invalid, "spec.directory.ageIdentityFile: %s holds no age identities", d.AgeIdentityFile)
	}
	return o, nil
}

func openS3(ctx context.Context, l *salvor.S3Location, now func() time.Time) (location.Location, error) {
	config, err := awsConfig(ctx, awsconfig.WithRegion(l.Region))
	if err != nil {
		return nil, err
	}
	if config.Region == "" {
		if l.Endpoint == "" {
			return nil, salvor.Errorf(salvor.Invalid, "the region of bucket %s is not known", l.Bucket).WithHint("set spec.s3.region or AWS_REGION")
		}
		config.Region = "us-east-1" // other servers seldom have regions, but the signature needs one
	}
	return s3.New(s3.Options{Bucket: l.Bucket, Prefix: l.Prefix, KMSKeyID: l.KMSKeyID, Lock: s3.LockOf(l.ObjectLock), Now: now, Endpoint: l.Endpoint, Config: config})
}

// Repository opens the part of a named BackupLocation that belongs to the cluster.
func (h *Home) Repository(ctx context.Context, locationName, clusterID string) (*repository.Repository, error) {
	l, err := get[*salvor.BackupLocation](ctx, h, salvor.KindBackupLocation, locationName)
	if err != nil {
		return nil, err
	}
	loc, err := h.Location(ctx, l, false)
	if err != nil {
		return nil, err
	}
	return repository.New(loc, clusterID), nil
}

// CheckLocation asks the location for what it holds, which proves that it can be reached and read.
func (h *Home) CheckLocation(ctx context.Context, l *salvor.BackupLocation, create bool) error {
	loc, err := h.Location(ctx, l, create)
	if err != nil {
		return err
	}
	for _, err := range loc.Dirs(ctx, "") {
		if err != nil {
			return fmt.Errorf("location %q: %w", l.Name, err)
		}
		break
	}
	return nil
}
