// Package backup_test backs up a real API server, in whole and while everything goes wrong.
package backup_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/catalog/sqlite"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/location/dir"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/volume"
	"salvor.io/salvor/tests/testenv"
)

// The kinds that tests write to.
var (
	configMaps = cluster.Resource{Version: "v1", Name: "configmaps", Kind: "ConfigMap", Namespaced: true}
	secrets    = cluster.Resource{Version: "v1", Name: "secrets", Kind: "Secret", Namespaced: true}
	namespaces = cluster.Resource{Version: "v1", Name: "namespaces", Kind: "Namespace"}
	crds       = cluster.Resource{Group: "apiextensions.k8s.io", Version: "v1", Name: "customresourcedefinitions", Kind: "CustomResourceDefinition"}
	widgets    = cluster.Resource{Group: "example.org", Version: "v1", Name: "widgets", Kind: "Widget", Namespaced: true}
)

// server is the cluster all tests of this package share; each works in namespaces of its own.
func server(t testing.TB) testenv.KubeServer {
	return testenv.Kube(t, testenv.KubeOptions{Name: "backup"})
}

func client(t testing.TB, kubeconfig string) *kube.Client {
	t.Helper()
	c, err := kube.New(config(t, kubeconfig))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func config(t testing.TB, kubeconfig string) *rest.Config {
	t.Helper()
	cfg, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// object is the JSON of an object with one data field.
func object(kind, apiVersion, name string, fields string) []byte {
	if fields != "" {
		fields = "," + fields
	}
	return fmt.Appendf(nil, `{"apiVersion":%q,"kind":%q,"metadata":{"name":%q}%s}`, apiVersion, kind, name, fields)
}

func create(t testing.TB, c *kube.Client, res cluster.Resource, ns, name, fields string) {
	t.Helper()
	if _, err := c.Create(t.Context(), res, ns, object(res.Kind, res.APIVersion(), name, fields)); err != nil {
		t.Fatalf("creating %s %s/%s: %v", res, ns, name, err)
	}
}

// namespace makes a namespace that no other test has.
func namespace(t testing.TB, c *kube.Client) string {
	t.Helper()
	ns := "t-" + testenv.Unique()
	create(t, c, namespaces, "", ns, "")
	return ns
}

var widgetsOnce sync.Once

// defineWidgets makes the custom resource of the tests, once, and waits until it is served.
func defineWidgets(t testing.TB, c *kube.Client) {
	t.Helper()
	widgetsOnce.Do(func() {
		create(t, c, crds, "", "widgets.example.org", `"spec":{"group":"example.org","scope":"Namespaced","names":{"plural":"widgets","singular":"widget","kind":"Widget","listKind":"WidgetList"},
			"versions":[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}]}`)
		for deadline := time.Now().Add(2 * time.Minute); ; {
			d, err := c.Discover(t.Context())
			for _, r := range d.Resources {
				if err == nil && r.String() == widgets.String() {
					return
				}
			}
			if time.Now().After(deadline) {
				t.Fatal("the API server does not serve widgets")
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
}

// site is a catalog, a directory and an engine of one test.
type site struct {
	catalog  *sqlite.Catalog
	counter  *location.Counter
	repo     *repository.Repository
	dir      string
	engine   *backup.Engine
	rules    backup.Rules
	cluster  backup.Cluster
	location location.Location
}

type noRules struct{}

func (noRules) Freeze(context.Context, backup.RuleRequest) (backup.Frozen, error) {
	return backup.Frozen{}, nil
}

func (noRules) Thaw(context.Context, backup.RuleRequest) (backup.RuleReport, error) {
	return backup.RuleReport{}, nil
}

// newSite makes an engine over the cluster with files below dir, which may hold those of an earlier one.
func newSite(ctx context.Context, c backup.Cluster, root string) (*site, error) {
	s := &site{dir: filepath.Join(root, "location"), rules: noRules{}, cluster: c}
	var err error
	if s.catalog, err = sqlite.Open(filepath.Join(root, "catalog.db")); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, err
	}
	if s.location, err = dir.Open(ctx, s.dir, dir.Options{}); err != nil {
		return nil, err
	}
	s.counter = location.Count(s.location)
	s.repo = repository.New(s.counter, "test")
	s.engine = &backup.Engine{Catalog: s.catalog, Now: time.Now, Holder: fmt.Sprintf("test-%d", time.Now().UnixNano()), CatalogID: "test-catalog",
		Open: func(context.Context, *salvor.Backup) (*backup.Site, error) {
			site := &backup.Site{Cluster: s.cluster, Rules: s.rules}
			if c, ok := s.cluster.(volume.Cluster); ok {
				site.Volumes = &volume.Engine{Cluster: c, Now: time.Now, CatalogID: "test-catalog"}
			}
			return site, nil
		},
		Store: func(context.Context, *salvor.Backup) (*repository.Repository, error) { return s.repo, nil }}
	for _, o := range []salvor.Object{
		&salvor.Cluster{TypeMeta: salvor.TypeMeta{APIVersion: salvor.APIVersion, Kind: salvor.KindCluster}, ObjectMeta: salvor.ObjectMeta{Name: "test"}, Spec: salvor.ClusterSpec{Kubeconfig: &salvor.KubeconfigCluster{}}},
		&salvor.BackupLocation{TypeMeta: salvor.TypeMeta{APIVersion: salvor.APIVersion, Kind: salvor.KindBackupLocation}, ObjectMeta: salvor.ObjectMeta{Name: "dir"}, Spec: salvor.BackupLocationSpec{Directory: &salvor.DirectoryLocation{Path: s.dir}}},
	} {
		if err := s.catalog.Create(ctx, o); err != nil && !salvor.Is(err, salvor.Exists) {
			return nil, err
		}
	}
	return s, nil
}

func testSite(t testing.TB, c backup.Cluster) *site {
	t.Helper()
	s, err := newSite(t.Context(), c, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.catalog.Close() })
	return s
}

// noData skips the data of all volumes: these tests are about objects, and this cluster has no CSI driver.
var noData = &salvor.BackupVolumes{Policies: []salvor.VolumePolicy{{Action: salvor.VolumeSkip, Reason: "there is no CSI driver here"}}}

func newBackup(name string, scope salvor.Scope) *salvor.Backup {
	return &salvor.Backup{TypeMeta: salvor.TypeMeta{APIVersion: salvor.APIVersion, Kind: salvor.KindBackup}, ObjectMeta: salvor.ObjectMeta{Name: name},
		Spec: salvor.BackupSpec{Cluster: "test", Location: "dir", Scope: scope, Volumes: noData}}
}

// backUp begins and runs a backup.
func (s *site) backUp(t testing.TB, name string, scope salvor.Scope) (*salvor.Backup, *archive.Manifest) {
	t.Helper()
	b, _, err := s.engine.Begin(t.Context(), newBackup(name, scope))
	if err != nil {
		t.Fatal(err)
	}
	if b, err = s.engine.Run(t.Context(), b.ID()); err != nil {
		t.Fatal(err)
	}
	m, root, err := s.repo.Manifest(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if root != b.Status.RootDigest {
		t.Errorf("catalog has root digest %s, the manifest %s", b.Status.RootDigest, root)
	}
	return b, m
}

// stored returns every object line of the backup by "kind namespace/name".
func (s *site) stored(t testing.TB, m *archive.Manifest) map[string][]byte {
	t.Helper()
	lines := map[string][]byte{}
	for _, k := range m.Kinds {
		for _, seg := range k.Segments {
			data, err := s.repo.Segment(t.Context(), seg)
			if err != nil {
				t.Fatal(err)
			}
			for line := range archive.Lines(data) {
				var o struct {
					Metadata struct{ Name, Namespace string }
				}
				if err := json.Unmarshal(line, &o); err != nil {
					t.Fatalf("%s: a line is not JSON: %v", k.Resource, err)
				}
				lines[fmt.Sprintf("%s %s/%s", k.Resource, o.Metadata.Namespace, o.Metadata.Name)] = line
			}
		}
	}
	return lines
}
