package engine

import (
	"context"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/volume"
)

func (e *Engines) volumes(client *kube.Client) *volume.Engine {
	return &volume.Engine{Cluster: client, Now: e.Now, CatalogID: e.Config.CatalogID}
}

// volumesOf reaches the volumes of the cluster that the backup names.
func (e *Engines) volumesOf(ctx context.Context, b *salvor.Backup) (*volume.Engine, error) {
	site, err := e.open(ctx, b)
	if err != nil {
		return nil, err
	}
	return site.Volumes.(*volume.Engine), nil
}

// Settler returns what looks after snapshots in one invocation, whose holder is named in events.
func (e *Engines) Settler(holder string) *backup.Settler {
	return &backup.Settler{Catalog: e.Catalog, Store: e.store, Now: e.Now, By: holder,
		Open: func(ctx context.Context, b *salvor.Backup) (backup.Snapshots, error) { return e.volumesOf(ctx, b) }}
}

// removeVolumes deletes the snapshots of a backup.
func (e *Engines) removeVolumes(ctx context.Context, b *salvor.Backup, m *archive.Manifest) error {
	return backup.RemoveVolumes(func(ctx context.Context, b *salvor.Backup) (backup.Removal, error) { return e.volumesOf(ctx, b) })(ctx, b, m)
}
