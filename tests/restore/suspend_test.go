package restore_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"salvor.io/salvor/shared/rawjson"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/restore"
	"salvor.io/salvor/shared/salvor"
)

// watched is a target that counts the requests about each object, and tells when so many objects were created.
type watched struct {
	restore.Target
	mu      sync.Mutex
	touched map[string]int
	created int
	at      int
	then    func()
}

func (w *watched) touch(r resource, ns, name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.touched[fmt.Sprintf("%s %s/%s", r, ns, name)]++
}

func (w *watched) Get(ctx context.Context, r resource, ns, name string) ([]byte, error) {
	w.touch(r, ns, name)
	return w.Target.Get(ctx, r, ns, name)
}

func (w *watched) Create(ctx context.Context, r resource, ns string, body []byte) ([]byte, error) {
	w.touch(r, ns, value(body, "metadata", "name"))
	live, err := w.Target.Create(ctx, r, ns, body)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil {
		if w.created++; w.created == w.at {
			w.then()
		}
	}
	return live, err
}

func (w *watched) Update(ctx context.Context, r resource, ns, name string, body []byte, sub ...string) ([]byte, error) {
	w.touch(r, ns, name)
	return w.Target.Update(ctx, r, ns, name, body, sub...)
}

func (w *watched) Patch(ctx context.Context, r resource, ns, name string, k types.PatchType, body []byte, sub ...string) ([]byte, error) {
	w.touch(r, ns, name)
	return w.Target.Patch(ctx, r, ns, name, k, body, sub...)
}

// A restore whose process has to end is gone on with by the next: what is settled is not asked for again, each object has
// one outcome in the end, and what an earlier process has made is the owner of what a later one makes.
func TestASuspendedRestoreGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ns := w.namespace()
	w.eventually("the default service account", func() bool { return w.get(accounts, ns, "default") != nil })
	owner := w.create(configMaps, ns, "owner", "")
	const each = 20
	for i := range each {
		w.create(configMaps, ns, fmt.Sprintf("c-%02d", i), "")
		w.createMeta(services, ns, fmt.Sprintf("s-%02d", i), ownedBy(owner, false), `"spec":{"ports":[{"port":80}]}`)
	}
	w.take("b", []string{ns}, configMaps, services).store(w)

	copied := ns + "-copy"
	r := &salvor.Restore{ObjectMeta: salvor.ObjectMeta{Name: copied}, Spec: salvor.RestoreSpec{SourceCluster: "source", TargetCluster: "target", Backup: "b", NamespaceMapping: map[string]string{ns: copied}}}
	r, _, err := w.engine.Begin(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	w.engine.Tuning.Workers = 2
	settled := map[string]bool{}
	processes := 0
	for ; processes < 10; processes++ {
		ctx, cancel := context.WithCancelCause(t.Context())
		target := &watched{Target: w.c, touched: map[string]int{}, at: 12, then: func() { cancel(salvor.Errorf(salvor.Suspended, "time is up")) }}
		w.target = target
		err = w.engine.Run(ctx, r)
		cancel(nil)
		for key := range settled {
			if n := target.touched[key]; n > 0 && key != "namespaces /"+copied {
				t.Errorf("process %d asked %d times about %s, which was settled", processes, n, key)
			}
		}
		if !salvor.Is(err, salvor.Suspended) {
			break
		}
		if r.Status.Phase != salvor.PhaseRestoring || r.Status.Checkpoint == "" || r.Status.Lease.Holder != "" {
			t.Fatalf("suspended, it is %s, checkpoint %q, held by %q", r.Status.Phase, r.Status.Checkpoint, r.Status.Lease.Holder)
		}
		settled = w.settledAt(r.Status.Checkpoint)
		o, err := w.catalog.Get(t.Context(), salvor.KindRestore, copied)
		if err != nil {
			t.Fatal(err)
		}
		r = o.(*salvor.Restore)
	}
	if err != nil || r.Status.Phase != salvor.PhaseCompleted || r.Status.Checkpoint != "" || processes < 2 {
		t.Fatalf("after %d processes it is %s: %v", processes, r.Status.Phase, err)
	}
	got := w.outcomes(r)
	for i := range each {
		w.expect(got, configMaps, copied, fmt.Sprintf("c-%02d", i), salvor.OutcomeCreated, "")
		w.expect(got, services, copied, fmt.Sprintf("s-%02d", i), salvor.OutcomeCreated, "")
		var owners []struct{ UID string }
		live := w.get(services, copied, fmt.Sprintf("s-%02d", i))
		if err := json.Unmarshal(rawjson.Get(live, "metadata", "ownerReferences"), &owners); err != nil || len(owners) != 1 ||
			owners[0].UID != value(w.get(configMaps, copied, "owner"), "metadata", "uid") {
			t.Errorf("s-%02d has the owners %v (%v)", i, owners, err)
		}
	}
	if diff := cmp.Diff(got.count(salvor.OutcomeCreated), int(r.Status.Outcomes[salvor.OutcomeCreated])); diff != "" {
		t.Errorf("report and status differ: %s", diff)
	}
}

// settledAt are the objects that have an outcome in a checkpoint.
func (w *world) settledAt(key string) map[string]bool {
	w.t.Helper()
	stored, err := repository.New(w.loc, "target").RestoreReport(w.t.Context(), key)
	if err != nil {
		w.t.Fatal(err)
	}
	defer stored.Close()
	found := map[string]bool{}
	for d := json.NewDecoder(stored); d.More(); {
		var o salvor.ObjectOutcome
		if err := d.Decode(&o); err != nil {
			w.t.Fatal(err)
		}
		if o.Name != "" {
			found[fmt.Sprintf("%s %s/%s", o.Kind, o.Namespace, o.Name)] = true
		}
	}
	return found
}
