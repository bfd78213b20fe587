package csidriver

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// volumesPerNode is what the newest EC2 instance types take; on most it is 25, which tests that share a node use up.
const volumesPerNode = 100

// NodeGetInfo says where the node is.
func (d *Driver) NodeGetInfo(context.Context, *csi.NodeGetInfoRequest) (*csi.NodeGetInfoResponse, error) {
	return &csi.NodeGetInfoResponse{
		NodeId:            d.NodeID,
		MaxVolumesPerNode: volumesPerNode,
		AccessibleTopology: &csi.Topology{Segments: map[string]string{
			zoneKey: d.Zone, "topology.ebs.csi.aws.com/zone": d.Zone,
		}},
	}, nil
}

// NodeGetCapabilities says that there is nothing beyond publishing.
func (d *Driver) NodeGetCapabilities(context.Context, *csi.NodeGetCapabilitiesRequest) (*csi.NodeGetCapabilitiesResponse, error) {
	return &csi.NodeGetCapabilitiesResponse{}, nil
}

// NodePublishVolume mounts a volume for a pod. Asked again, it does nothing.
func (d *Driver) NodePublishVolume(_ context.Context, r *csi.NodePublishVolumeRequest) (*csi.NodePublishVolumeResponse, error) {
	if _, err := d.Store.Volume(r.GetVolumeId()); err != nil {
		return nil, answer(err)
	}
	target := r.GetTargetPath()
	if err := os.MkdirAll(target, 0o750); err != nil {
		return nil, status.Errorf(codes.Internal, "making the target: %v", err)
	}
	if mounted(d.Store.VolumeDir(r.GetVolumeId()), target) {
		return &csi.NodePublishVolumeResponse{}, nil
	}
	if err := unix.Mount(d.Store.VolumeDir(r.GetVolumeId()), target, "", unix.MS_BIND, ""); err != nil {
		return nil, status.Errorf(codes.Internal, "mounting: %v", err)
	}
	if r.GetReadonly() {
		if err := unix.Mount("", target, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
			return nil, status.Errorf(codes.Internal, "making the mount read-only: %v", err)
		}
	}
	return &csi.NodePublishVolumeResponse{}, nil
}

// mounted reports whether target shows dir already: then both are one directory.
func mounted(dir, target string) bool {
	a, errA := os.Stat(dir)
	b, errB := os.Stat(target)
	return errA == nil && errB == nil && os.SameFile(a, b)
}

// NodeUnpublishVolume takes a mount away. Asked again, it does nothing.
func (d *Driver) NodeUnpublishVolume(_ context.Context, r *csi.NodeUnpublishVolumeRequest) (*csi.NodeUnpublishVolumeResponse, error) {
	target := r.GetTargetPath()
	err := unix.Unmount(target, 0)
	// EINVAL: it isn't a mount; ENOENT: it isn't there.
	if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
		return nil, status.Errorf(codes.Internal, "unmounting: %v", err)
	}
	// Not RemoveAll: should the mount still be there, the volume must survive.
	if err := os.Remove(target); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, status.Errorf(codes.Internal, "removing the target: %v", err)
	}
	return &csi.NodeUnpublishVolumeResponse{}, nil
}
