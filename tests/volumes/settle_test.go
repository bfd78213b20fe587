package volumes_test

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/tests/testenv"
)

// settling makes a backup whose snapshots are pending, and does not wait for them.
func (a *application) settling(t *testing.T, name string) {
	t.Helper()
	out := a.salvor(t, "backup", "create", name, "-n", a.namespace, "--no-wait")
	if b := a.backup(t, name); b.Status.Phase != salvor.PhaseSettling {
		t.Fatalf("backup %s is %s: %s\n%s", name, b.Status.Phase, b.Status.Message, out)
	}
}

func TestServeLooksAfterSnapshots(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.application(t, volumeOf{"a", w.snapshotClass(t, map[string]string{testenv.FaultPending: "4s"})})
	a.settling(t, "b")
	w.serve(t)
	eventually(t, time.Minute, "the backup is done", func() bool { return a.backup(t, "b").Status.Phase.Done() })
	a.expect(t, a.backup(t, "b"), salvor.PhaseCompleted, archive.VolumeReady, "")
}

// Whoever interrupts a command that waits for snapshots has the backup Settling, and another command goes on.
func TestAnInterruptedWaitForSnapshots(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.application(t, volumeOf{"a", w.snapshotClass(t, map[string]string{testenv.FaultPending: "6s"})})
	cmd := a.command(t, append([]string{"backup", "create", "b", "-n", a.namespace}, holding...)...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, "its snapshots are pending", func() bool {
		out, err := w.try(t, "get", "backup", "b", "-o", "json")
		return err == nil && strings.Contains(out, `"phase": "Settling"`)
	})
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil || !strings.Contains(said.String(), "still Settling") {
		t.Errorf("interrupted it ends with %v, and says\n%s", err, said.String())
	}
	b := a.backup(t, "b")
	if b.Status.Phase != salvor.PhaseSettling {
		t.Errorf("interrupted, the backup is %s: %s", b.Status.Phase, b.Status.Message)
	}
	a.thawed(t, b, long)
	a.salvor(t, "backup", "resume", "b")
	a.expect(t, a.backup(t, "b"), salvor.PhaseCompleted, archive.VolumeReady, "")
}

// A backup that is canceled while its snapshots are pending keeps them, outside of the cluster, until it is deleted; and
// also then, if that is wanted.
func TestSnapshotsOfABackupThatIsCanceledWhileItSettles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.application(t, volumeOf{"a", w.snapshotClass(t, map[string]string{testenv.FaultPending: "10m"})})
	for _, name := range []string{"gone", "kept"} {
		a.settling(t, name)
		if said := a.salvor(t, "cancel", "backup", name); !strings.Contains(said, "canceled") {
			t.Errorf("it says %s", said)
		}
	}
	b := a.backup(t, "gone")
	_, state := a.stored(t, "gone")
	if v := state.Volumes[0]; b.Status.Phase != salvor.PhaseCanceled || state.Phase != salvor.PhaseCanceled || v.State != archive.VolumeFailed || !strings.Contains(v.Reason, "canceled") {
		t.Errorf("it is %s, stored as %s, with %+v", b.Status.Phase, state.Phase, v)
	}
	a.nothingLeft(t, a.namespace)
	gone, stays := a.handles(t, "gone"), a.handles(t, "kept")
	if got := a.kept(t); len(got) != 2 || !slices.Contains(got, gone[0]) || !slices.Contains(got, stays[0]) {
		t.Errorf("the driver has %q, the backups %q and %q", got, gone, stays)
	}
	a.salvor(t, "delete", "backup", "gone", "--yes")
	if said := a.salvor(t, "delete", "backup", "kept", "--keep-snapshots", "--yes"); !strings.Contains(said, stays[0]) {
		t.Errorf("it does not list %s:\n%s", stays[0], said)
	}
	if got := a.kept(t); !slices.Equal(got, stays) {
		t.Errorf("the driver has %q, want %q", got, stays)
	}
	if _, err := w.try(t, "get", "backup", "kept"); err == nil {
		t.Error("the backup is still there")
	}
	a.nothingLeft(t, a.namespace)
	if found := a.orphans(t); len(found) > 0 {
		t.Errorf("orphans are %+v", found)
	}
}
