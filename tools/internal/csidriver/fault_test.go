package csidriver_test

import (
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"salvor.io/salvor/tools/internal/csidriver"
)

// volume makes a volume and returns its id.
func (f *fixture) volume(t *testing.T, name string) string {
	t.Helper()
	v, err := csi.NewControllerClient(f.conn).CreateVolume(t.Context(), &csi.CreateVolumeRequest{Name: name, VolumeCapabilities: mount})
	if err != nil {
		t.Fatal(err)
	}
	return v.Volume.VolumeId
}

// cut asks for a snapshot of a class with these parameters.
func (f *fixture) cut(t *testing.T, name, volume string, parameters map[string]string) (*csi.Snapshot, error) {
	r, err := csi.NewControllerClient(f.conn).CreateSnapshot(t.Context(), &csi.CreateSnapshotRequest{Name: name, SourceVolumeId: volume, Parameters: parameters})
	return r.GetSnapshot(), err
}

func TestASnapshotErrsAsOftenAsItIsTold(t *testing.T) {
	f := newFixture(t)
	v := f.volume(t, "pvc")
	twice := map[string]string{csidriver.ParamError: "no room", csidriver.ParamErrors: "2", csidriver.ParamCode: "RESOURCE_EXHAUSTED"}
	for range 2 {
		if _, err := f.cut(t, "twice", v, twice); status.Code(err) != codes.ResourceExhausted || status.Convert(err).Message() != "no room" {
			t.Errorf("got %v", err)
		}
	}
	if _, err := f.cut(t, "twice", v, twice); err != nil {
		t.Errorf("the third time: %v", err)
	}
	for range 3 {
		if _, err := f.cut(t, "always", v, map[string]string{csidriver.ParamError: "never"}); status.Code(err) != codes.Internal {
			t.Errorf("got %v, want Internal", err)
		}
	}
}

func TestASlowCutIsAsSlowAsItIsTold(t *testing.T) {
	f := newFixture(t)
	v := f.volume(t, "pvc")
	began := time.Now()
	if _, err := f.cut(t, "slow", v, map[string]string{csidriver.ParamDelay: "200ms"}); err != nil || time.Since(began) < 200*time.Millisecond {
		t.Errorf("cut after %s: %v", time.Since(began), err)
	}
}

func TestABrokenSnapshotIsPendingAndThenNeverUsable(t *testing.T) {
	f := newFixture(t)
	v := f.volume(t, "pvc")
	broken := map[string]string{csidriver.ParamBroken: "the key is disabled", csidriver.ParamPending: "5s"}
	snap, err := f.cut(t, "s", v, broken)
	if err != nil || snap.ReadyToUse {
		t.Fatalf("cutting: %v, %v", snap, err)
	}
	f.now.Add(5)
	if _, err := f.cut(t, "s", v, broken); status.Code(err) != codes.Internal {
		t.Errorf("asked again: %v", err)
	}
	_, err = csi.NewControllerClient(f.conn).ListSnapshots(t.Context(), &csi.ListSnapshotsRequest{SnapshotId: snap.SnapshotId})
	if status.Code(err) != codes.Internal {
		t.Errorf("asked for its state: %v", err)
	}
}

func TestWhatIsNoFaultIsRefused(t *testing.T) {
	f := newFixture(t)
	v := f.volume(t, "pvc")
	for _, key := range []string{csidriver.ParamDelay, csidriver.ParamPending, csidriver.ParamErrors, csidriver.ParamCode} {
		if _, err := f.cut(t, "s", v, map[string]string{key: "x"}); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: got %v, want InvalidArgument", key, err)
		}
	}
}

func TestAGroupIsCutInOneCall(t *testing.T) {
	f := newFixture(t)
	groups := csi.NewGroupControllerClient(f.conn)
	create := &csi.CreateVolumeGroupSnapshotRequest{Name: "g", SourceVolumeIds: []string{f.volume(t, "a"), f.volume(t, "b")}}
	made, err := groups.CreateVolumeGroupSnapshot(t.Context(), create)
	if err != nil {
		t.Fatal(err)
	}
	g := made.GroupSnapshot
	if len(g.Snapshots) != 2 || g.ReadyToUse || g.Snapshots[0].GroupSnapshotId != g.GroupSnapshotId {
		t.Fatalf("got %v", g)
	}
	again, err := groups.CreateVolumeGroupSnapshot(t.Context(), create)
	if err != nil || again.GroupSnapshot.GroupSnapshotId != g.GroupSnapshotId {
		t.Errorf("asked again: %v, %v", again, err)
	}
	f.now.Add(10)
	ids := []string{g.Snapshots[0].SnapshotId, g.Snapshots[1].SnapshotId}
	got, err := groups.GetVolumeGroupSnapshot(t.Context(), &csi.GetVolumeGroupSnapshotRequest{GroupSnapshotId: g.GroupSnapshotId, SnapshotIds: ids})
	if err != nil || !got.GroupSnapshot.ReadyToUse {
		t.Errorf("after 10 s: %v, %v", got, err)
	}
	if _, err := groups.DeleteVolumeGroupSnapshot(t.Context(), &csi.DeleteVolumeGroupSnapshotRequest{GroupSnapshotId: g.GroupSnapshotId, SnapshotIds: ids}); err != nil {
		t.Error(err)
	}
	left, err := f.driver.Store.Snapshots()
	if err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
