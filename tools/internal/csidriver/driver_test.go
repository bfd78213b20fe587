package csidriver_test

import (
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	pluginregistration "k8s.io/kubelet/pkg/apis/pluginregistration/v1"

	"salvor.io/salvor/tools/internal/csidriver"
	"salvor.io/salvor/tools/internal/ebs"
)

// fixture is a driver that serves on sockets, and a clock to turn.
type fixture struct {
	conn, registration *grpc.ClientConn
	driver             *csidriver.Driver
	now                atomic.Int64 // seconds
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{}
	dir := t.TempDir()
	f.driver = &csidriver.Driver{
		Pending: 10 * time.Second, Groups: true,
		Store: &ebs.Store{Dir: filepath.Join(dir, "store"),
			Now: func() time.Time { return time.Unix(f.now.Load(), 0) }},
		NodeID: "i-0123", Zone: "us-east-1a",
		Socket: filepath.Join(dir, "csi.sock"), Registration: filepath.Join(dir, "reg", "reg.sock"),
	}
	done := make(chan error, 1)
	go func() { done <- f.driver.Serve(t.Context()) }()
	t.Cleanup(func() {
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	f.conn, f.registration = dial(t, f.driver.Socket), dial(t, f.driver.Registration)
	return f
}

func dial(t *testing.T, socket string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.WaitForReady(true)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

var mount = []*csi.VolumeCapability{{AccessType: &csi.VolumeCapability_Mount{Mount: &csi.VolumeCapability_MountVolume{}}}}

func TestTheKubeletLearnsOfTheDriver(t *testing.T) {
	f := newFixture(t)
	info, err := pluginregistration.NewRegistrationClient(f.registration).GetInfo(t.Context(), &pluginregistration.InfoRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if info.Type != "CSIPlugin" || info.Name != csidriver.Name || info.Endpoint != f.driver.Socket {
		t.Errorf("got %v", info)
	}
}

func TestASnapshotIsPendingThenUsable(t *testing.T) {
	f := newFixture(t)
	c := csi.NewControllerClient(f.conn)
	v, err := c.CreateVolume(t.Context(), &csi.CreateVolumeRequest{Name: "pvc-1", VolumeCapabilities: mount})
	if err != nil {
		t.Fatal(err)
	}
	if got := v.Volume.AccessibleTopology[0].Segments["topology.kubernetes.io/zone"]; got != "us-east-1a" {
		t.Errorf("the volume is in zone %q", got)
	}
	cut, err := c.CreateSnapshot(t.Context(), &csi.CreateSnapshotRequest{Name: "s", SourceVolumeId: v.Volume.VolumeId})
	if err != nil {
		t.Fatal(err)
	}
	if cut.Snapshot.ReadyToUse {
		t.Error("usable at once, want pending for 10 s")
	}
	restore := &csi.CreateVolumeRequest{Name: "pvc-2", VolumeCapabilities: mount, VolumeContentSource: &csi.VolumeContentSource{
		Type: &csi.VolumeContentSource_Snapshot{Snapshot: &csi.VolumeContentSource_SnapshotSource{SnapshotId: cut.Snapshot.SnapshotId}}}}
	if _, err := c.CreateVolume(t.Context(), restore); status.Code(err) != codes.Unavailable {
		t.Errorf("a volume of a pending snapshot: got %v, want Unavailable", err)
	}
	f.now.Add(10)
	list, err := c.ListSnapshots(t.Context(), &csi.ListSnapshotsRequest{SnapshotId: cut.Snapshot.SnapshotId})
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Entries) != 1 || !list.Entries[0].Snapshot.ReadyToUse || list.Entries[0].Snapshot.CreationTime.Seconds != 0 {
		t.Errorf("got %v, want one, usable, cut at 0", list.Entries)
	}
	if _, err := c.CreateVolume(t.Context(), restore); err != nil {
		t.Errorf("a volume of a usable snapshot: %v", err)
	}
}

func TestWhatIsNotThere(t *testing.T) {
	f := newFixture(t)
	c := csi.NewControllerClient(f.conn)
	if _, err := c.CreateSnapshot(t.Context(), &csi.CreateSnapshotRequest{Name: "s", SourceVolumeId: "vol-0gone"}); status.Code(err) != codes.NotFound {
		t.Errorf("a snapshot of no volume: got %v, want NotFound", err)
	}
	list, err := c.ListSnapshots(t.Context(), &csi.ListSnapshotsRequest{SnapshotId: "snap-0gone"})
	if err != nil || len(list.Entries) != 0 {
		t.Errorf("listing no snapshot: got %v, %v; want an empty list", list, err)
	}
	if _, err := c.DeleteVolume(t.Context(), &csi.DeleteVolumeRequest{VolumeId: "vol-0gone"}); err != nil {
		t.Errorf("deleting no volume: %v", err)
	}
	n := csi.NewNodeClient(f.conn)
	if _, err := n.NodeUnpublishVolume(t.Context(), &csi.NodeUnpublishVolumeRequest{TargetPath: filepath.Join(t.TempDir(), "no")}); err != nil {
		t.Errorf("unmounting nothing: %v", err)
	}
	if _, err := n.NodePublishVolume(t.Context(), &csi.NodePublishVolumeRequest{VolumeId: "vol-0gone", TargetPath: t.TempDir()}); status.Code(err) != codes.NotFound {
		t.Errorf("mounting no volume: got %v, want NotFound", err)
	}
}

func TestBlockVolumesAreRefused(t *testing.T) {
	f := newFixture(t)
	block := []*csi.VolumeCapability{{AccessType: &csi.VolumeCapability_Block{Block: &csi.VolumeCapability_BlockVolume{}}}}
	_, err := csi.NewControllerClient(f.conn).CreateVolume(t.Context(), &csi.CreateVolumeRequest{Name: "pvc", VolumeCapabilities: block})
	if status.Code(err) != codes.InvalidArgument {
		t.Errorf("got %v, want InvalidArgument", err)
	}
}
