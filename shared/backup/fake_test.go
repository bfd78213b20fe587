package backup_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/catalog/sqlite"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/location/dir"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/salvor"
)

var (
	namespaces = cluster.Resource{Version: "v1", Name: "namespaces", Kind: "Namespace", Verbs: []string{"list", "create"}}
	configMaps = cluster.Resource{Version: "v1", Name: "configmaps", Kind: "ConfigMap", Namespaced: true, Verbs: []string{"list", "create"}}
	secrets    = cluster.Resource{Version: "v1", Name: "secrets", Kind: "Secret", Namespaced: true, Verbs: []string{"list", "create"}}
)

// fakeCluster serves objects at one revision and fails as told. Errors of a real API server are tested in tests/;
// here it is their order that matters.
type fakeCluster struct {
	mu       sync.Mutex
	objects  map[string][]cluster.Item // by kind, sorted by key
	revision int
	served   []cluster.Resource
	// fault, if set, may fail a request before item n is handed out (n == items of the page: after the last).
	fault func(r cluster.ListRequest, n int) error
}

func newFake(namespaceNames ...string) *fakeCluster {
	f := &fakeCluster{objects: map[string][]cluster.Item{}, revision: 100, served: []cluster.Resource{configMaps, namespaces, secrets}}
	for _, ns := range namespaceNames {
		f.add(namespaces, "", ns, "")
	}
	return f
}

func (f *fakeCluster) add(res cluster.Resource, ns, name, data string) {
	raw := fmt.Sprintf(`{"metadata":{"name":%q,"namespace":%q},"data":{"k":%q}}`, name, ns, data)
	f.objects[res.String()] = append(f.objects[res.String()], cluster.Item{Namespace: ns, Name: name, Raw: []byte(raw)})
	slices.SortFunc(f.objects[res.String()], func(a, b cluster.Item) int { return strings.Compare(a.Key(), b.Key()) })
}

func (f *fakeCluster) Version(context.Context) (string, error) { return "v1.36.3", nil }
func (f *fakeCluster) UID(context.Context) (string, error)     { return "uid", nil }

func (f *fakeCluster) Discover(context.Context) (cluster.Discovery, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return cluster.Discovery{Resources: slices.Clone(f.served)}, nil
}

func (f *fakeCluster) List(ctx context.Context, r cluster.ListRequest, each func(cluster.Item) error) (cluster.ListResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	at, revision := 0, strconv.Itoa(f.revision)
	if r.Revision != "" {
		revision = r.Revision
	}
	if r.Continue != "" {
		where, rev, _ := strings.Cut(r.Continue, "@")
		at, _ = strconv.Atoi(where)
		revision = rev
	}
	items := f.objects[r.Resource.String()]
	items = slices.DeleteFunc(slices.Clone(items), func(i cluster.Item) bool { return r.Namespace != "" && i.Namespace != r.Namespace })
	end := len(items)
	if r.Limit > 0 {
		end = min(end, at+r.Limit)
	}
	result := cluster.ListResult{Revision: revision}
	for n, item := range items[at:end] {
		if err := f.fail(r, n); err != nil {
			return cluster.ListResult{}, err
		}
		item.Raw = slices.Clone(item.Raw)
		if err := each(item); err != nil {
			return cluster.ListResult{}, err
		}
		clear(item.Raw) // the bytes are valid only until the callback returns
		result.Items++
		result.Bytes += int64(len(item.Raw))
	}
	if err := f.fail(r, end-at); err != nil {
		return cluster.ListResult{}, err
	}
	if end < len(items) {
		result.Continue = fmt.Sprintf("%d@%s", end, revision)
	}
	return result, ctx.Err()
}

func (f *fakeCluster) fail(r cluster.ListRequest, n int) error {
	if f.fault == nil {
		return nil
	}
	return f.fault(r, n)
}

// fakeRules records which phases ran and fails as told.
type fakeRules struct {
	mu   sync.Mutex
	ran  []string
	fail map[string]error
	warn []string
	// failed are the namespaces in which actions failed, and were passed over.
	failed []string
	hook   func(phase string)
	// lost is why what holds the application does so no more.
	lost error
	// freeze and thaw, if set, play the rules of a backup, whose namespaces are pods that were written down already.
	freeze func(ctx context.Context, name string, q backup.RuleRequest) error
	thaw   func(ctx context.Context, name string, q backup.RuleRequest) error
}

// rulesOf are the rules as one backup runs them.
type rulesOf struct {
	*fakeRules
	name string
}

func (r rulesOf) Freeze(ctx context.Context, q backup.RuleRequest) (backup.Frozen, error) {
	f, err := r.fakeRules.Freeze(ctx, q)
	if r.freeze != nil && err == nil {
		err = r.freeze(ctx, r.name, q)
	}
	if err == nil {
		err = q.GoOn(ctx) // as before another command
	}
	return f, err
}

func (r rulesOf) Thaw(ctx context.Context, q backup.RuleRequest) (backup.RuleReport, error) {
	out, err := r.fakeRules.Thaw(ctx, q)
	if r.thaw != nil && err == nil {
		err = r.thaw(ctx, r.name, q)
	}
	return out, err
}

func (r *fakeRules) Freeze(ctx context.Context, q backup.RuleRequest) (backup.Frozen, error) {
	var pods []salvor.PodRef
	for _, ns := range q.Namespaces {
		pods = append(pods, salvor.PodRef{Namespace: ns, Name: "pod", UID: "uid"})
	}
	if err := q.Begin(ctx, pods, nil); err != nil {
		return backup.Frozen{}, err
	}
	out, err := r.run(ctx, q, "pre-exec")
	return backup.Frozen{Lost: func() error { return r.lost }, Failed: func() []string { return r.failed }, End: func(context.Context) (backup.RuleReport, error) { return out, nil }}, err
}

func (r *fakeRules) Thaw(ctx context.Context, q backup.RuleRequest) (backup.RuleReport, error) {
	return r.run(ctx, q, "post-exec")
}

func (r *fakeRules) run(ctx context.Context, q backup.RuleRequest, phase string) (backup.RuleReport, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ran = append(r.ran, phase)
	if r.hook != nil {
		r.hook(phase)
	}
	if ctx.Err() != nil {
		return backup.RuleReport{}, ctx.Err()
	}
	return backup.RuleReport{Report: map[string]any{"namespaces": q.Namespaces}, Warnings: r.warn}, r.fail[phase]
}

// count is how often a phase ran.
func (r *fakeRules) count(phase string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, ran := range r.ran {
		if ran == phase {
			n++
		}
	}
	return n
}

// bench is an engine over fakes with a real catalog and a real directory.
type bench struct {
	*backup.Engine
	catalog *sqlite.Catalog
	loc     location.Location
	repo    *repository.Repository
	rules   *fakeRules
}

func newBench(t *testing.T, c backup.Cluster) *bench {
	t.Helper()
	b := &bench{rules: &fakeRules{fail: map[string]error{}}}
	var err error
	if b.catalog, err = sqlite.Open(filepath.Join(t.TempDir(), "catalog.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.catalog.Close() })
	loc, err := dir.Open(t.Context(), t.TempDir(), dir.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b.loc, b.repo = loc, repository.New(loc, "prod")
	b.Engine = &backup.Engine{Catalog: b.catalog, Now: time.Now, Holder: "me", CatalogID: "cat",
		Tuning: backup.Tuning{PageSize: 7, FixedPages: true, RetryBase: time.Millisecond, Beat: 5 * time.Millisecond, LockPause: time.Millisecond},
		Open: func(_ context.Context, of *salvor.Backup) (*backup.Site, error) {
			return &backup.Site{Cluster: c, Rules: rulesOf{b.rules, of.Name}}, nil
		},
		Store: func(context.Context, *salvor.Backup) (*repository.Repository, error) { return b.repo, nil }}
	put := func(o salvor.Object, name string) {
		o.Meta().Name = name
		if err := b.catalog.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	put(salvor.New(salvor.KindCluster), "prod")
	put(salvor.New(salvor.KindBackupLocation), "disk")
	for _, name := range []string{"freeze", "thaw"} {
		rule := salvor.New(salvor.KindRule).(*salvor.Rule)
		rule.Spec.SubRules = []salvor.SubRule{{Name: name, Actions: []salvor.Action{{Shell: "true"}}}}
		put(rule, name)
	}
	return b
}

func quiesced(name string, ns ...string) *salvor.Backup {
	b := salvor.New(salvor.KindBackup).(*salvor.Backup)
	b.Name = name
	b.Spec = salvor.BackupSpec{Cluster: "prod", Location: "disk", Scope: salvor.Scope{Namespaces: ns}, PreExecRule: "freeze", PostExecRule: "thaw"}
	return b
}

// make begins and runs a backup.
func (b *bench) make(t *testing.T, want *salvor.Backup) (*salvor.Backup, error) {
	t.Helper()
	begun, _, err := b.Begin(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	return b.Run(t.Context(), begun.ID())
}

// keys returns the keys of all stored objects of the kind, in their order, with duplicates.
func (b *bench) keys(t *testing.T, name, kind string) []string {
	t.Helper()
	m, _, err := b.repo.Manifest(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, k := range m.Kinds {
		for _, s := range k.Segments {
			if k.String() != kind {
				continue
			}
			data, err := b.repo.Segment(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			for line := range archive.Lines(data) {
				var o struct {
					Metadata struct{ Name, Namespace string }
				}
				if err := json.Unmarshal(line, &o); err != nil {
					t.Fatal(err)
				}
				keys = append(keys, o.Metadata.Namespace+"/"+o.Metadata.Name)
			}
		}
	}
	return keys
}
