// Package engine joins the engines with DynamoDB, S3 and Amazon EKS, for the functions that back up and restore.
//
// A place is what an engine works on: a cluster signed in to, a location opened. Places are kept from one invocation
// to the next, as long as the objects that name them stay as they are.
package engine

import (
	"context"
	"sync"
	"time"

	"salvor.io/salvor/functions/internal/home"
	"salvor.io/salvor/functions/internal/stores"
	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/backup/inpods"
	"salvor.io/salvor/shared/cluster/eks"
	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/shared/expire"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/restore"
	"salvor.io/salvor/shared/rule"
	"salvor.io/salvor/shared/salvor"
)

// Engines makes engines.
type Engines struct {
	*stores.Stores
	// Wake, if set, has the watchdog look at a backup before an application is frozen.
	Wake func(ctx context.Context, id salvor.BackupID, at time.Time) error

	mu       sync.Mutex
	clusters map[string]*kube.Client // by spec
	access   *eks.Access
}

// New returns engines on the home's catalog. Nothing is connected to yet.
func New(h *home.Home) *Engines {
	return &Engines{Stores: stores.New(h), clusters: map[string]*kube.Client{}, access: eks.New(h.AWS, h.Now)}
}

// Backups returns the engine that makes backups for one invocation, whose holder is named in leases.
func (e *Engines) Backups(holder string) *backup.Engine {
	return &backup.Engine{Catalog: e.Catalog, Open: e.open, Store: e.store, Now: e.Now, Holder: holder, Wake: e.Wake, CatalogID: e.Config.CatalogID, SalvorVersion: e.Config.Salvor}
}

// Expiry returns the pass of one invocation that deletes what retention lets go; by says who runs it.
func (e *Engines) Expiry(by string) *expire.Pass {
	return &expire.Pass{Catalog: e.Catalog, Open: e.Repository, Clusters: e.clustersAt, Volumes: e.removeVolumes, CatalogID: e.Config.CatalogID, Now: e.Now, By: by}
}

// clustersAt returns the ids of the clusters that a named location holds anything of.
func (e *Engines) clustersAt(ctx context.Context, locationName string) ([]string, error) {
	o, err := e.Catalog.Get(ctx, salvor.KindBackupLocation, locationName)
	if err != nil {
		return nil, err
	}
	loc, err := e.Location(ctx, o.(*salvor.BackupLocation))
	if err != nil {
		return nil, err
	}
	var ids []string
	for id, err := range loc.Dirs(ctx, "") {
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// Restores returns the engine that restores in one invocation, whose holder is named in leases.
func (e *Engines) Restores(holder string) *restore.Engine {
	return &restore.Engine{Catalog: e.Catalog, Open: e.Repository, Connect: e.connect, Now: e.Now, Holder: holder, CatalogID: e.Config.CatalogID}
}

// open reaches the cluster that the backup names.
func (e *Engines) open(ctx context.Context, b *salvor.Backup) (*backup.Site, error) {
	c, client, err := e.cluster(ctx, b.Spec.Cluster)
	if err != nil {
		return nil, err
	}
	if id := b.Status.ClusterID; id != "" && id != c.ID() {
		return nil, salvor.Errorf(salvor.Conflict, "cluster %q has the id %q now, and the backup is of %q", c.Name, c.ID(), id).
			WithHint("name the backup's cluster in spec.cluster")
	}
	return &backup.Site{Cluster: client, Rules: inpods.Rules(&rule.Engine{Cluster: client, Now: e.Now}), Volumes: e.volumes(client)}, nil
}

// store reaches the location that the backup names.
func (e *Engines) store(ctx context.Context, b *salvor.Backup) (*repository.Repository, error) {
	return e.Repository(ctx, b.Spec.Location, b.Status.ClusterID)
}
