package rebuild_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/catalog/sqlite"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/location/dir"
	"salvor.io/salvor/shared/rebuild"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/salvor"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// world is one directory as a location, and catalogs that share it.
type world struct {
	t   *testing.T
	dir string
	loc location.Location
	now time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), now: noon}
	store, err := dir.Open(t.Context(), filepath.Join(w.dir, "location"), dir.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	w.loc = store
	return w
}

// engine opens the catalog of that id, which is empty when its file is not there, with the location "disk".
func (w *world) engine(id string) *rebuild.Engine {
	w.t.Helper()
	c, err := sqlite.Open(w.file(id))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	l := salvor.New(salvor.KindBackupLocation).(*salvor.BackupLocation)
	l.Name, l.Spec.Directory = "disk", &salvor.DirectoryLocation{Path: filepath.Join(w.dir, "location")}
	if err := c.Create(w.t.Context(), l); err != nil && !salvor.Is(err, salvor.Exists) {
		w.t.Fatal(err)
	}
	return &rebuild.Engine{Catalog: c, CatalogID: id, Now: func() time.Time { return w.now },
		Open: func(context.Context, *salvor.BackupLocation) (location.Location, error) { return w.loc, nil }}
}

func (w *world) file(id string) string { return filepath.Join(w.dir, id+".db") }

// lose deletes the catalog's file.
func (w *world) lose(e *rebuild.Engine) *rebuild.Engine {
	w.t.Helper()
	if err := e.Catalog.Close(); err != nil {
		w.t.Fatal(err)
	}
	files, _ := filepath.Glob(w.file(e.CatalogID) + "*")
	for _, f := range files {
		if err := os.Remove(f); err != nil {
			w.t.Fatal(err)
		}
	}
	if len(files) == 0 {
		w.t.Fatal("the catalog has no file")
	}
	return w.engine(e.CatalogID)
}

func (w *world) repo(clusterID string) *repository.Repository {
	return repository.New(w.loc, clusterID)
}

// backup stores a backup and records it, as an engine does, and returns what the catalog has.
func (w *world) backup(e *rebuild.Engine, clusterID, name string, events ...archive.Event) *salvor.Backup {
	w.t.Helper()
	ctx, repo := w.t.Context(), w.repo(clusterID)
	if err := repo.Claim(ctx, e.CatalogID); err != nil {
		w.t.Fatal(err)
	}
	objects := fmt.Sprintf(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"settings","namespace":"shop"},"data":{"of":%q}}`+"\n", name)
	encoder, err := archive.NewEncoder()
	if err != nil {
		w.t.Fatal(err)
	}
	stored, err := encoder.Encode(strings.NewReader(objects))
	if err != nil {
		w.t.Fatal(err)
	}
	segment := archive.Segment{Namespace: "shop", Digest: location.Bytes([]byte(objects)).SHA256(), Objects: 1, Bytes: int64(len(objects)),
		StoredBytes: int64(len(stored)), First: "settings", Last: "settings"}
	if err := repo.PutSegment(ctx, segment.Digest, stored); err != nil {
		w.t.Fatal(err)
	}
	at := metav1.NewMicroTime(w.now)
	m := &archive.Manifest{FormatVersion: archive.FormatVersion, Backup: name, Cluster: clusterID, RequestedBy: "ada", Labels: map[string]string{"tier": "prod"},
		Spec:      salvor.BackupSpec{Cluster: clusterID, Location: "disk", Scope: salvor.Scope{Namespaces: []string{"shop"}}, Schedule: "nightly"},
		CreatedAt: at, StartedAt: at, CutAt: at, CompletedAt: at, Phase: salvor.PhaseCompleted, Revision: "7", Namespaces: []string{"shop"},
		Totals: archive.Totals{Objects: 1, Segments: 1, Bytes: segment.Bytes},
		Kinds:  []archive.Kind{{Resource: cluster.Resource{Version: "v1", Name: "configmaps", Kind: "ConfigMap", Namespaced: true}, Segments: []archive.Segment{segment}}}}
	if len(events) > 0 && events[0].Type == archive.EventSettled {
		m.Phase, events[0].ID = salvor.PhaseSettling, archive.SettledID(m)
	}
	root, err := repo.Commit(ctx, m)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, event := range events {
		if err := repo.PutEvent(ctx, name, event); err != nil {
			w.t.Fatal(err)
		}
	}
	b := rebuild.Entry(m, root, events)
	if err := e.Catalog.CreateBackup(ctx, b); err != nil {
		w.t.Fatal(err)
	}
	return b
}

func (w *world) event(t archive.EventType, phase salvor.Phase) archive.Event {
	w.now = w.now.Add(time.Second)
	e := archive.NewEvent(t, metav1.NewMicroTime(w.now))
	e.Phase, e.By, e.Reason = phase, "ada", "why not"
	return e
}

// sync syncs and wants it to do just this.
func (w *world) sync(e *rebuild.Engine, want salvor.LocationSync) {
	w.t.Helper()
	got, err := e.Sync(w.t.Context(), "disk")
	if err != nil && want.Unreadable == 0 {
		w.t.Fatal(err)
	}
	want.StartedAt, want.CompletedAt, want.Complete, want.Message = got.StartedAt, got.CompletedAt, got.Complete, got.Message
	if diff := cmp.Diff(&want, got); diff != "" {
		w.t.Errorf("the sync did (-want +got):\n%s", diff)
	}
}

// backups is what the catalog has, by identity, as JSON without resource version.
func (w *world) backups(e *rebuild.Engine) map[string]string {
	w.t.Helper()
	page, err := e.Catalog.Search(w.t.Context(), catalog.Query{})
	if err != nil {
		w.t.Fatal(err)
	}
	all := map[string]string{}
	for _, b := range page.Backups {
		data, err := catalog.Encode(b, "")
		if err != nil {
			w.t.Fatal(err)
		}
		all[b.ID().String()] = string(data)
	}
	return all
}

// files is what the location holds, by key.
func (w *world) files() map[string]int64 {
	w.t.Helper()
	all := map[string]int64{}
	for info, err := range w.loc.List(w.t.Context(), "", "") {
		if err != nil {
			w.t.Fatal(err)
		}
		all[info.Key] = info.Size
	}
	return all
}

func (w *world) get(e *rebuild.Engine, clusterID, name string) *salvor.Backup {
	w.t.Helper()
	b, err := e.Catalog.GetBackup(w.t.Context(), salvor.BackupID{ClusterID: clusterID, Name: name})
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}
