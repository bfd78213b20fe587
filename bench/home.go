package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"k8s.io/client-go/rest"

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/catalog/sqlite"
	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/location/dir"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/salvor"
)

// home is the one-machine home in this process: the engine on a SQLite catalog and a directory, with a real client.
type home struct {
	engine  *backup.Engine
	catalog *sqlite.Catalog
	store   *dir.Store
	// requests to the location.
	requests *location.Counter
	backups  int
}

// newHome makes a home whose files are below path.
func newHome(ctx context.Context, path string, config *rest.Config) (*home, error) {
	client, err := kube.New(config)
	if err != nil {
		return nil, err
	}
	catalog, err := sqlite.Open(filepath.Join(path, "catalog.db"))
	if err != nil {
		return nil, err
	}
	files := filepath.Join(path, "location")
	store, err := dir.Open(ctx, files, dir.Options{Create: true})
	if err != nil {
		return nil, err
	}
	for _, o := range []salvor.Object{
		&salvor.Cluster{TypeMeta: kindOf(salvor.KindCluster), ObjectMeta: salvor.ObjectMeta{Name: "bench"},
			Spec: salvor.ClusterSpec{Kubeconfig: &salvor.KubeconfigCluster{}}},
		&salvor.BackupLocation{TypeMeta: kindOf(salvor.KindBackupLocation), ObjectMeta: salvor.ObjectMeta{Name: "bench"},
			Spec: salvor.BackupLocationSpec{Directory: &salvor.DirectoryLocation{Path: files}}},
	} {
		if err := catalog.Create(ctx, o); err != nil {
			return nil, err
		}
	}
	h := &home{catalog: catalog, store: store, requests: location.Count(store)}
	site, repo := &backup.Site{Cluster: client}, repository.New(h.requests, "bench")
	h.engine = &backup.Engine{Catalog: catalog, Now: time.Now, Holder: "bench", CatalogID: "bench", SalvorVersion: "bench",
		Open:  func(context.Context, *salvor.Backup) (*backup.Site, error) { return site, nil },
		Store: func(context.Context, *salvor.Backup) (*repository.Repository, error) { return repo, nil }}
	return h, nil
}

func kindOf(kind string) salvor.TypeMeta {
	return salvor.TypeMeta{APIVersion: salvor.APIVersion, Kind: kind}
}

// backup backs the namespaces up, all kinds of objects in them, and returns what came of it.
func (h *home) backup(ctx context.Context, namespaces ...string) (*salvor.Backup, error) {
	return h.backupOf(ctx, salvor.Scope{Namespaces: namespaces})
}

// backupOf makes a backup of the scope and returns what came of it.
func (h *home) backupOf(ctx context.Context, scope salvor.Scope) (*salvor.Backup, error) {
	h.backups++
	b := &salvor.Backup{TypeMeta: kindOf(salvor.KindBackup), ObjectMeta: salvor.ObjectMeta{Name: fmt.Sprintf("backup-%d", h.backups)},
		Spec: salvor.BackupSpec{Cluster: "bench", Location: "bench", Scope: scope}}
	b, _, err := h.engine.Begin(ctx, b)
	if err != nil {
		return nil, err
	}
	if b, err = h.engine.Run(ctx, b.ID()); err != nil {
		return nil, err
	}
	if b.Status.Phase != salvor.PhaseCompleted {
		return nil, fmt.Errorf("backup is %s: %s", b.Status.Phase, b.Status.Message)
	}
	return b, nil
}

func (h *home) close() error {
	if err := h.catalog.Close(); err != nil {
		return err
	}
	return h.store.Close()
}
