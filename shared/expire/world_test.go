package expire_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/catalog/sqlite"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/expire"
	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/salvor"
)

const catalogID = "cat"

// shop is a cluster of one kind, whose every namespace holds one object with the content given.
type shop struct {
	mu      sync.Mutex
	content map[string]string // by namespace
}

var (
	namespaces = cluster.Resource{Version: "v1", Name: "namespaces", Kind: "Namespace", Verbs: []string{"list", "create"}}
	configMaps = cluster.Resource{Version: "v1", Name: "configmaps", Kind: "ConfigMap", Namespaced: true, Verbs: []string{"list", "create"}}
)

func (s *shop) Version(context.Context) (string, error) { return "v1.36.3", nil }
func (s *shop) UID(context.Context) (string, error)     { return "uid", nil }
func (s *shop) Discover(context.Context) (cluster.Discovery, error) {
	return cluster.Discovery{Resources: []cluster.Resource{configMaps, namespaces}}, nil
}

func (s *shop) set(ns, content string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.content[ns] = content
}

func (s *shop) List(ctx context.Context, r cluster.ListRequest, each func(cluster.Item) error) (cluster.ListResult, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	result := cluster.ListResult{Revision: "100"}
	for _, ns := range []string{"a", "b", "c"} {
		item := cluster.Item{Name: ns, Raw: fmt.Appendf(nil, `{"metadata":{"name":%q}}`, ns)}
		if r.Resource.Name == "configmaps" {
			if r.Namespace != "" && r.Namespace != ns {
				continue
			}
			item = cluster.Item{Namespace: ns, Name: "c", Raw: fmt.Appendf(nil, `{"metadata":{"name":"c","namespace":%q},"data":{"k":%q}}`, ns, s.content[ns])}
		}
		if err := each(item); err != nil {
			return cluster.ListResult{}, err
		}
		result.Items++
	}
	return result, ctx.Err()
}

type noRules struct{}

func (noRules) Freeze(context.Context, backup.RuleRequest) (backup.Frozen, error) {
	return backup.Frozen{}, nil
}

func (noRules) Thaw(context.Context, backup.RuleRequest) (backup.RuleReport, error) {
	return backup.RuleReport{}, nil
}

// world is a cluster that is backed up by the schedules nightly, of all, and single, of namespace a.
type world struct {
	*shop
	t       *testing.T
	catalog catalog.Catalog
	loc     location.Location
	repo    *repository.Repository
	random  *rand.Rand

	mu      sync.Mutex
	ahead   time.Duration // of the real time
	backups int
}

func newWorld(t *testing.T, loc location.Location, policy salvor.Retention) *world {
	t.Helper()
	c, err := sqlite.Open(filepath.Join(t.TempDir(), "catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	w := &world{shop: &shop{content: map[string]string{}}, t: t, catalog: c, loc: loc, repo: repository.New(loc, "prod")}
	w.random = rand.New(rand.NewPCG(7, 7))
	put := func(o salvor.Object, name string) {
		o.Meta().Name, o.Meta().CreationTimestamp = name, metav1.NewTime(w.now())
		o.Default()
		if err := c.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	put(&salvor.Cluster{Spec: salvor.ClusterSpec{Kubeconfig: &salvor.KubeconfigCluster{}}}, "prod")
	put(&salvor.BackupLocation{Spec: salvor.BackupLocationSpec{Directory: &salvor.DirectoryLocation{Path: "/x"}}}, "disk")
	put(&salvor.SchedulePolicy{Spec: salvor.SchedulePolicySpec{Interval: &metav1.Duration{Duration: time.Hour}, Retention: policy}}, "hourly")
	for name, ns := range map[string]string{"nightly": "*", "single": "a"} {
		s := &salvor.BackupSchedule{Spec: salvor.BackupScheduleSpec{Policy: "hourly"}}
		s.Spec.Template.Spec = salvor.BackupSpec{Cluster: "prod", Location: "disk", Scope: salvor.Scope{Namespaces: []string{ns}}}
		put(s, name)
	}
	return w
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.ahead)
}

func (w *world) wait(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ahead += d
}

func (w *world) engine() *backup.Engine {
	return &backup.Engine{Catalog: w.catalog, Now: w.now, Holder: "me", CatalogID: catalogID,
		Open: func(context.Context, *salvor.Backup) (*backup.Site, error) {
			return &backup.Site{Cluster: w.shop, Rules: noRules{}}, nil
		},
		Store: func(context.Context, *salvor.Backup) (*repository.Repository, error) { return w.repo, nil }}
}

func (w *world) pass() *expire.Pass {
	return &expire.Pass{Catalog: w.catalog, CatalogID: catalogID, Now: w.now, By: "test",
		Open:     func(context.Context, string, string) (*repository.Repository, error) { return w.repo, nil },
		Clusters: func(context.Context, string) ([]string, error) { return []string{"prod"}, nil }}
}

// back makes a run of the schedule; onStep, if set, is called at each step.
func (w *world) back(schedule string, onStep func(backup.Step)) (*salvor.Backup, error) {
	w.t.Helper()
	o, err := w.catalog.Get(w.t.Context(), salvor.KindBackupSchedule, schedule)
	if err != nil {
		w.t.Fatal(err)
	}
	w.wait(time.Second)
	s := o.(*salvor.BackupSchedule)
	b := backup.ScheduledRun(s, s.Spec.Template.Spec.Cluster, w.now().UTC().Truncate(time.Second), "test")
	w.mu.Lock()
	w.backups++
	b.Name = fmt.Sprintf("%s-%03d", schedule, w.backups)
	w.mu.Unlock()
	e := w.engine()
	e.OnStep = onStep
	begun, _, err := e.Begin(w.t.Context(), b)
	if err != nil {
		w.t.Fatal(err)
	}
	return e.Run(w.t.Context(), begun.ID())
}

// good makes a run that must succeed.
func (w *world) good(schedule string) *salvor.Backup {
	w.t.Helper()
	b, err := w.back(schedule, nil)
	if err != nil || b.Status.Phase != salvor.PhaseCompleted {
		w.t.Fatalf("backup: %+v, %v", b, err)
	}
	return b
}

// all are the backups that the catalog has.
func (w *world) all() []*salvor.Backup {
	w.t.Helper()
	page, err := w.catalog.Search(w.t.Context(), catalog.Query{Limit: catalog.MaxLimit})
	if err != nil {
		w.t.Fatal(err)
	}
	return page.Backups
}

// sound makes sure that every good backup can be read, byte for byte, and returns how many there are.
func (w *world) sound(when string) (n int) {
	w.t.Helper()
	for _, b := range w.all() {
		if b.Status.Phase != salvor.PhaseCompleted {
			continue
		}
		n++
		v, err := w.repo.Verify(w.t.Context(), b.Name, b.Status.RootDigest, nil)
		if err != nil || len(v.Problems) > 0 {
			w.t.Fatalf("%s: backup %s: %+v, %v", when, b.Name, v, err)
		}
	}
	return n
}

// segments are the keys of all that are stored.
func (w *world) keys(prefix string) (keys []string) {
	w.t.Helper()
	for info, err := range w.loc.List(w.t.Context(), prefix, "") {
		if err != nil {
			w.t.Fatal(err)
		}
		keys = append(keys, info.Key)
	}
	return keys
}

// used are the digests that manifests refer to.
func (w *world) used() map[string]bool {
	w.t.Helper()
	used := map[string]bool{}
	names, err := w.repo.Backups(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, name := range names {
		m, _, err := w.repo.Manifest(w.t.Context(), name)
		if salvor.Is(err, salvor.NotFound) {
			continue
		}
		if err != nil {
			w.t.Fatal(err)
		}
		for _, k := range m.Kinds {
			for _, s := range k.Segments {
				used[s.Digest] = true
			}
		}
	}
	return used
}

// full runs a whole pass, which must succeed.
func (w *world) full() (*expire.Expired, *expire.Collected) {
	w.t.Helper()
	e, err := w.pass().Expire(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	c, err := w.pass().Collect(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return e, c
}

// shuffle changes some of what is there, now and then to what was there before, so that what is unused comes back.
func (w *world) shuffle() {
	for _, ns := range []string{"a", "b", "c"} {
		if w.random.IntN(2) == 0 {
			w.set(ns, strconv.Itoa(w.random.IntN(9)))
		}
	}
}
