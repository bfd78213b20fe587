// Package restore_test restores into a real API server what was put together by hand, so that it tests the engine alone.
package restore_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/catalog/sqlite"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/location/dir"
	"salvor.io/salvor/shared/rawjson"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/restore"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/tests/testenv"
)

// The kinds that tests write to.
var (
	namespaces  = core("namespaces", "Namespace", false)
	configMaps  = core("configmaps", "ConfigMap", true)
	secrets     = core("secrets", "Secret", true)
	services    = core("services", "Service", true)
	accounts    = core("serviceaccounts", "ServiceAccount", true)
	claims      = core("persistentvolumeclaims", "PersistentVolumeClaim", true)
	volumes     = core("persistentvolumes", "PersistentVolume", false)
	quotas      = core("resourcequotas", "ResourceQuota", true)
	limits      = core("limitranges", "LimitRange", true)
	pods        = core("pods", "Pod", true)
	deployments = kind("apps", "deployments", "Deployment", true)
	replicaSets = kind("apps", "replicasets", "ReplicaSet", true)
	jobs        = kind("batch", "jobs", "Job", true)
	roles       = kind("rbac.authorization.k8s.io", "roles", "Role", true)
	bindings    = kind("rbac.authorization.k8s.io", "rolebindings", "RoleBinding", true)
	globalRoles = kind("rbac.authorization.k8s.io", "clusterroles", "ClusterRole", false)
	globalBinds = kind("rbac.authorization.k8s.io", "clusterrolebindings", "ClusterRoleBinding", false)
	policies    = kind("networking.k8s.io", "networkpolicies", "NetworkPolicy", true)
	definitions = kind("apiextensions.k8s.io", "customresourcedefinitions", "CustomResourceDefinition", false)
	priorities  = kind("scheduling.k8s.io", "priorityclasses", "PriorityClass", false)
)

func core(name, k string, namespaced bool) cluster.Resource { return kind("", name, k, namespaced) }

func kind(group, name, k string, namespaced bool) cluster.Resource {
	return cluster.Resource{Group: group, Version: "v1", Name: name, Kind: k, Namespaced: namespaced}
}

// server is the cluster all tests of this package share; each works in namespaces of its own.
func server(t testing.TB) testenv.KubeServer {
	return testenv.Kube(t, testenv.KubeOptions{Name: "restore"})
}

func client(t testing.TB, kubeconfig string) *kube.Client {
	t.Helper()
	cfg, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	c, err := kube.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// world is a cluster, and the catalog, location and engine of one test.
type world struct {
	t       testing.TB
	c       *kube.Client
	root    string
	catalog *sqlite.Catalog
	repo    *repository.Repository // of the source cluster
	loc     location.Location
	engine  *restore.Engine
	// target is what the engine restores into; c, unless a test puts something in between.
	target restore.Target
	runs   int
}

// noOptions deletes as the kind does it by default.
var noOptions kube.DeleteOptions

// resource is short for the type of all kinds above.
type resource = cluster.Resource

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, c: client(t, server(t).Kubeconfig), root: t.TempDir()}
	w.target = w.c
	if err := w.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.catalog.Close() })
	return w
}

// open opens catalog, location and engine below the root, where an earlier process may have left them.
func (w *world) open(ctx context.Context) error {
	var err error
	if w.catalog, err = sqlite.Open(filepath.Join(w.root, "catalog.db")); err != nil {
		return err
	}
	path := filepath.Join(w.root, "location")
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	if w.loc, err = dir.Open(ctx, path, dir.Options{}); err != nil {
		return err
	}
	w.repo = repository.New(w.loc, "source")
	o := &salvor.Cluster{TypeMeta: salvor.TypeMeta{APIVersion: salvor.APIVersion, Kind: salvor.KindCluster}, ObjectMeta: salvor.ObjectMeta{Name: "target"}, Spec: salvor.ClusterSpec{Kubeconfig: &salvor.KubeconfigCluster{}}}
	if err := w.catalog.Create(ctx, o); err != nil && !salvor.Is(err, salvor.Exists) {
		return err
	}
	w.engine = &restore.Engine{Catalog: w.catalog, Now: time.Now, CatalogID: "test",
		Open: func(_ context.Context, _, clusterID string) (*repository.Repository, error) {
			return repository.New(w.loc, clusterID), nil
		},
		Connect: func(context.Context, string) (restore.Target, error) { return w.target, nil },
		Tuning:  restore.Tuning{Beat: 100 * time.Millisecond, RetryBase: 20 * time.Millisecond, Terminating: 5 * time.Second}}
	return nil
}

// namespace makes a namespace that no other test has.
func (w *world) namespace() string {
	w.t.Helper()
	ns := "t-" + testenv.Unique()
	w.create(namespaces, "", ns, "")
	return ns
}

// create makes an object with the fields given as JSON, and returns it as the server has it.
func (w *world) create(res cluster.Resource, ns, name, fields string) []byte {
	w.t.Helper()
	return w.createMeta(res, ns, name, "", fields)
}

func (w *world) createMeta(res cluster.Resource, ns, name, meta, fields string) []byte {
	w.t.Helper()
	if fields != "" {
		fields = "," + fields
	}
	if meta != "" {
		meta = "," + meta
	}
	body := fmt.Appendf(nil, `{"apiVersion":%q,"kind":%q,"metadata":{"name":%q%s}%s}`, res.APIVersion(), res.Kind, name, meta, fields)
	live, err := w.c.Create(w.t.Context(), res, ns, body)
	if err != nil {
		w.t.Fatalf("creating %s %s/%s: %v", res, ns, name, err)
	}
	if !res.Namespaced {
		w.t.Cleanup(func() { _ = w.c.Delete(context.WithoutCancel(w.t.Context()), res, "", name, kube.DeleteOptions{}) })
	}
	return live
}

// get returns a live object, nil when it isn't there.
func (w *world) get(res cluster.Resource, ns, name string) []byte {
	w.t.Helper()
	live, err := w.c.Get(w.t.Context(), res, ns, name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return live
}

// delete deletes an object and waits until it is gone.
func (w *world) delete(res cluster.Resource, ns, name string) {
	w.t.Helper()
	if err := w.c.Delete(w.t.Context(), res, ns, name, kube.DeleteOptions{}); err != nil {
		w.t.Fatalf("deleting %s %s/%s: %v", res, ns, name, err)
	}
	w.eventually(fmt.Sprintf("%s %s/%s to be gone", res, ns, name), func() bool { return w.get(res, ns, name) == nil })
}

// eventually waits until the condition holds.
func (w *world) eventually(what string, holds func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !holds(); {
		if time.Now().After(deadline) {
			w.t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// stored is a backup being put together by hand.
type stored struct {
	name       string
	cut        time.Time
	phase      salvor.Phase
	failures   []salvor.Failure
	scope      salvor.Scope
	namespaces []string
	objects    map[string]map[string][][]byte // by kind and namespace
	resources  []cluster.Resource
}

// take reads all objects of the kinds in the namespaces as a list has them, and the Namespaces themselves.
func (w *world) take(name string, nss []string, kinds ...cluster.Resource) *stored {
	w.t.Helper()
	b := &stored{name: name, cut: time.Now(), phase: salvor.PhaseCompleted, namespaces: nss, objects: map[string]map[string][][]byte{}}
	for _, ns := range nss {
		b.takeList(w, namespaces, "", "metadata.name="+ns)
		for _, k := range kinds {
			b.takeList(w, k, ns, "")
		}
	}
	return b
}

// global adds an object without namespace.
func (b *stored) global(w *world, res cluster.Resource, name string) *stored {
	b.takeList(w, res, "", "metadata.name="+name)
	return b
}

func (b *stored) takeList(w *world, res cluster.Resource, ns, fields string) {
	w.t.Helper()
	_, err := w.c.List(w.t.Context(), cluster.ListRequest{Resource: res, Namespace: ns, FieldSelector: fields}, func(i cluster.Item) error {
		raw := bytes.Clone(i.Raw)
		if !i.HasType {
			raw = append(fmt.Appendf(nil, `{"apiVersion":%q,"kind":%q,`, res.APIVersion(), res.Kind), raw[1:]...)
		}
		b.add(res, ns, raw)
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (b *stored) add(res cluster.Resource, ns string, raw []byte) *stored {
	res.Verbs = nil
	if !slices.ContainsFunc(b.resources, func(r cluster.Resource) bool { return r.String() == res.String() }) {
		b.resources = append(b.resources, res)
	}
	key := res.String()
	if b.objects[key] == nil {
		b.objects[key] = map[string][][]byte{}
	}
	b.objects[key][ns] = append(b.objects[key][ns], raw)
	return b
}

// store writes the backup to the repository and the catalog.
func (b *stored) store(w *world) *salvor.Backup {
	w.t.Helper()
	encoder, err := archive.NewEncoder()
	if err != nil {
		w.t.Fatal(err)
	}
	m := &archive.Manifest{FormatVersion: 1, Backup: b.name, Cluster: "source", Phase: b.phase, Failures: b.failures, Namespaces: b.namespaces, CutAt: metav1.NewMicroTime(b.cut)}
	for _, res := range b.resources {
		k := archive.Kind{Resource: res}
		perNS := b.objects[res.String()]
		for _, ns := range sortedKeys(perNS) {
			k.Segments = append(k.Segments, b.segment(w, encoder, ns, perNS[ns]))
		}
		m.Kinds = append(m.Kinds, k)
	}
	root, err := w.repo.Commit(w.t.Context(), m)
	if err != nil {
		w.t.Fatal(err)
	}
	backup := &salvor.Backup{TypeMeta: salvor.TypeMeta{APIVersion: salvor.APIVersion, Kind: salvor.KindBackup}, ObjectMeta: salvor.ObjectMeta{Name: b.name},
		Spec:   salvor.BackupSpec{Cluster: "source", Location: "dir", Scope: b.scope},
		Status: salvor.BackupStatus{Phase: b.phase, ClusterID: "source", CutAt: metav1.NewMicroTime(b.cut), RootDigest: root, Namespaces: b.namespaces, Failures: b.failures}}
	if err := w.catalog.CreateBackup(w.t.Context(), backup); err != nil {
		w.t.Fatal(err)
	}
	return backup
}

func (b *stored) segment(w *world, encoder *archive.Encoder, ns string, objects [][]byte) archive.Segment {
	w.t.Helper()
	data := append(bytes.Join(objects, []byte{'\n'}), '\n')
	sum := sha256.Sum256(data)
	body, err := encoder.Encode(bytes.NewReader(data))
	if err != nil {
		w.t.Fatal(err)
	}
	s := archive.Segment{Namespace: ns, Digest: hex.EncodeToString(sum[:]), Objects: int64(len(objects)), Bytes: int64(len(data)),
		First: value(objects[0], "metadata", "name"), Last: value(objects[len(objects)-1], "metadata", "name")}
	if err := w.repo.PutSegment(w.t.Context(), s.Digest, body); err != nil {
		w.t.Fatal(err)
	}
	return s
}

// restore runs a restore; the spec's clusters are filled in.
func (w *world) restore(spec salvor.RestoreSpec) (*salvor.Restore, error) {
	w.t.Helper()
	w.runs++
	spec.SourceCluster, spec.TargetCluster = "source", "target"
	r := &salvor.Restore{ObjectMeta: salvor.ObjectMeta{Name: fmt.Sprintf("r%d", w.runs)}, Spec: spec}
	r, _, err := w.engine.Begin(w.t.Context(), r)
	if err != nil {
		w.t.Fatal(err)
	}
	return r, w.engine.Run(w.t.Context(), r)
}

// completed runs a restore that has to complete, and returns the outcomes.
func (w *world) completed(spec salvor.RestoreSpec) outcomes {
	w.t.Helper()
	r, err := w.restore(spec)
	if err != nil || r.Status.Phase != salvor.PhaseCompleted {
		w.t.Fatalf("phase %s, error %v, failures %v", r.Status.Phase, err, r.Status.Failures)
	}
	return w.outcomes(r)
}

// outcomes are those of a report, by "kind namespace/name".
type outcomes map[string]salvor.ObjectOutcome

func (w *world) outcomes(r *salvor.Restore) outcomes {
	w.t.Helper()
	repo := repository.New(w.loc, "target")
	report, err := repo.RestoreReport(w.t.Context(), r.Status.Report)
	if err != nil {
		w.t.Fatal(err)
	}
	defer report.Close()
	list := outcomes{}
	counts := map[salvor.Outcome]int64{}
	for d := json.NewDecoder(report); d.More(); {
		var o salvor.ObjectOutcome
		if err := d.Decode(&o); err != nil {
			w.t.Fatal(err)
		}
		key := fmt.Sprintf("%s %s/%s", o.Kind, o.Namespace, o.Name)
		if _, twice := list[key]; twice {
			w.t.Errorf("%s has two outcomes", key)
		}
		list[key] = o
		counts[o.Outcome]++
	}
	for outcome, n := range counts {
		if r.Status.Outcomes[outcome] < n {
			w.t.Errorf("status counts %d %s, the report has %d", r.Status.Outcomes[outcome], outcome, n)
		}
	}
	return list
}

func (o outcomes) of(res cluster.Resource, ns, name string) salvor.ObjectOutcome {
	return o[fmt.Sprintf("%s %s/%s", res, ns, name)]
}

// count returns how many objects have the outcome.
func (o outcomes) count(outcome salvor.Outcome) int {
	n := 0
	for _, v := range o {
		if v.Outcome == outcome {
			n++
		}
	}
	return n
}

// expect fails unless the object has the outcome, and its reason contains the text.
func (w *world) expect(o outcomes, res cluster.Resource, ns, name string, outcome salvor.Outcome, reason string) {
	w.t.Helper()
	got := o.of(res, ns, name)
	if got.Outcome != outcome || !strings.Contains(got.Reason, reason) {
		w.t.Errorf("%s %s/%s: got %s (%s), want %s (%s)", res, ns, name, got.Outcome, got.Reason, outcome, reason)
	}
}

func value(raw []byte, path ...string) string {
	return strings.Trim(string(rawjson.Get(raw, path...)), `"`)
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
