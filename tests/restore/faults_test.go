package restore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/restore"
	"salvor.io/salvor/shared/salvor"
)

// faulty is a target that fails now and then, before a request is sent or after it has been answered.
type faulty struct {
	restore.Target
	mu      sync.Mutex
	creates int
	// asked counts discoveries; discover, if set, is asked with their number, from 1.
	asked    int
	discover func(n int) error
	// before and after are asked with the number of the create, from 1; an error of after hides a create that took place.
	before, after func(n int) error
}

func (f *faulty) Create(ctx context.Context, r cluster.Resource, ns string, body []byte) ([]byte, error) {
	f.mu.Lock()
	f.creates++
	n := f.creates
	f.mu.Unlock()
	if f.before != nil {
		if err := f.before(n); err != nil {
			return nil, err
		}
	}
	live, err := f.Target.Create(ctx, r, ns, body)
	if f.after != nil && err == nil {
		if err := f.after(n); err != nil {
			return nil, err
		}
	}
	return live, err
}

func (f *faulty) Discover(ctx context.Context) (cluster.Discovery, error) {
	f.mu.Lock()
	f.asked++
	n := f.asked
	f.mu.Unlock()
	if f.discover != nil {
		if err := f.discover(n); err != nil {
			return cluster.Discovery{}, err
		}
	}
	return f.Target.Discover(ctx)
}

var errLost = errors.New("read tcp 127.0.0.1: connection reset by peer")

// some makes a backup of n objects. It returns a restore of them into a namespace that is not there, and its name.
func (w *world) some(n int) (spec salvor.RestoreSpec, to string) {
	w.t.Helper()
	ns := w.namespace()
	for i := range n {
		w.create(configMaps, ns, fmt.Sprintf("c%02d", i), `"data":{"k":"v"}`)
	}
	w.take("b", []string{ns}, configMaps).store(w)
	to = ns + "-to"
	return salvor.RestoreSpec{Backup: "b", NamespaceMapping: map[string]string{ns: to}}, to
}

func TestAnswersThatGetLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	spec, ns := w.some(20)
	w.target = &faulty{Target: w.c, after: func(n int) error {
		if n%3 == 0 {
			return errLost
		}
		return nil
	}}
	o := w.completed(spec)
	if got := o.count(salvor.OutcomeCreated); got != 21 {
		t.Errorf("%d objects are Created, want 20 and their namespace: %v", got, o)
	}
	w.expect(o, configMaps, ns, "c00", salvor.OutcomeCreated, "")
}

func TestAServerThatIsBusy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		sentence string
		err      error
	}{
		{"it asks for fewer requests", apierrors.NewTooManyRequests("slow down", 0)},
		{"it fails", apierrors.NewInternalError(errors.New("etcd has no leader"))},
		{"it is away", apierrors.NewServiceUnavailable("starting")},
		{"it is too slow", apierrors.NewServerTimeout(schema.GroupResource{Resource: "configmaps"}, "create", 0)},
		{"the connection is refused", errors.New("dial tcp 127.0.0.1:6443: connect: connection refused")},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			w := newWorld(t)
			spec, _ := w.some(10)
			w.target = &faulty{Target: w.c, before: func(n int) error {
				if n%2 == 0 {
					return c.err
				}
				return nil
			}}
			if o := w.completed(spec); o.count(salvor.OutcomeCreated) != 11 {
				t.Errorf("outcomes %v", o)
			}
		})
	}
}

func TestATokenThatExpires(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	spec, _ := w.some(10)
	w.target = &faulty{Target: w.c, before: func(n int) error {
		if n == 5 {
			return apierrors.NewUnauthorized("the token has expired")
		}
		return nil
	}}
	if o := w.completed(spec); o.count(salvor.OutcomeCreated) != 11 {
		t.Errorf("outcomes %v", o)
	}
}

func TestATokenThatIsNotRenewedEndsTheRestore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	spec, _ := w.some(10)
	w.target = &faulty{Target: w.c, before: func(n int) error {
		if n >= 5 {
			return apierrors.NewUnauthorized("the token has expired")
		}
		return nil
	}}
	if r, err := w.restore(spec); err == nil || r.Status.Phase != salvor.PhaseFailed || !strings.Contains(r.Status.Message, "the token has expired") {
		t.Errorf("phase %s, message %q, error %v", r.Status.Phase, r.Status.Message, err)
	}
}

func TestAServerThatGoesAwayEndsTheRestore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	spec, ns := w.some(40)
	w.engine.Tuning.Patience = 300 * time.Millisecond
	w.engine.Tuning.Workers = 4
	w.target = &faulty{Target: w.c, before: func(n int) error {
		if n > 15 {
			return errLost
		}
		return nil
	}}
	r, err := w.restore(spec)
	if err == nil || r.Status.Phase != salvor.PhaseFailed || !strings.Contains(r.Status.Message, "does not answer") {
		t.Fatalf("phase %s, message %q, error %v", r.Status.Phase, r.Status.Message, err)
	}
	w.target = w.c
	o := w.completed(spec)
	if created, unchanged := o.count(salvor.OutcomeCreated), o.count(salvor.OutcomeUnchanged); created != 26 || unchanged != 15 {
		t.Errorf("the second run: %d Created and %d Unchanged of 41, want 26 and 15", created, unchanged)
	}
	w.expect(o, configMaps, ns, "c39", salvor.OutcomeCreated, "")
}

func TestAWebhookThatFailsForATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	spec, _ := w.some(10)
	w.target = &faulty{Target: w.c, before: func(n int) error {
		if n > 3 && n < 35 {
			return apierrors.NewInternalError(errors.New(`failed calling webhook "policy.example.org": no endpoints available`))
		}
		return nil
	}, discover: func(n int) error { // which is asked for again before what has failed is tried again
		if n == 2 || n == 3 {
			return apierrors.NewServiceUnavailable("the API server restarts")
		}
		return nil
	}}
	if o := w.completed(spec); o.count(salvor.OutcomeCreated) != 11 {
		t.Errorf("outcomes %v", o)
	}
}

func TestACorruptSegmentIsNotApplied(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ns := w.namespace()
	w.create(configMaps, ns, "good", "")
	w.create(secrets, ns, "bad", "")
	w.create(secrets, ns, "worse", "")
	w.take("b", []string{ns}, configMaps, secrets).store(w)
	w.delete(namespaces, "", ns)
	m, _, err := w.repo.Manifest(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(m.Kinds, func(k archive.Kind) bool { return k.Resource.String() == "secrets" })
	digest := m.Kinds[i].Segments[0].Digest
	flip(t, filepath.Join(w.root, "location", w.repo.Keys().Segment(digest)))

	r, err := w.restore(salvor.RestoreSpec{Backup: "b"})
	if err != nil || r.Status.Phase != salvor.PhasePartiallyFailed {
		t.Fatalf("phase %s, error %v", r.Status.Phase, err)
	}
	if r.Status.DamagedSegments != 1 {
		t.Errorf("%d segments are counted as damaged", r.Status.DamagedSegments)
	}
	if len(r.Status.Failures) != 1 || r.Status.Failures[0].Kind != "secrets" || r.Status.Failures[0].Namespace != ns ||
		r.Status.Failures[0].Objects != 2 || !strings.Contains(r.Status.Failures[0].Reason, digest) {
		t.Errorf("failures %+v", r.Status.Failures)
	}
	if w.get(secrets, ns, "bad") != nil || w.get(secrets, ns, "worse") != nil {
		t.Error("an object of the corrupt segment was applied")
	}
	if w.get(configMaps, ns, "good") == nil {
		t.Error("an object of a good segment was not applied")
	}
}

// flip turns one bit in the middle of a file over.
func flip(t testing.TB, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 4
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestACorruptManifestStopsEverything(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	spec, ns := w.some(1)
	flip(t, filepath.Join(w.root, "location", w.repo.Keys().Manifest("b")))
	r, err := w.restore(spec)
	if !salvor.Is(err, salvor.Corrupt) || r.Status.Phase != salvor.PhaseFailed {
		t.Errorf("phase %s, error %v", r.Status.Phase, err)
	}
	if w.get(namespaces, "", ns) != nil {
		t.Error("something was applied")
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	spec, ns := w.some(30)
	w.engine.Tuning.Workers = 1
	w.engine.Tuning.Beat = 20 * time.Millisecond
	w.target = &faulty{Target: w.c, before: func(n int) error {
		if n == 10 {
			if _, err := restore.RequestCancel(context.Background(), w.catalog, "r1", time.Now()); err != nil {
				t.Error(err)
			}
			time.Sleep(300 * time.Millisecond)
		}
		return nil
	}}
	r, err := w.restore(spec)
	if !salvor.Is(err, salvor.Canceled) || r.Status.Phase != salvor.PhaseCanceled || !r.Status.CancelRequested {
		t.Fatalf("phase %s, error %v", r.Status.Phase, err)
	}
	if w.get(configMaps, ns, "c29") != nil {
		t.Error("it went on to the end")
	}
	w.target = w.c
	w.completed(spec)
	if w.get(configMaps, ns, "c29") == nil {
		t.Error("another run does not complete it")
	}
}

func TestANamespaceThatIsBeingDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ns := w.namespace()
	other := w.namespace()
	w.createMeta(configMaps, ns, "held", `"finalizers":["example.org/hold"]`, "")
	w.create(configMaps, other, "free", "")
	b := w.take("b", []string{ns, other}, configMaps)
	b.store(w)
	t.Cleanup(func() { w.free(configMaps, ns, "held") })
	if err := w.c.Delete(t.Context(), namespaces, "", ns, noOptions); err != nil {
		t.Fatal(err)
	}
	w.eventually("the namespace to be on its way out", func() bool {
		return value(w.get(namespaces, "", ns), "status", "phase") == "Terminating" && value(w.get(configMaps, ns, "held"), "metadata", "deletionTimestamp") != ""
	})

	w.engine.Tuning.Terminating = 500 * time.Millisecond
	r, err := w.restore(salvor.RestoreSpec{Backup: "b"})
	if err != nil || r.Status.Phase != salvor.PhasePartiallyFailed {
		t.Fatalf("phase %s, error %v", r.Status.Phase, err)
	}
	o := w.outcomes(r)
	w.expect(o, namespaces, "", ns, salvor.OutcomeFailed, "is being deleted in the target")
	w.expect(o, configMaps, ns, "held", salvor.OutcomeFailed, "is being deleted in the target")
	w.expect(o, configMaps, other, "free", salvor.OutcomeUnchanged, "")

	w.engine.Tuning.Terminating = 30 * time.Second
	time.AfterFunc(500*time.Millisecond, func() { w.free(configMaps, ns, "held") })
	o = w.completed(salvor.RestoreSpec{Backup: "b"})
	w.expect(o, configMaps, ns, "held", salvor.OutcomeCreated, "")
	if got := value(w.get(configMaps, ns, "held"), "metadata", "finalizers"); !strings.Contains(got, "example.org/hold") {
		t.Errorf("finalizers %s: the backup's are part of the object", got)
	}
}
