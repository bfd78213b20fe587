package backup_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/volume"
)

var claims = cluster.Resource{Version: "v1", Name: "persistentvolumeclaims", Kind: "PersistentVolumeClaim", Namespaced: true, Verbs: []string{"list", "create"}}

// fakeVolumes cuts as it is told and notes what is asked of it.
type fakeVolumes struct {
	mu    sync.Mutex
	rules *fakeRules
	// state of each volume after its cut.
	state archive.VolumeState
	// planned, if set, is called at the end of each plan; cutting at each cut, whose error is its error.
	planned func()
	cutting func(ctx context.Context) error
	cuts    []volume.CutRequest
	// released is of how many volumes the objects were removed.
	released int
	// log is what was done, in order; with the rules that ran before.
	log []string
}

func (v *fakeVolumes) Plan(_ context.Context, of []volume.Claim, spec *salvor.BackupVolumes) ([]archive.Volume, error) {
	var all []archive.Volume
	for i := range of {
		p := volume.Unkept(&of[i], "")
		p.State, p.Snapshot = "", &archive.Snapshot{}
		if spec != nil {
			p.State, p.Snapshot = archive.VolumeSkipped, nil
		}
		all = append(all, p)
	}
	if v.planned != nil {
		v.planned()
	}
	return all, nil
}

func (v *fakeVolumes) Groups(context.Context, []archive.Volume) ([]volume.Group, error) {
	return nil, nil
}

func (v *fakeVolumes) Cut(ctx context.Context, q volume.CutRequest) ([]archive.Volume, volume.Timing, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.cuts = append(v.cuts, q)
	v.log = append(v.log, fmt.Sprintf("cut after %s", strings.Join(v.rules.ran, ",")))
	if v.cutting != nil {
		if err := v.cutting(ctx); err != nil {
			return nil, volume.Timing{}, err
		}
	}
	done := slices.Clone(q.Volumes)
	for i := range done {
		s := *done[i].Snapshot
		s.GroupHandle = fmt.Sprintf("group-%d", q.Epoch)
		s.Handle, s.Inside = fmt.Sprintf("snap-%s-%d", done[i].Claim, q.Epoch), q.Inside(done[i].Namespace)
		done[i].State, done[i].Snapshot = v.state, &s
		if v.state == archive.VolumeFailed {
			done[i].Reason, done[i].Snapshot = "the driver says no", nil
		}
	}
	return done, volume.Timing{Volumes: len(done)}, nil
}

func (v *fakeVolumes) Discard(_ context.Context, _ salvor.BackupID, epoch int64, keep []archive.Volume) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	var kept []string
	for _, k := range keep {
		if k.Snapshot != nil {
			kept = append(kept, k.Snapshot.Handle)
		}
	}
	v.log = append(v.log, fmt.Sprintf("discard up to %d but %s", epoch, strings.Join(kept, ",")))
	return nil
}

func (v *fakeVolumes) Remove(context.Context, salvor.BackupID, []archive.Volume) error { return nil }

func (v *fakeVolumes) Release(_ context.Context, _ salvor.BackupID, of []archive.Volume) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.released += len(of)
	return nil
}

// claim adds one to the cluster.
func (f *fakeCluster) claim(ns, name, uid string) {
	raw := fmt.Sprintf(`{"metadata":{"name":%q,"namespace":%q,"uid":%q},"status":{"capacity":{"storage":"1Gi"}}}`, name, ns, uid)
	f.objects["persistentvolumeclaims"] = append(f.objects["persistentvolumeclaims"], cluster.Item{Namespace: ns, Name: name, Raw: []byte(raw)})
}

// withVolumes is a bench over a cluster whose namespace a has the claims one and two.
func withVolumes(t *testing.T) (*bench, *fakeCluster, *fakeVolumes) {
	f, _ := filled(3)
	f.served = append(f.served, claims)
	f.claim("a", "one", "1")
	f.claim("a", "two", "2")
	b := newBench(t, f)
	v := &fakeVolumes{rules: b.rules, state: archive.VolumeReady}
	b.Open = func(_ context.Context, of *salvor.Backup) (*backup.Site, error) {
		return &backup.Site{Cluster: f, Rules: rulesOf{b.rules, of.Name}, Volumes: v}, nil
	}
	return b, f, v
}

// states are those of the manifest's volumes.
func (b *bench) states(t *testing.T, name string) (*archive.Manifest, []string) {
	t.Helper()
	m, _, err := b.repo.Manifest(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	var states []string
	for _, v := range m.Volumes {
		handle := "-"
		if v.Snapshot != nil {
			handle = v.Snapshot.Handle
		}
		states = append(states, fmt.Sprintf("%s/%s %s %s", v.Namespace, v.Claim, v.State, handle))
	}
	return m, states
}

func TestVolumesAreCutWhileTheApplicationIsHeld(t *testing.T) {
	for _, tt := range []struct {
		name   string
		want   *salvor.Backup
		cut    string
		worth  salvor.DataConsistency
		timely bool
		failed []string
	}{
		{"with rules", quiesced("b", "a", "c"), "cut after pre-exec", salvor.ApplicationConsistent, true, nil},
		{"each namespace", each("b", "a"), "cut after pre-exec", salvor.ApplicationConsistent, true, nil},
		{"without", bare("b", "a"), "cut after ", salvor.CrashConsistent, false, nil},
		{"an action failed, and is passed over", quiesced("b", "a"), "cut after pre-exec", salvor.CrashConsistent, true, []string{"a"}},
		{"an action failed elsewhere", quiesced("b", "a", "c"), "cut after pre-exec", salvor.ApplicationConsistent, true, []string{"c"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, _, v := withVolumes(t)
			b.rules.failed = tt.failed
			done, err := b.make(t, tt.want)
			if err != nil || done.Status.Phase != salvor.PhaseCompleted {
				t.Fatalf("got %+v, %v", done, err)
			}
			m, states := b.states(t, "b")
			if d := cmp.Diff([]string{"a/one Ready snap-one-1", "a/two Ready snap-two-1"}, states); d != "" {
				t.Error(d)
			}
			if len(v.cuts) != 1 || v.log[0] != tt.cut || v.cuts[0].Until.IsZero() == tt.timely {
				t.Errorf("%q, until %s", v.log, v.cuts[0].Until)
			}
			if m.DataConsistency != tt.worth || done.Status.DataConsistency != tt.worth || done.Status.Volumes.Ready != 2 {
				t.Errorf("the manifest says %s, the status %+v", m.DataConsistency, done.Status.Volumes)
			}
		})
	}
}

// bare is a backup without rules.
func bare(name string, ns ...string) *salvor.Backup {
	b := quiesced(name, ns...)
	b.Spec.PreExecRule, b.Spec.PostExecRule = "", ""
	return b
}

// There is time left for the thaw when a cut is given up.
func TestACutLeavesTimeForTheThaw(t *testing.T) {
	for most, margin := range map[time.Duration]time.Duration{10 * time.Second: 2 * time.Second, 5 * time.Minute: 15 * time.Second} {
		b, _, v := withVolumes(t)
		want := quiesced("b", "a")
		want.Spec.MaxFreeze.Duration = most
		done, err := b.make(t, want)
		if err != nil {
			t.Fatal(err)
		}
		if got := v.cuts[0].Until.Sub(done.Status.Freezes[0].Began.Time).Round(100 * time.Millisecond); got != most-margin {
			t.Errorf("of %s a cut may use %s", most, got)
		}
	}
}

func TestVolumesThatAreNotReadySettle(t *testing.T) {
	b, _, v := withVolumes(t)
	v.state = archive.VolumeCut
	done, err := b.make(t, quiesced("b", "a"))
	if err != nil || done.Status.Phase != salvor.PhaseSettling || !done.Status.CompletedAt.IsZero() || done.Status.Volumes.Cut != 2 {
		t.Fatalf("got %+v, %v", done, err)
	}
	if by := done.Status.SettleBy.Sub(done.Status.CutAt.Time); by < salvor.DefaultSettleTimeout-time.Second || by > salvor.DefaultSettleTimeout {
		t.Errorf("it settles %s after the cut at the latest", by)
	}
	if _, err := b.Run(t.Context(), done.ID()); !salvor.Is(err, salvor.Conflict) {
		t.Errorf("run again: %v", err)
	}
}

func TestAVolumeWithoutSnapshotIsNamed(t *testing.T) {
	b, _, v := withVolumes(t)
	v.state = archive.VolumeFailed
	done, err := b.make(t, quiesced("b", "a"))
	if err != nil || done.Status.Phase != salvor.PhasePartiallyFailed || len(done.Status.Failures) != 2 ||
		!strings.Contains(done.Status.Failures[0].Reason, `"one" is not in the backup: the driver says no`) || done.Status.DataConsistency != salvor.ObjectsOnly {
		t.Errorf("got %+v, %v", done.Status, err)
	}
	if b.rules.count("post-exec") != 1 {
		t.Errorf("the application was let go on %d times", b.rules.count("post-exec"))
	}
}

func TestWhatAPolicySkipsIsNoFailure(t *testing.T) {
	b, _, v := withVolumes(t)
	want := quiesced("b", "a")
	want.Spec.Volumes = &salvor.BackupVolumes{}
	done, err := b.make(t, want)
	if err != nil || done.Status.Phase != salvor.PhaseCompleted || done.Status.Volumes.Skipped != 2 || len(v.log) > 0 {
		t.Errorf("got %+v, %v; %q", done, err, v.log)
	}
}

// The claims that were captured and those that were cut need not be the same: what is missing is named, what is too much removed.
func TestClaimsThatComeAndGoBeforeTheCut(t *testing.T) {
	b, f, v := withVolumes(t)
	v.planned = func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.objects["persistentvolumeclaims"] = nil
		f.claim("a", "new", "3")
		f.claim("a", "two", "2 made anew")
	}
	done, err := b.make(t, quiesced("b", "a"))
	if err != nil || done.Status.Phase != salvor.PhasePartiallyFailed || len(done.Status.Failures) != 2 {
		t.Fatalf("got %+v, %v", done, err)
	}
	_, states := b.states(t, "b")
	if d := cmp.Diff([]string{"a/new Failed -", "a/two Failed -"}, states); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"cut after pre-exec", "discard up to 1 but "}, v.log); d != "" {
		t.Error(d)
	}
}

// What a run cut that came to nothing is removed, with what those before it left.
func TestARunThatFailsKeepsNoSnapshots(t *testing.T) {
	b, _, v := withVolumes(t)
	b.rules.lost = errors.New("the lock is gone")
	done, err := b.make(t, quiesced("b", "a"))
	if err == nil || done.Status.Phase != salvor.PhaseFailed {
		t.Fatalf("got %+v, %v", done, err)
	}
	if d := cmp.Diff([]string{"cut after pre-exec", "discard up to 1 but "}, v.log); d != "" {
		t.Error(d)
	}
}

// A process that has to end while it cuts leaves what it cut to the next one, which removes that and cuts anew.
func TestTheNextWorkerCutsAnew(t *testing.T) {
	b, _, v := withVolumes(t)
	begun, _, err := b.Begin(t.Context(), bare("b", "a"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.runUntil(t, begun.ID(), func(end func()) {
		v.cutting = func(ctx context.Context) error { end(); return context.Cause(ctx) }
	})
	if !salvor.Is(err, salvor.Suspended) {
		t.Fatalf("got %v", err)
	}
	v.cutting, v.log = nil, nil
	if done, err := b.Run(t.Context(), begun.ID()); err != nil || done.Status.Phase != salvor.PhaseCompleted {
		t.Fatalf("got %+v, %v", done, err)
	}
	if d := cmp.Diff([]string{"discard up to 1 but ", "cut after ", "discard up to 2 but snap-one-2,snap-two-2"}, v.log); d != "" {
		t.Error(d)
	}
}

// A worker that goes on from a checkpoint keeps what was cut.
func TestACheckpointKeepsTheSnapshots(t *testing.T) {
	b, f, v := withVolumes(t)
	begun, _, err := b.Begin(t.Context(), quiesced("b", "*"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.runUntil(t, begun.ID(), func(end func()) { suspendAfterNamespaced(f, end) }); !salvor.Is(err, salvor.Suspended) {
		t.Fatalf("got %v", err)
	}
	f.fault, v.log = nil, nil
	if done, err := b.Run(t.Context(), begun.ID()); err != nil || done.Status.Phase != salvor.PhaseCompleted || done.Status.DataConsistency != salvor.ApplicationConsistent {
		t.Fatalf("got %+v, %v", done, err)
	}
	_, states := b.states(t, "b")
	if d := cmp.Diff([]string{"a/one Ready snap-one-1", "a/two Ready snap-two-1"}, states); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"discard up to 2 but snap-one-1,snap-two-1"}, v.log); d != "" {
		t.Error(d)
	}
}

func TestAPreviewShowsVolumesAndCutsNone(t *testing.T) {
	b, _, v := withVolumes(t)
	p, err := b.Preview(t.Context(), quiesced("b", "a"))
	if err != nil || len(p.Volumes) != 2 || len(v.log) > 0 {
		t.Errorf("got %+v, %v; %q", p, err, v.log)
	}
}
