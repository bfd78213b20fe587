package backup

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/volume"
)

// Orphan is what stands in a cluster for a snapshot, and for no backup that is being made.
type Orphan struct {
	volume.Leftover
	// Kept says that a manifest refers to the snapshot: it stays with its driver, and the objects alone are superfluous.
	Kept bool `json:"kept"`
	// Reason says why it is an orphan.
	Reason string `json:"reason"`
}

// Orphanage finds and removes what backups left in a cluster.
type Orphanage struct {
	Catalog interface {
		catalog.Backups
		List(ctx context.Context, kind, cursor string, limit int) (items []salvor.Object, next string, err error)
	}
	Volumes interface {
		Leftovers(ctx context.Context) ([]volume.Leftover, error)
		Clear(ctx context.Context, l volume.Leftover, keep bool) error
	}
	// Repository reaches the part of a location that belongs to a cluster.
	Repository func(ctx context.Context, location, clusterID string) (*repository.Repository, error)
}

// Orphans finds them. Where it can't be told whether a manifest refers to a snapshot, it is none, and the error says why.
func (o *Orphanage) Orphans(ctx context.Context) ([]Orphan, error) {
	found, err := o.Volumes.Leftovers(ctx)
	if err != nil {
		return nil, err
	}
	var orphans []Orphan
	var errs []error
	known := map[salvor.BackupID]*parent{}
	for _, l := range found {
		p := known[l.Backup]
		if p == nil {
			p = o.parent(ctx, l.Backup)
			known[l.Backup] = p
			if p.err != nil {
				errs = append(errs, fmt.Errorf("what was made for backup %s: %w", l.Backup, p.err))
			}
		}
		if p.err != nil || p.busy {
			continue
		}
		orphan := Orphan{Leftover: l, Kept: p.refers(l), Reason: p.reason}
		if orphan.Kept {
			orphan.Reason = "left over; the backup has the snapshot"
		}
		orphans = append(orphans, orphan)
	}
	return orphans, errors.Join(errs...)
}

// Remove removes an orphan, and its snapshot unless a manifest refers to it.
func (o *Orphanage) Remove(ctx context.Context, orphan Orphan) error {
	return o.Volumes.Clear(ctx, orphan.Leftover, orphan.Kept)
}

// parent is what is known of a backup that something was made for.
type parent struct {
	// busy says that somebody works on it.
	busy bool
	// manifest is nil if there is none.
	manifest *archive.Manifest
	reason   string
	err      error
}

func (p *parent) refers(l volume.Leftover) bool {
	return p.manifest != nil && slices.ContainsFunc(p.manifest.Volumes, func(v archive.Volume) bool {
		s := v.Snapshot
		switch {
		case s == nil || s.Driver != l.Driver || s.Handle == "":
			return false
		case l.Group: // it goes or stays as a whole
			return s.GroupHandle != "" && s.GroupHandle == l.Handle || slices.Contains(l.Members, s.Handle)
		}
		return s.Handle == l.Handle
	})
}

// parent looks for the backup: in the catalog, and where that does not know it at each location.
func (o *Orphanage) parent(ctx context.Context, id salvor.BackupID) *parent {
	b, err := o.Catalog.GetBackup(ctx, id)
	switch {
	case salvor.Is(err, salvor.NotFound):
		m, err := o.anywhere(ctx, id)
		return &parent{manifest: m, err: err, reason: "there is no such backup"}
	case err != nil:
		return &parent{err: err}
	case !b.Status.Phase.Done():
		return &parent{busy: true}
	}
	m, err := o.manifest(ctx, b.Spec.Location, id)
	return &parent{manifest: m, err: err, reason: fmt.Sprintf("the backup is %s, and does not refer to it", b.Status.Phase)}
}

// anywhere looks for the manifest of a backup at every location. One that can't be read may hold it.
func (o *Orphanage) anywhere(ctx context.Context, id salvor.BackupID) (*archive.Manifest, error) {
	for cursor := ""; ; {
		page, next, err := o.Catalog.List(ctx, salvor.KindBackupLocation, cursor, catalog.MaxLimit)
		if err != nil {
			return nil, err
		}
		for _, l := range page {
			if m, err := o.manifest(ctx, l.Meta().Name, id); m != nil || err != nil {
				return m, err
			}
		}
		if cursor = next; next == "" {
			return nil, nil
		}
	}
}

func (o *Orphanage) manifest(ctx context.Context, name string, id salvor.BackupID) (*archive.Manifest, error) {
	if name == "" { // a rehearsal has none
		return nil, nil
	}
	repo, err := o.Repository(ctx, name, id.ClusterID)
	if err != nil {
		return nil, fmt.Errorf("location %q: %w", name, err)
	}
	m, _, err := repo.Manifest(ctx, id.Name)
	if errors.Is(err, location.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("location %q: %w", name, err)
	}
	return m, nil
}
