// Package stores opens the buckets that BackupLocations name, for functions. It reaches no cluster.
package stores

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"salvor.io/salvor/functions/internal/home"
	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/location/s3"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/salvor"
)

// Stores are buckets, kept from one invocation to the next as long as the objects that name them stay as they are.
type Stores struct {
	*home.Home

	mu        sync.Mutex
	locations map[string]location.Location // by spec
}

// New returns the stores that the home's catalog names. Nothing is connected to yet.
func New(h *home.Home) *Stores { return &Stores{Home: h, locations: map[string]location.Location{}} }

// Repository opens the part of a named BackupLocation that belongs to the cluster.
func (s *Stores) Repository(ctx context.Context, locationName, clusterID string) (*repository.Repository, error) {
	o, err := s.Catalog.Get(ctx, salvor.KindBackupLocation, locationName)
	if err != nil {
		return nil, err
	}
	loc, err := s.Location(ctx, o.(*salvor.BackupLocation))
	if err != nil {
		return nil, err
	}
	return repository.New(loc, clusterID), nil
}

// Location opens a BackupLocation.
func (s *Stores) Location(_ context.Context, l *salvor.BackupLocation) (location.Location, error) {
	loc, err := s.open(l.Spec)
	if err != nil {
		return nil, fmt.Errorf("location %q: %w", l.Name, err)
	}
	return loc, nil
}

func (s *Stores) open(spec salvor.BackupLocationSpec) (location.Location, error) {
	if spec.S3 == nil {
		return nil, salvor.Errorf(salvor.Invalid, "it is a directory on one machine, which a function can't reach").WithHint("use a bucket")
	}
	key, err := json.Marshal(spec.S3)
	if err != nil {
		return nil, fmt.Errorf("encoding its spec: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if loc := s.locations[string(key)]; loc != nil {
		return loc, nil
	}
	config := s.AWS.Copy()
	if spec.S3.Region != "" {
		config.Region = spec.S3.Region
	}
	loc, err := s3.New(s3.Options{Bucket: spec.S3.Bucket, Prefix: spec.S3.Prefix, KMSKeyID: spec.S3.KMSKeyID, Lock: s3.LockOf(spec.S3.ObjectLock), Now: s.Now, Endpoint: spec.S3.Endpoint, Config: config})
	if err != nil {
		return nil, err
	}
	s.locations[string(key)] = loc
	return loc, nil
}
