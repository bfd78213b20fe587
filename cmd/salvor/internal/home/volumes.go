package home

import (
	"context"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/volume"
)

// volumes reaches the volumes of the cluster that the backup names.
func (h *Home) volumes(ctx context.Context, b *salvor.Backup) (*volume.Engine, error) {
	site, err := h.open(ctx, b)
	if err != nil {
		return nil, err
	}
	return site.Volumes.(*volume.Engine), nil
}

// Settler returns what brings backups that are Settling to their end. The caller may set its hooks.
func (h *Home) Settler() *backup.Settler {
	return &backup.Settler{Catalog: h.Catalog, Store: h.store, Now: h.options.Now, By: h.options.Holder,
		Open: func(ctx context.Context, b *salvor.Backup) (backup.Snapshots, error) { return h.volumes(ctx, b) }}
}

// removeVolumes deletes the snapshots of a backup.
func (h *Home) removeVolumes(ctx context.Context, b *salvor.Backup, m *archive.Manifest) error {
	return backup.RemoveVolumes(func(ctx context.Context, b *salvor.Backup) (backup.Removal, error) { return h.volumes(ctx, b) })(ctx, b, m)
}

// Orphans returns what finds and removes, in the cluster of the name, what was made for backups and stands for none.
func (h *Home) Orphans(ctx context.Context, clusterName string) (*backup.Orphanage, error) {
	_, client, err := h.NamedCluster(ctx, clusterName)
	if err != nil {
		return nil, err
	}
	return &backup.Orphanage{Catalog: h.Catalog, Volumes: &volume.Engine{Cluster: client, Now: h.options.Now, CatalogID: h.ID},
		Repository: func(ctx context.Context, location, clusterID string) (*repository.Repository, error) {
			return h.Repository(ctx, location, clusterID)
		}}, nil
}
