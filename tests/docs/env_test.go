package docs_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/clientcmd"

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/catalog/sqlite"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/location/dir"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/restore"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/volume"
	"salvor.io/salvor/tests/testenv"
)

// The kinds that tests write to.
var (
	namespaces  = kind("", "namespaces", "Namespace", false)
	configMaps  = kind("", "configmaps", "ConfigMap", true)
	secrets     = kind("", "secrets", "Secret", true)
	services    = kind("", "services", "Service", true)
	accounts    = kind("", "serviceaccounts", "ServiceAccount", true)
	claims      = kind("", "persistentvolumeclaims", "PersistentVolumeClaim", true)
	pods        = kind("", "pods", "Pod", true)
	quotas      = kind("", "resourcequotas", "ResourceQuota", true)
	deployments = kind("apps", "deployments", "Deployment", true)
	jobs        = kind("batch", "jobs", "Job", true)
	roles       = kind("rbac.authorization.k8s.io", "roles", "Role", true)
	bindings    = kind("rbac.authorization.k8s.io", "rolebindings", "RoleBinding", true)
	definitions = kind("apiextensions.k8s.io", "customresourcedefinitions", "CustomResourceDefinition", false)
	widgets     = kind("docs.example.org", "widgets", "Widget", true)
)

func kind(group, name, k string, namespaced bool) cluster.Resource {
	return cluster.Resource{Group: group, Version: "v1", Name: name, Kind: k, Namespaced: namespaced}
}

// server is the cluster all tests of this package share; each works in namespaces of its own.
func server(t testing.TB) testenv.KubeServer {
	return testenv.Kube(t, testenv.KubeOptions{Name: "docs"})
}

func client(t testing.TB, kubeconfig string) *kube.Client {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	c, err := kube.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// create makes an object with the fields given as JSON.
func create(t testing.TB, c *kube.Client, res cluster.Resource, ns, name, fields string) {
	t.Helper()
	if _, err := c.Create(t.Context(), res, ns, object(res, name, fields)); err != nil {
		t.Fatalf("creating %s %s/%s: %v", res, ns, name, err)
	}
}

func object(res cluster.Resource, name, fields string) []byte {
	if fields != "" {
		fields = "," + fields
	}
	return fmt.Appendf(nil, `{"apiVersion":%q,"kind":%q,"metadata":{"name":%q}%s}`, res.APIVersion(), res.Kind, name, fields)
}

// namespace makes a namespace that no other test has.
func namespace(t testing.TB, c *kube.Client) string {
	t.Helper()
	ns := "t-" + testenv.Unique()
	create(t, c, namespaces, "", ns, "")
	return ns
}

// remove deletes an object and waits until it is gone.
func remove(t testing.TB, c *kube.Client, res cluster.Resource, ns, name string) {
	t.Helper()
	if err := c.Delete(t.Context(), res, ns, name, kube.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, fmt.Sprintf("%s %s to be gone", res, name), func() bool {
		_, err := c.Get(t.Context(), res, ns, name)
		return apierrors.IsNotFound(err)
	})
}

func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !holds(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

var defineOnce sync.Once

// defineWidgets makes the custom resource of the tests, once, and waits until it is served.
func defineWidgets(t testing.TB, c *kube.Client) {
	t.Helper()
	defineOnce.Do(func() {
		create(t, c, definitions, "", widgets.String(), `"spec":{"group":"docs.example.org","scope":"Namespaced",
			"names":{"plural":"widgets","singular":"widget","kind":"Widget","listKind":"WidgetList"},
			"versions":[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}]}`)
	})
	awaitWidgets(t, c)
}

func awaitWidgets(t testing.TB, c *kube.Client) {
	t.Helper()
	eventually(t, "widgets to be served", func() bool {
		d, err := c.Discover(t.Context())
		for _, r := range d.Resources {
			if err == nil && r.String() == widgets.String() {
				return true
			}
		}
		return false
	})
}

// home is a catalog and a directory location of one test.
type home struct {
	catalog *sqlite.Catalog
	dir     string
	loc     location.Location
}

func newHome(t testing.TB, o dir.Options) *home {
	t.Helper()
	h := &home{dir: filepath.Join(t.TempDir(), "location")}
	var err error
	if h.catalog, err = sqlite.Open(filepath.Join(t.TempDir(), "catalog.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.catalog.Close() })
	o.Create = true
	if h.loc, err = dir.Open(t.Context(), h.dir, o); err != nil {
		t.Fatal(err)
	}
	for _, o := range []salvor.Object{
		&salvor.Cluster{TypeMeta: meta(salvor.KindCluster), ObjectMeta: salvor.ObjectMeta{Name: "prod"}, Spec: salvor.ClusterSpec{Kubeconfig: &salvor.KubeconfigCluster{}}},
		&salvor.BackupLocation{TypeMeta: meta(salvor.KindBackupLocation), ObjectMeta: salvor.ObjectMeta{Name: "disk"}, Spec: salvor.BackupLocationSpec{Directory: &salvor.DirectoryLocation{Path: h.dir}}},
	} {
		if err := h.catalog.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

func meta(kind string) salvor.TypeMeta {
	return salvor.TypeMeta{APIVersion: salvor.APIVersion, Kind: kind}
}

type noRules struct{}

func (noRules) Freeze(context.Context, backup.RuleRequest) (backup.Frozen, error) {
	return backup.Frozen{}, nil
}

func (noRules) Thaw(context.Context, backup.RuleRequest) (backup.RuleReport, error) {
	return backup.RuleReport{}, nil
}

// backUp makes a backup as the identity of the client.
func (h *home) backUp(t testing.TB, c *kube.Client, name string, scope salvor.Scope) *salvor.Backup {
	t.Helper()
	e := &backup.Engine{Catalog: h.catalog, Now: time.Now, Holder: t.Name(), CatalogID: "docs",
		Open: func(context.Context, *salvor.Backup) (*backup.Site, error) {
			return &backup.Site{Cluster: c, Rules: noRules{}, Volumes: &volume.Engine{Cluster: c, Now: time.Now, CatalogID: "docs"}}, nil
		},
		Store: func(context.Context, *salvor.Backup) (*repository.Repository, error) {
			return repository.New(h.loc, "prod"), nil
		}}
	b, _, err := e.Begin(t.Context(), &salvor.Backup{TypeMeta: meta(salvor.KindBackup), ObjectMeta: salvor.ObjectMeta{Name: name},
		Spec: salvor.BackupSpec{Cluster: "prod", Location: "disk", Scope: scope,
			Volumes: &salvor.BackupVolumes{Policies: []salvor.VolumePolicy{{Action: salvor.VolumeSkip, Reason: "this is about objects"}}}}})
	if err != nil {
		t.Fatal(err)
	}
	if b, err = e.Run(t.Context(), b.ID()); err != nil {
		t.Fatal(err)
	}
	return b
}

// restore restores a backup as the identity of the client.
func (h *home) restore(t testing.TB, c *kube.Client, backup string) *salvor.Restore {
	t.Helper()
	e := &restore.Engine{Catalog: h.catalog, Now: time.Now, CatalogID: "docs",
		Open: func(_ context.Context, _, clusterID string) (*repository.Repository, error) {
			return repository.New(h.loc, clusterID), nil
		},
		Connect: func(context.Context, string) (restore.Target, error) { return c, nil }}
	r, _, err := e.Begin(t.Context(), &salvor.Restore{TypeMeta: meta(salvor.KindRestore), ObjectMeta: salvor.ObjectMeta{Name: "r-" + testenv.Unique()},
		Spec: salvor.RestoreSpec{SourceCluster: "prod", Backup: backup, TargetCluster: "prod"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Run(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	return r
}
