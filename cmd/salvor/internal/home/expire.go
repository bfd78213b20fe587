package home

import (
	"context"
	"fmt"
	"strings"

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/expire"
	"salvor.io/salvor/shared/salvor"
)

// Expiry returns the pass that deletes what retention lets go. Behind an API it only plans, and knows of no locks.
func (h *Home) Expiry(by string) *expire.Pass {
	p := &expire.Pass{Catalog: h.Catalog, Clusters: h.clustersAt, CatalogID: h.ID, Now: h.options.Now, By: by}
	if h.Remote == nil {
		p.Open, p.Volumes = h.Repository, h.removeVolumes
	}
	return p
}

// clustersAt returns the ids of the clusters that a named location holds anything of.
func (h *Home) clustersAt(ctx context.Context, locationName string) ([]string, error) {
	l, err := get[*salvor.BackupLocation](ctx, h, salvor.KindBackupLocation, locationName)
	if err != nil {
		return nil, err
	}
	loc, err := h.Location(ctx, l, false)
	if err != nil {
		return nil, err
	}
	var ids []string
	for dir, err := range loc.Dirs(ctx, "") {
		if err != nil {
			return nil, fmt.Errorf("location %q: %w", locationName, err)
		}
		ids = append(ids, strings.TrimSuffix(dir, "/"))
	}
	return ids, nil
}

// Hold keeps a backup from being deleted until Release.
func (h *Home) Hold(ctx context.Context, b *salvor.Backup, hold salvor.Hold) (*salvor.Backup, error) {
	if h.Remote != nil {
		return h.Remote.HoldBackup(ctx, b.ID(), hold.Reason)
	}
	repo, err := h.store(ctx, b)
	if err != nil {
		return nil, err
	}
	return backup.Hold(ctx, h.Catalog, b.ID(), hold, repo)
}

// Release ends a hold.
func (h *Home) Release(ctx context.Context, b *salvor.Backup, by string) (*salvor.Backup, error) {
	if h.Remote != nil {
		return h.Remote.ReleaseBackup(ctx, b.ID())
	}
	repo, err := h.store(ctx, b)
	if err != nil {
		return nil, err
	}
	return backup.Release(ctx, h.Catalog, b.ID(), by, h.options.Now(), repo)
}
