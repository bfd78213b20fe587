package volumes_test

import (
	"testing"
	"time"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/tests/testenv"
)

// group is an application of two volumes that are cut as one group, in which goes wrong what the parameters say.
func (w *world) group(t *testing.T, parameters map[string]string) *application {
	t.Helper()
	a := w.application(t, volumeOf{name: "a"}, volumeOf{name: "b"})
	a.groupClass = w.classOf(t, groupClassKind, parameters)
	return a
}

// A group that is slow, or fails, is as a snapshot that is: the application goes on in time, the backup says what happened,
// and neither the cluster nor the driver keeps anything that no backup has.
func TestGroupsThatGoWrong(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		parameters map[string]string
		maxFreeze  time.Duration
		phase      salvor.Phase
		reason     string
	}{
		"ready after a while": {map[string]string{testenv.FaultPending: long.String()}, time.Minute, salvor.PhaseCompleted, ""},
		"fails": {map[string]string{testenv.FaultError: "SnapshotLimitExceeded: no more than 3"}, 8 * time.Second,
			salvor.PhasePartiallyFailed, "SnapshotLimitExceeded: no more than 3"},
		"errs once": {map[string]string{testenv.FaultError: "InternalError: try again", testenv.FaultErrors: "1"}, time.Minute, salvor.PhaseCompleted, ""},
		"may be in progress": {map[string]string{testenv.FaultError: "RequestLimitExceeded", testenv.FaultCode: "RESOURCE_EXHAUSTED", testenv.FaultErrors: "20"}, 6 * time.Second,
			salvor.PhasePartiallyFailed, "RequestLimitExceeded"},
		"cut when it was given up": {map[string]string{testenv.FaultDelay: "9s"}, 6 * time.Second, salvor.PhasePartiallyFailed, "not cut in time"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newGroupWorld(t).group(t, tt.parameters)
			a.works(t, "b", kill{}, tt.maxFreeze)
			b := a.over(t, "b", "", nil)
			a.thawed(t, b, long)
			state := archive.VolumeReady
			if tt.phase != salvor.PhaseCompleted {
				state = archive.VolumeFailed
			}
			v := a.expect(t, b, tt.phase, state, tt.reason)
			if state == archive.VolumeReady && v.Snapshot.GroupHandle == "" {
				t.Errorf("it was not cut in a group: %+v", v.Snapshot)
			}
		})
	}
}

// Whenever the process of a backup dies while its volumes are cut as a group, or released, nothing is left that no backup has.
func TestKilledWhileItCutsAGroup(t *testing.T) {
	t.Parallel()
	takeTurns(t, 3) // for several backups at once
	w := newGroupWorld(t)
	var lanes []*application
	for range 2 {
		lanes = append(lanes, w.group(t, map[string]string{testenv.FaultDelay: "300ms", testenv.FaultPending: "1s"}))
	}
	kills := []kill{{at: backup.StepPostExec}, {at: backup.StepRelease}, {at: backup.StepRecord}}
	for after := 50 * time.Millisecond; after < 900*time.Millisecond; after += 200 * time.Millisecond {
		kills = append(kills, kill{backup.StepCut, after})
	}
	w.survive(t, lanes, kills)
}
