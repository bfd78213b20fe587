// Package roundtrip puts both engines together, in one process, over a catalog and a location of its own: a Home backs
// up a cluster and restores into it or another one. What it does is what the command line does, with the outcomes at hand.
package roundtrip

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/catalog/sqlite"
	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/shared/location/dir"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/restore"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/volume"
)

// Home is where backups of the cluster called Source are kept, and what makes and restores them.
type Home struct {
	catalog  *sqlite.Catalog
	backups  *backup.Engine
	restores *restore.Engine
	open     func(clusterID string) *repository.Repository
}

// Source names the cluster that is backed up; any other name is one to restore into.
const Source = "source"

// Open makes a Home in an empty folder. Clusters are called by their names.
func Open(ctx context.Context, root string, clusters map[string]*kube.Client) (*Home, error) {
	h := &Home{}
	var err error
	if h.catalog, err = sqlite.Open(filepath.Join(root, "catalog.db")); err != nil {
		return nil, err
	}
	path := filepath.Join(root, "location")
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("making the location: %w", err)
	}
	loc, err := dir.Open(ctx, path, dir.Options{})
	if err != nil {
		return nil, err
	}
	h.open = func(clusterID string) *repository.Repository { return repository.New(loc, clusterID) }
	h.backups = &backup.Engine{Catalog: h.catalog, Now: time.Now, Holder: "roundtrip", CatalogID: "roundtrip",
		Open: func(context.Context, *salvor.Backup) (*backup.Site, error) {
			return &backup.Site{Cluster: clusters[Source], Rules: noRules{},
				Volumes: &volume.Engine{Cluster: clusters[Source], Now: time.Now, CatalogID: "roundtrip"}}, nil
		},
		Store: func(context.Context, *salvor.Backup) (*repository.Repository, error) { return h.open(Source), nil }}
	h.restores = &restore.Engine{Catalog: h.catalog, Now: time.Now, CatalogID: "roundtrip",
		Open: func(_ context.Context, _, clusterID string) (*repository.Repository, error) {
			return h.open(clusterID), nil
		},
		Connect: func(_ context.Context, name string) (restore.Target, error) { return clusters[name], nil }}
	return h, errors.Join(h.name(ctx, clusters), h.catalog.Create(ctx, &salvor.BackupLocation{
		TypeMeta: salvor.TypeMeta{APIVersion: salvor.APIVersion, Kind: salvor.KindBackupLocation}, ObjectMeta: salvor.ObjectMeta{Name: "dir"},
		Spec: salvor.BackupLocationSpec{Directory: &salvor.DirectoryLocation{Path: path}}}))
}

func (h *Home) name(ctx context.Context, clusters map[string]*kube.Client) error {
	for name := range clusters {
		o := &salvor.Cluster{TypeMeta: salvor.TypeMeta{APIVersion: salvor.APIVersion, Kind: salvor.KindCluster},
			ObjectMeta: salvor.ObjectMeta{Name: name}, Spec: salvor.ClusterSpec{Kubeconfig: &salvor.KubeconfigCluster{}}}
		if err := h.catalog.Create(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// Close closes the catalog.
func (h *Home) Close() error { return h.catalog.Close() }

type noRules struct{}

func (noRules) Freeze(context.Context, backup.RuleRequest) (backup.Frozen, error) {
	return backup.Frozen{}, nil
}

func (noRules) Thaw(context.Context, backup.RuleRequest) (backup.RuleReport, error) {
	return backup.RuleReport{}, nil
}

// Backup makes one backup. It is an error if anything that was to be taken was not.
func (h *Home) Backup(ctx context.Context, name string, scope salvor.Scope) (*salvor.Backup, *archive.Manifest, error) {
	b := &salvor.Backup{TypeMeta: salvor.TypeMeta{APIVersion: salvor.APIVersion, Kind: salvor.KindBackup}, ObjectMeta: salvor.ObjectMeta{Name: name},
		Spec: salvor.BackupSpec{Cluster: Source, Location: "dir", Scope: scope,
			Volumes: &salvor.BackupVolumes{Policies: []salvor.VolumePolicy{{Action: salvor.VolumeSkip, Reason: "this is about objects"}}}}}
	b, _, err := h.backups.Begin(ctx, b)
	if err != nil {
		return nil, nil, err
	}
	if b, err = h.backups.Run(ctx, b.ID()); err != nil {
		return nil, nil, err
	}
	if b.Status.Phase != salvor.PhaseCompleted {
		return nil, nil, fmt.Errorf("backup %s is %s: %v", name, b.Status.Phase, b.Status.Failures)
	}
	m, _, err := h.open(Source).Manifest(ctx, name)
	return b, m, err
}

// Stored returns every object of the backup, by "kind namespace/name", as it was stored.
func (h *Home) Stored(ctx context.Context, m *archive.Manifest) (map[string][]byte, error) {
	stored := map[string][]byte{}
	for _, k := range m.Kinds {
		for _, seg := range k.Segments {
			data, err := h.open(Source).Segment(ctx, seg)
			if err != nil {
				return nil, err
			}
			for line := range archive.Lines(data) {
				var o struct {
					Metadata struct{ Name, Namespace string }
				}
				if err := json.Unmarshal(line, &o); err != nil {
					return nil, fmt.Errorf("decoding an object of %s: %w", k.Resource, err)
				}
				stored[fmt.Sprintf("%s %s/%s", k.Resource, o.Metadata.Namespace, o.Metadata.Name)] = line
			}
		}
	}
	return stored, nil
}

// Outcomes are what became of each object, by "kind namespace/name".
type Outcomes map[string]salvor.ObjectOutcome

// Restore restores what the spec says into the cluster that it names; it names the others by itself. A restore that
// ended PartiallyFailed is no error: its status and outcomes tell.
func (h *Home) Restore(ctx context.Context, name string, spec salvor.RestoreSpec) (*salvor.Restore, Outcomes, error) {
	spec.SourceCluster = Source
	r, _, err := h.restores.Begin(ctx, &salvor.Restore{ObjectMeta: salvor.ObjectMeta{Name: name}, Spec: spec})
	if err != nil {
		return nil, nil, err
	}
	if err := h.restores.Run(ctx, r); err != nil {
		return r, nil, err
	}
	report, err := h.open(spec.TargetCluster).RestoreReport(ctx, r.Status.Report)
	if err != nil {
		return r, nil, err
	}
	defer report.Close()
	outcomes := Outcomes{}
	for d := json.NewDecoder(report); ; {
		var o salvor.ObjectOutcome
		switch err := d.Decode(&o); {
		case errors.Is(err, io.EOF):
			return r, outcomes, nil
		case err != nil:
			return r, nil, fmt.Errorf("reading the outcomes of restore %s: %w", name, err)
		}
		outcomes[fmt.Sprintf("%s %s/%s", o.Kind, o.Namespace, o.Name)] = o
	}
}
