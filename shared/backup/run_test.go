package backup_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
)

// faults are errors after which asking again may help.
var faults = []error{
	io.ErrUnexpectedEOF,
	errors.New("http2: client connection lost"),
	apierrors.NewTooManyRequests("busy", 0),
	apierrors.NewTimeoutError("Too large resource version", 0),
	apierrors.NewUnauthorized("token expired"),
	apierrors.NewInternalError(errors.New("etcdserver: leader changed")),
	apierrors.NewServiceUnavailable("restarting"),
	inVain(),
}

// inVain is the error of a connection that nobody takes within its time.
func inVain() error {
	_, err := (&net.Dialer{Deadline: time.Unix(1, 0)}).Dial("tcp", "127.0.0.1:1")
	return &url.Error{Op: "Get", URL: "https://127.0.0.1:1/api/v1/configmaps", Err: err}
}

// What is asked before anything is listed is asked again as well.
func TestFaultsBeforeTheFirstListAreOver(t *testing.T) {
	for _, fault := range faults {
		for _, asked := range []string{"version", "uid", "discover"} {
			if _, dial := errors.AsType[*net.OpError](fault); dial && asked == "version" {
				continue // nobody has ever answered there: it is not waited for
			}
			f, _ := filled(1)
			b := newBench(t, &moody{fakeCluster: f, fault: fault, at: asked})
			if done, err := b.make(t, quiesced("b", "*")); err != nil || done.Status.Phase != salvor.PhaseCompleted {
				t.Errorf("%v when asked for its %s: %v", fault, asked, err)
			}
		}
	}
}

// moody is a cluster that fails the first two times that it is asked for something.
type moody struct {
	*fakeCluster
	fault error
	at    string
	asked int
}

func (m *moody) fail(what string) error {
	if m.at != what {
		return nil
	}
	if m.asked++; m.asked > 2 {
		return nil
	}
	return m.fault
}

func (m *moody) Version(ctx context.Context) (string, error) {
	v, _ := m.fakeCluster.Version(ctx)
	return v, m.fail("version")
}

func (m *moody) UID(ctx context.Context) (string, error) {
	uid, _ := m.fakeCluster.UID(ctx)
	return uid, m.fail("uid")
}

func (m *moody) Discover(ctx context.Context) (cluster.Discovery, error) {
	if err := m.fail("discover"); err != nil {
		return cluster.Discovery{}, err
	}
	return m.fakeCluster.Discover(ctx)
}

func filled(perNamespace int) (*fakeCluster, []string) {
	f := newFake("a", "a-b", "c")
	var want []string
	for _, ns := range []string{"a-b", "a", "c"} { // the order of etcd's keys: - comes before /
		for i := range perNamespace {
			f.add(configMaps, ns, fmt.Sprintf("o-%03d", i), strings.Repeat("x", i))
			want = append(want, fmt.Sprintf("%s/o-%03d", ns, i))
		}
	}
	return f, want
}

func TestFaultsLeaveNoHoleAndNothingTwice(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	for round := range 25 {
		f, want := filled(20)
		expired := 0
		f.fault = func(r cluster.ListRequest, n int) error {
			if r.Resource.Name != "configmaps" {
				return nil
			}
			switch p := random.IntN(100); {
			case p < 8:
				return faults[random.IntN(len(faults))]
			case p == 9 && expired < 3 && r.Revision != "":
				expired++
				f.revision++
				return apierrors.NewResourceExpired("compacted")
			}
			return nil
		}
		b := newBench(t, f)
		done, err := b.make(t, quiesced("b", "*"))
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if done.Status.Phase == salvor.PhasePartiallyFailed {
			continue // too many faults in a row: named as such, which is not a silent hole
		}
		got := b.keys(t, "b", "configmaps")
		if d := cmp.Diff(sorted(want), sorted(got)); d != "" {
			t.Fatalf("round %d: objects (-want +got):\n%s", round, d)
		}
	}
}

func sorted(s []string) map[string]int {
	m := map[string]int{}
	for _, k := range s {
		m[k]++
	}
	return m
}

// A list that takes so long that etcd forgets one revision after the other says which objects are of which.
func TestEachRevisionOfAListIsNamed(t *testing.T) {
	f, want := filled(8) // 24 objects in pages of 7
	expire := map[string]bool{"7@100": true, "14@101": true}
	f.fault = func(r cluster.ListRequest, _ int) error {
		if r.Resource.Name != "configmaps" || !expire[r.Continue] {
			return nil
		}
		delete(expire, r.Continue)
		f.revision++
		return apierrors.NewResourceExpired("compacted")
	}
	b := newBench(t, f)
	done, err := b.make(t, quiesced("b", "*"))
	if err != nil || done.Status.Phase != salvor.PhaseCompleted || len(expire) > 0 {
		t.Fatalf("%+v, %v, not forgotten: %v", done, err, expire)
	}
	m, _, err := b.repo.Manifest(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, x := range m.Exceptions {
		got[x.After] = x.Revision
	}
	if d := cmp.Diff(map[string]string{"a-b/o-006": "101", "a/o-005": "102"}, got); d != "" || m.Revision != "100" {
		t.Errorf("revision %s, then (-want +got):\n%s", m.Revision, d)
	}
	if d := cmp.Diff(sorted(want), sorted(b.keys(t, "b", "configmaps"))); d != "" {
		t.Errorf("objects (-want +got):\n%s", d)
	}
}

func TestFaultThatStaysIsNamed(t *testing.T) {
	for name, tt := range map[string]struct {
		err    error
		reason string
	}{
		"a server that stays busy":     {apierrors.NewTooManyRequests("busy", 0), "busy"},
		"a connection that stays gone": {io.ErrUnexpectedEOF, "unexpected EOF"},
		"a token that is not renewed":  {apierrors.NewUnauthorized("token expired"), "token expired"},
		"a role that may not list": {apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "", errors.New(`User "r" cannot list resource "secrets"`)),
			`User "r" cannot list resource "secrets"`},
		"a kind that is gone": {apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, ""), "not found"},
	} {
		t.Run(name, func(t *testing.T) {
			f, want := filled(3)
			f.add(secrets, "a", "s", "")
			f.fault = func(r cluster.ListRequest, _ int) error {
				if r.Resource.Name == "secrets" {
					return tt.err
				}
				return nil
			}
			b := newBench(t, f)
			done, err := b.make(t, quiesced("b", "a", "a-b", "c"))
			if err != nil {
				t.Fatal(err)
			}
			if done.Status.Phase != salvor.PhasePartiallyFailed || len(done.Status.Failures) == 0 {
				t.Fatalf("phase %s, failures %v", done.Status.Phase, done.Status.Failures)
			}
			failure := done.Status.Failures[0]
			if failure.Kind != "secrets" || !strings.Contains(failure.Reason, tt.reason) {
				t.Errorf("failure %+v does not name secrets and %q", failure, tt.reason)
			}
			if d := cmp.Diff(sorted(want), sorted(b.keys(t, "b", "configmaps"))); d != "" {
				t.Errorf("other kinds (-want +got):\n%s", d)
			}
		})
	}
}

// A rule may take minutes: what is defined meanwhile is there at the cut, too.
func TestAKindThatIsDefinedWhileRulesRunIsTaken(t *testing.T) {
	widgets := cluster.Resource{Group: "example.org", Version: "v1", Name: "widgets", Kind: "Widget", Namespaced: true, Verbs: []string{"list", "create"}}
	f, _ := filled(1)
	b := newBench(t, f)
	b.rules.hook = func(phase string) {
		if phase == "pre-exec" {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.served = append(f.served, widgets)
			f.add(widgets, "a", "w", "")
		}
	}
	if _, err := b.make(t, quiesced("b", "a")); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"a/w"}, b.keys(t, "b", "widgets.example.org")); d != "" {
		t.Errorf("objects (-want +got):\n%s", d)
	}
}

func TestThawRunsWhateverHappens(t *testing.T) {
	tests := map[string]struct {
		arrange func(*bench, *fakeCluster)
		phase   salvor.Phase
		ran     []string
		owed    bool
	}{
		"after a cut that went well": {func(*bench, *fakeCluster) {}, salvor.PhaseCompleted, []string{"pre-exec", "post-exec"}, false},
		"after a pre-exec rule that failed": {func(b *bench, _ *fakeCluster) { b.rules.fail["pre-exec"] = errors.New("exit code 3") },
			salvor.PhaseFailed, []string{"pre-exec", "post-exec"}, false},
		"after a cut that failed": {func(b *bench, f *fakeCluster) {
			b.rules.hook = func(string) {
				f.fault = func(r cluster.ListRequest, _ int) error { return errors.New("no route to host") }
			}
		}, salvor.PhaseFailed, []string{"pre-exec", "post-exec"}, false},
		"and stays owed when it failed itself": {func(b *bench, _ *fakeCluster) { b.rules.fail["post-exec"] = errors.New("exit code 1") },
			salvor.PhaseFailed, []string{"pre-exec", "post-exec"}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f, _ := filled(2)
			b := newBench(t, f)
			tt.arrange(b, f)
			done, err := b.make(t, quiesced("b", "a"))
			if done == nil || done.Status.Phase != tt.phase || (err != nil) != (tt.phase == salvor.PhaseFailed) {
				t.Fatalf("got %+v, %v", done, err)
			}
			if d := cmp.Diff(tt.ran, b.rules.ran); d != "" {
				t.Errorf("rules that ran (-want +got):\n%s", d)
			}
			if owed := done.Status.Thaw != nil; owed != tt.owed {
				t.Errorf("thaw owed: %v", owed)
			}
		})
	}
}

func TestThawThatFailedCanBePaidLater(t *testing.T) {
	f, _ := filled(1)
	b := newBench(t, f)
	b.rules.fail["post-exec"] = errors.New("exit code 1")
	done, err := b.make(t, quiesced("b", "a"))
	if err == nil || done.Status.Thaw == nil {
		t.Fatalf("got %+v, %v", done.Status, err)
	}
	if _, err := b.PayThaw(t.Context(), done.ID()); err == nil {
		t.Error("a thaw that fails again is taken for paid")
	}
	b.rules.fail = nil
	paid, err := b.PayThaw(t.Context(), done.ID())
	if err != nil || paid.Status.Thaw != nil || paid.Status.Phase != salvor.PhaseFailed {
		t.Errorf("got %+v, %v", paid, err)
	}
	if _, err := b.PayThaw(t.Context(), done.ID()); !salvor.Is(err, salvor.Conflict) {
		t.Errorf("paying twice: %v", err)
	}
}

func TestThawIsWrittenDownBeforeTheFirstAction(t *testing.T) {
	f, _ := filled(1)
	b := newBench(t, f)
	b.rules.hook = func(phase string) {
		now, err := b.catalog.GetBackup(t.Context(), salvor.BackupID{ClusterID: "prod", Name: "b"})
		if err != nil || now.Status.Thaw == nil || now.Status.Thaw.Rule.SubRules[0].Name != "thaw" {
			t.Errorf("when %s begins, the catalog owes %+v (%v)", phase, now.Status.Thaw, err)
		}
	}
	if _, err := b.make(t, quiesced("b", "a")); err != nil {
		t.Fatal(err)
	}
}

func TestCancelThawsAndStops(t *testing.T) {
	f, _ := filled(2)
	b := newBench(t, f)
	b.OnStep = func(s backup.Step) {
		if s == backup.StepCapture {
			if _, err := backup.RequestCancel(t.Context(), b.catalog, salvor.BackupID{ClusterID: "prod", Name: "b"}); err != nil {
				t.Error(err)
			}
			f.fault = func(cluster.ListRequest, int) error { return apierrors.NewTooManyRequests("wait", 1) }
		}
	}
	done, err := b.make(t, quiesced("b", "a"))
	if !salvor.Is(err, salvor.Canceled) || done.Status.Phase != salvor.PhaseCanceled || done.Status.Thaw != nil {
		t.Fatalf("got %+v, %v", done.Status, err)
	}
	if _, _, err := b.repo.Manifest(t.Context(), "b"); !salvor.Is(err, salvor.NotFound) {
		t.Errorf("a canceled backup has a manifest: %v", err)
	}
}

func TestTimeoutFails(t *testing.T) {
	f, _ := filled(2)
	f.fault = func(r cluster.ListRequest, _ int) error {
		if r.Resource.Name == "configmaps" {
			return apierrors.NewTooManyRequests("wait", 1)
		}
		return nil
	}
	b := newBench(t, f)
	want := quiesced("b", "a")
	want.Spec.Timeout = metav1.Duration{Duration: 50 * time.Millisecond}
	done, err := b.make(t, want)
	if !salvor.Is(err, salvor.DeadlineExceeded) || done.Status.Phase != salvor.PhaseFailed {
		t.Fatalf("got %+v, %v", done, err)
	}
}

func TestSameNameTwiceDoesItOnce(t *testing.T) {
	f, _ := filled(2)
	b := newBench(t, f)
	first, err := b.make(t, quiesced("b", "a"))
	if err != nil {
		t.Fatal(err)
	}
	again, created, err := b.Begin(t.Context(), quiesced("b", "a"))
	if err != nil || created || again.Status.RootDigest != first.Status.RootDigest {
		t.Fatalf("second begin: created %v, %+v, %v", created, again, err)
	}
	if _, err := b.Run(t.Context(), again.ID()); !salvor.Is(err, salvor.Conflict) {
		t.Errorf("running a backup that is done: %v", err)
	}
}

func TestWorkerThatLostItsLeaseWritesNothing(t *testing.T) {
	f, _ := filled(2)
	b := newBench(t, f)
	taken := false
	b.OnStep = func(s backup.Step) {
		if s != backup.StepManifest && s != backup.StepCheck || taken {
			return
		}
		taken = true
		_, err := catalog.MutateBackup(t.Context(), b.catalog, salvor.BackupID{ClusterID: "prod", Name: "b"}, func(b *salvor.Backup) error {
			b.Status.Lease = salvor.Lease{Holder: "other", Epoch: b.Status.Lease.Epoch + 1, Expires: metav1.NewTime(time.Now().Add(time.Minute))}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	if _, err := b.make(t, quiesced("b", "a")); !salvor.Is(err, salvor.Fenced) {
		t.Fatalf("got %v, want Fenced", err)
	}
	now, err := b.catalog.GetBackup(t.Context(), salvor.BackupID{ClusterID: "prod", Name: "b"})
	if err != nil || now.Status.Phase.Done() || now.Status.Lease.Holder != "other" {
		t.Errorf("the catalog has %+v, %v", now.Status, err)
	}
	if _, _, err := b.repo.Manifest(t.Context(), "b"); !salvor.Is(err, salvor.NotFound) {
		t.Errorf("a fenced worker stored the manifest: %v", err)
	}
}

func TestLeaseThatIsHeldIsRespected(t *testing.T) {
	f, _ := filled(1)
	b := newBench(t, f)
	begun, _, err := b.Begin(t.Context(), quiesced("b", "a"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = catalog.MutateBackup(t.Context(), b.catalog, begun.ID(), func(b *salvor.Backup) error {
		b.Status.Lease = salvor.Lease{Holder: "other", Epoch: 1, Expires: metav1.NewTime(time.Now().Add(time.Minute))}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Run(t.Context(), begun.ID()); !salvor.Is(err, salvor.Conflict) || !strings.Contains(err.Error(), "other") {
		t.Errorf("got %v, want a conflict that names the holder", err)
	}
}

func TestBackupOfAnotherCatalogIsLeftAlone(t *testing.T) {
	f, _ := filled(1)
	b := newBench(t, f)
	if err := b.repo.Claim(t.Context(), "another"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.make(t, quiesced("b", "a")); !salvor.Is(err, salvor.Conflict) {
		t.Fatalf("got %v, want a conflict", err)
	}
	if len(b.rules.ran) > 0 {
		t.Errorf("rules ran: %v", b.rules.ran)
	}
}

func TestWarningsOfRulesAreShown(t *testing.T) {
	f, _ := filled(1)
	b := newBench(t, f)
	b.rules.warn = []string{"no running pod is chosen"}
	done, err := b.make(t, quiesced("b", "a"))
	if err != nil || len(done.Status.Warnings) != 2 || done.Status.Warnings[0] != "pre-exec rule: no running pod is chosen" {
		t.Errorf("got %q, %v", done.Status.Warnings, err)
	}
}

// Such a backup must not pass for the newest good one of the namespace.
func TestANamespaceThatIsBeingDeletedIsNoGoodBackup(t *testing.T) {
	f, _ := filled(1)
	f.objects[namespaces.String()] = append(f.objects[namespaces.String()], cluster.Item{Name: "z",
		Raw: []byte(`{"metadata":{"name":"z","deletionTimestamp":"2026-11-20T10:00:00Z"}}`)})
	b := newBench(t, f)
	done, err := b.make(t, quiesced("by-glob", "*"))
	if err != nil || done.Status.Phase != salvor.PhaseCompleted || slices.Contains(done.Status.Namespaces, "z") ||
		len(done.Status.Warnings) != 1 || !strings.HasPrefix(done.Status.Warnings[0], `namespace "z" is left out: it was being deleted`) {
		t.Errorf("by a glob: %v %q %q, %v", done.Status.Phase, done.Status.Namespaces, done.Status.Warnings, err)
	}
	done, err = b.make(t, quiesced("by-name", "a", "z"))
	if err != nil || done.Status.Phase != salvor.PhasePartiallyFailed || !slices.Contains(done.Status.Namespaces, "z") ||
		!strings.Contains(fmt.Sprint(done.Status.Failures), `namespace "z" was being deleted`) {
		t.Errorf("by name: %v %q %v, %v", done.Status.Phase, done.Status.Namespaces, done.Status.Failures, err)
	}
}

func TestNothingChosenIsSaid(t *testing.T) {
	f, _ := filled(1)
	done, err := newBench(t, f).make(t, quiesced("b", "zzz-*"))
	if err != nil || done.Status.Phase != salvor.PhaseCompleted || len(done.Status.Warnings) == 0 {
		t.Errorf("got %+v, %v", done, err)
	}
}

func TestNamesThatDoNotExistAreRefused(t *testing.T) {
	f, _ := filled(1)
	b := newBench(t, f)
	for field, change := range map[string]func(*salvor.Backup){
		"spec.cluster":      func(b *salvor.Backup) { b.Spec.Cluster = "none" },
		"spec.location":     func(b *salvor.Backup) { b.Spec.Location = "none" },
		"spec.preExecRule":  func(b *salvor.Backup) { b.Spec.PreExecRule = "none" },
		"spec.postExecRule": func(b *salvor.Backup) { b.Spec.PostExecRule = "none" },
	} {
		want := quiesced("b", "a")
		change(want)
		if _, _, err := b.Begin(t.Context(), want); !salvor.Is(err, salvor.NotFound) || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: got %v", field, err)
		}
	}
}

// Without the right to list anything there is no backup, and the error says how the right is granted.
func TestNoRightAtAllSaysWhatToApply(t *testing.T) {
	for _, ns := range []string{"*", "a"} {
		f, _ := filled(1)
		f.fault = func(r cluster.ListRequest, _ int) error {
			return apierrors.NewForbidden(schema.GroupResource{Resource: r.Resource.Name}, "", errors.New(`User "r" cannot list`))
		}
		b := newBench(t, f)
		done, err := b.make(t, quiesced("b", ns))
		if !salvor.Is(err, salvor.Forbidden) || !strings.Contains(err.Error(), "rbac.yaml") || done.Status.Phase != salvor.PhaseFailed {
			t.Errorf("of %s: %v", ns, err)
		}
	}
}
