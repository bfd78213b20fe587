package volumes_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/tests/testenv"
)

// long is longer than any application may be held while a snapshot becomes ready.
const long = 10 * time.Second

// expect fails unless the backup ended so, and nothing is left in the cluster, and the driver keeps exactly the snapshots
// that the backup names.
func (a *application) expect(t *testing.T, b *salvor.Backup, phase salvor.Phase, state archive.VolumeState, reason string) archive.Volume {
	t.Helper()
	if b.Status.Phase != phase {
		t.Errorf("the backup is %s: %s", b.Status.Phase, b.Status.Message)
	}
	_, s := a.stored(t, b.Name)
	if s.Phase != phase || len(s.Volumes) != len(a.volumes) {
		t.Fatalf("what is stored says %s, with volumes %+v", s.Phase, s.Volumes)
	}
	v := s.Volumes[0]
	if v.State != state || !strings.Contains(v.Reason, reason) {
		t.Errorf("volume %s is %s: %s", v.Claim, v.State, v.Reason)
	}
	if state == archive.VolumeFailed && !slices.ContainsFunc(b.Status.Failures, func(f salvor.Failure) bool { return strings.Contains(f.Reason, reason) }) {
		t.Errorf("the backup does not say why: %+v", b.Status.Failures)
	}
	if said := a.salvor(t, "volumes", b.Name); !strings.Contains(said, v.Claim) || !strings.Contains(said, string(state)) {
		t.Errorf("salvor volumes says\n%s", said)
	}
	a.nothingLeft(t, a.namespace)
	var kept []string
	named := a.handles(t, b.Name)
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if kept = a.kept(t); slices.Equal(kept, named) {
			return v
		}
	}
	t.Errorf("the driver keeps %q, the backup has %q", kept, named)
	return v
}

func TestASlowSnapshotDoesNotHoldTheApplication(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.application(t, volumeOf{"a", w.snapshotClass(t, map[string]string{testenv.FaultPending: long.String()})})
	b := a.backUp(t, "b", holding...)
	a.thawed(t, b, long)
	v := a.expect(t, b, salvor.PhaseCompleted, archive.VolumeReady, "")
	if took := b.Status.CompletedAt.Sub(v.Snapshot.CutAt.Time); took < long-time.Second { // times are of a second
		t.Errorf("the backup was done %s after the cut, before its snapshot can have been ready", took)
	}
}

func TestASnapshotThatFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.application(t, volumeOf{"a", w.snapshotClass(t, map[string]string{testenv.FaultError: "SnapshotLimitExceeded: no more than 3"})})
	b := a.backUp(t, "b", append(holding, "--max-freeze", "8s")...)
	a.thawed(t, b, long)
	a.expect(t, b, salvor.PhasePartiallyFailed, archive.VolumeFailed, "SnapshotLimitExceeded: no more than 3")
}

// An error of a code that says that it may still be in progress: the sidecar keeps the content until it knows.
func TestASnapshotOfWhichNobodyKnows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.application(t, volumeOf{"a", w.snapshotClass(t, map[string]string{
		testenv.FaultError: "RequestLimitExceeded", testenv.FaultCode: "RESOURCE_EXHAUSTED", testenv.FaultErrors: "8"})})
	b := a.backUp(t, "b", append(holding, "--max-freeze", "4s")...)
	a.thawed(t, b, long)
	if b.Status.Phase == salvor.PhaseCompleted { // the machine was slow, and the driver done with its errors in time
		a.expect(t, b, salvor.PhaseCompleted, archive.VolumeReady, "")
		return
	}
	a.expect(t, b, salvor.PhasePartiallyFailed, archive.VolumeFailed, "RequestLimitExceeded")
}

func TestADriverThatErrsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.application(t, volumeOf{"a", w.snapshotClass(t, map[string]string{testenv.FaultError: "InternalError: try again", testenv.FaultErrors: "1"})})
	b := a.backUp(t, "b", holding...)
	a.thawed(t, b, long)
	a.expect(t, b, salvor.PhaseCompleted, archive.VolumeReady, "")
}

func TestASnapshotThatBreaksAfterItsCut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.application(t, volumeOf{"a", w.snapshotClass(t, map[string]string{testenv.FaultPending: "2s", testenv.FaultBroken: "Client.InvalidKMSKey.InvalidState"})})
	b := a.backUpBy(t, "b", 8*time.Second)
	a.thawed(t, b, long)
	a.expect(t, b, salvor.PhasePartiallyFailed, archive.VolumeFailed, "Client.InvalidKMSKey.InvalidState")
}

// Somebody deletes the snapshot while it is pending. Asked again for one of that name, the driver cuts another one, of a
// later moment and with another handle, and the content that has the first one's handle is said to be ready: the backup
// must not believe it.
func TestASnapshotThatIsDeletedBehindOurBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.application(t, volumeOf{"a", w.snapshotClass(t, map[string]string{testenv.FaultPending: "4s"})})
	lost := make(chan []string)
	go func() {
		eventually(t, time.Minute, "the application is thawed, and its snapshot is pending", func() bool {
			out, err := w.try(t, "get", "backup", "b", "-o", "json")
			return err == nil && strings.Contains(out, `"phase": "Settling"`)
		})
		handles := a.kept(t)
		for _, handle := range handles {
			a.LoseSnapshot(t, handle)
		}
		lost <- handles
	}()
	b := a.backUpBy(t, "b", 12*time.Second)
	handles := <-lost
	if len(handles) != 1 || !slices.Equal(a.handles(t, "b"), handles) {
		t.Fatalf("lost were %q, the backup has %q", handles, a.handles(t, "b"))
	}
	a.thawed(t, b, long)
	if _, s := a.stored(t, "b"); b.Status.Phase != salvor.PhasePartiallyFailed || s.Volumes[0].State != archive.VolumeFailed || !strings.Contains(s.Volumes[0].Reason, handles[0]) {
		t.Errorf("the backup is %s: %s; volume %+v", b.Status.Phase, b.Status.Message, s.Volumes[0])
	}
	w.nothingLeft(t, a.namespace)
}

// Two catalogs call the cluster and their backups alike, and each has snapshots of its own.
func TestTwoCatalogsBackUpAlike(t *testing.T) {
	t.Parallel()
	one, other := newWorld(t), newWorld(t)
	a := one.application(t, volumeOf{"a", one.snapshotClass(t, map[string]string{testenv.FaultPending: "5s"})})
	same := &application{world: other, namespace: a.namespace, volumes: a.volumes}
	one.salvor(t, "backup", "create", "b", "-n", a.namespace, "--no-wait")
	b := same.backUp(t, "b")
	if b.Status.Phase != salvor.PhaseCompleted {
		t.Errorf("the other is %s: %s", b.Status.Phase, b.Status.Message)
	}
	one.salvor(t, "backup", "resume", "b")
	mine, others := a.handles(t, "b"), same.handles(t, "b")
	if len(mine) != 1 || len(others) != 1 || mine[0] == others[0] {
		t.Errorf("one has %q, the other %q", mine, others)
	}
	one.nothingLeft(t, a.namespace)
}

// A program that the cut needs is down, and comes back when the backup is over. Nothing that it does then is left. Tests
// of other applications must not run meanwhile.
func TestAControllerIsDownDuringTheCut(t *testing.T) {
	for name, in := range map[string]func(*testing.T) *application{
		"single": func(t *testing.T) *application { return newWorld(t).application(t, volumeOf{name: "a"}) },
		"group": func(t *testing.T) *application {
			return newGroupWorld(t).application(t, volumeOf{name: "a"}, volumeOf{name: "b"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			isDownDuringTheCut(t, in(t))
		})
	}
}

func isDownDuringTheCut(t *testing.T, a *application) {
	for _, program := range []string{"snapshot-controller", "csi-snapshotter", "csidriver"} {
		resume := a.Suspend(t, program)
		b := a.backUp(t, program, append(holding, "--max-freeze", "4s")...)
		if program != "csidriver" { // without it nothing of volumes can be removed
			a.thawed(t, b, long)
		}
		resume()
		a.thawed(t, b, long)
		a.expect(t, b, salvor.PhasePartiallyFailed, archive.VolumeFailed, "")
	}
}
