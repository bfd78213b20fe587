package lookup_test

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/location/dir"
	"salvor.io/salvor/shared/lookup"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/salvor"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// one finds one backup, whatever is asked.
type one struct{ backup *salvor.Backup }

func (o one) Search(context.Context, catalog.Query) (catalog.Page, error) {
	return catalog.Page{Backups: []*salvor.Backup{o.backup}}, nil
}

// rolesFinder looks into a backup of roles of the namespace shop, all in one segment. Names ascend.
func rolesFinder(t *testing.T, names ...string) *lookup.Finder {
	t.Helper()
	store, err := dir.Open(t.Context(), t.TempDir(), dir.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	repo := repository.New(store, "prod")
	if err := repo.Claim(t.Context(), "mine"); err != nil {
		t.Fatal(err)
	}
	var lines bytes.Buffer
	for _, n := range names {
		if err := json.NewEncoder(&lines).Encode(map[string]any{"metadata": map[string]string{"name": n}}); err != nil {
			t.Fatal(err)
		}
	}
	objects := lines.Bytes()
	encoder, err := archive.NewEncoder()
	if err != nil {
		t.Fatal(err)
	}
	stored, err := encoder.Encode(bytes.NewReader(objects))
	if err != nil {
		t.Fatal(err)
	}
	segment := archive.Segment{Namespace: "shop", Digest: location.Bytes(objects).SHA256(), Objects: int64(len(names)), Bytes: int64(len(objects)),
		StoredBytes: int64(len(stored)), First: names[0], Last: names[len(names)-1]}
	if err := repo.PutSegment(t.Context(), segment.Digest, stored); err != nil {
		t.Fatal(err)
	}
	at := metav1.NewMicroTime(noon)
	root, err := repo.Commit(t.Context(), &archive.Manifest{FormatVersion: archive.FormatVersion, Backup: "b", Cluster: "prod",
		Spec:      salvor.BackupSpec{Cluster: "prod", Location: "disk", Scope: salvor.Scope{Namespaces: []string{"shop"}}},
		CreatedAt: at, StartedAt: at, CutAt: at, CompletedAt: at, Phase: salvor.PhaseCompleted, Revision: "7", Namespaces: []string{"shop"},
		Totals: archive.Totals{Objects: int64(len(names)), Segments: 1, Bytes: segment.Bytes},
		Kinds: []archive.Kind{{Resource: cluster.Resource{Group: "rbac.authorization.k8s.io", Version: "v1", Name: "roles", Kind: "Role", Namespaced: true},
			Segments: []archive.Segment{segment}}}})
	if err != nil {
		t.Fatal(err)
	}
	b := salvor.New(salvor.KindBackup).(*salvor.Backup)
	b.Name, b.Spec.Location, b.Status.ClusterID, b.Status.Phase, b.Status.RootDigest = "b", "disk", "prod", salvor.PhaseCompleted, root
	return &lookup.Finder{Catalog: one{b}, Open: func(context.Context, string, string) (*repository.Repository, error) { return repo, nil }}
}

// Names of roles may have what JSON spells otherwise.
func TestSearchFindsNamesThatJSONEscapes(t *testing.T) {
	odd := []string{`b"c`, "b&c", "b<c", `b\c`, "bé", "system:b"}
	f := rolesFinder(t, append(append([]string{"a"}, odd...), "z")...)
	q := catalog.Query{Namespace: "shop", From: noon.Add(-time.Hour)}
	for _, name := range append([]string{"a", "z"}, odd...) {
		page, err := f.Search(t.Context(), q, lookup.Object{Kind: "roles", Name: name})
		if err != nil || len(page.Backups) != 1 {
			t.Errorf("%q is in %d backups, %v", name, len(page.Backups), err)
		}
	}
	for _, name := range []string{"b", "b<", "system"} {
		if page, err := f.Search(t.Context(), q, lookup.Object{Kind: "Role", Name: name}); err != nil || len(page.Backups) != 0 {
			t.Errorf("%q is in %d backups, %v", name, len(page.Backups), err)
		}
	}
}
