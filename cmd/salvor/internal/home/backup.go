package home

import (
	"context"

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/backup/inpods"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/rule"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/volume"
)

// Backups returns the engine that makes backups. The caller may set its hooks.
func (h *Home) Backups() *backup.Engine {
	return &backup.Engine{
		Catalog: h.Catalog, Open: h.open, Store: h.store, Now: h.options.Now, Holder: h.options.Holder,
		CatalogID: h.ID, SalvorVersion: h.options.Version,
	}
}

// open reaches the cluster that the backup names.
func (h *Home) open(ctx context.Context, b *salvor.Backup) (*backup.Site, error) {
	c, client, err := h.NamedCluster(ctx, b.Spec.Cluster)
	if err != nil {
		return nil, err
	}
	if id := b.Status.ClusterID; id != "" && id != c.ID() {
		return nil, salvor.Errorf(salvor.Conflict, "cluster %q has the id %q now, and the backup is of %q", c.Name, c.ID(), id).
			WithHint("name the backup's cluster in spec.cluster")
	}
	engine := &rule.Engine{Cluster: client, Now: h.options.Now}
	volumes := &volume.Engine{Cluster: client, Now: h.options.Now, CatalogID: h.ID}
	return &backup.Site{Cluster: client, Rules: inpods.Rules(engine), Volumes: volumes}, nil
}

// store reaches the location that the backup names.
func (h *Home) store(ctx context.Context, b *salvor.Backup) (*repository.Repository, error) {
	return h.Repository(ctx, b.Spec.Location, b.Status.ClusterID)
}

// DeleteBackup removes a backup's snapshots, manifest and reports, and then what the catalog knows of it. With force, also one that
// still owes a thaw; if keep is set, its snapshots stay.
func (h *Home) DeleteBackup(ctx context.Context, id salvor.BackupID, force, keep bool) error {
	if h.Remote != nil {
		return h.Remote.Remove(ctx, id, force, keep)
	}
	if keep {
		if err := backup.RequestKeep(ctx, h.Catalog, id); err != nil {
			return err
		}
	}
	return backup.Delete(ctx, h.Catalog, id, backup.Remover{Open: h.store, Volumes: h.removeVolumes, CatalogID: h.ID, Now: h.options.Now, Force: force})
}
