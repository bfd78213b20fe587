package csidriver

import (
	"context"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// zoneKey is the topology of volumes.
const zoneKey = "topology.kubernetes.io/zone"

// smallest is the size of a volume for which none is asked, in bytes (1 GiB).
const smallest = 1 << 30

// ControllerGetCapabilities says what can be done with volumes.
func (d *Driver) ControllerGetCapabilities(context.Context, *csi.ControllerGetCapabilitiesRequest) (*csi.ControllerGetCapabilitiesResponse, error) {
	var out csi.ControllerGetCapabilitiesResponse
	for _, t := range []csi.ControllerServiceCapability_RPC_Type{
		csi.ControllerServiceCapability_RPC_CREATE_DELETE_VOLUME,
		csi.ControllerServiceCapability_RPC_CLONE_VOLUME,
		csi.ControllerServiceCapability_RPC_CREATE_DELETE_SNAPSHOT,
		csi.ControllerServiceCapability_RPC_LIST_SNAPSHOTS,
	} {
		out.Capabilities = append(out.Capabilities, &csi.ControllerServiceCapability{
			Type: &csi.ControllerServiceCapability_Rpc{Rpc: &csi.ControllerServiceCapability_RPC{Type: t}}})
	}
	return &out, nil
}

// CreateVolume makes a volume: empty, of a snapshot, or of another volume.
func (d *Driver) CreateVolume(ctx context.Context, r *csi.CreateVolumeRequest) (*csi.CreateVolumeResponse, error) {
	if r.GetName() == "" || len(r.GetVolumeCapabilities()) == 0 {
		return nil, status.Error(codes.InvalidArgument, "a volume needs a name and capabilities")
	}
	if !supported(r.GetVolumeCapabilities()) {
		return nil, status.Error(codes.InvalidArgument, "this driver has no block volumes, only file systems")
	}
	source, err := d.source(r.GetVolumeContentSource())
	if err != nil {
		return nil, err
	}
	f, err := readFault(r.GetParameters(), 0)
	if err != nil {
		return nil, err
	}
	if err := d.faults.happen(ctx, r.GetName(), f); err != nil {
		return nil, err
	}
	v, err := d.Store.CreateVolume(r.GetName(), max(smallest, r.GetCapacityRange().GetRequiredBytes()), source)
	if err != nil {
		return nil, answer(err)
	}
	return &csi.CreateVolumeResponse{Volume: &csi.Volume{
		VolumeId:           v.ID,
		CapacityBytes:      v.Bytes,
		ContentSource:      r.GetVolumeContentSource(),
		AccessibleTopology: []*csi.Topology{{Segments: map[string]string{zoneKey: d.Zone}}},
	}}, nil
}

// source returns the id that a volume is to be made of.
func (d *Driver) source(s *csi.VolumeContentSource) (string, error) {
	if v := s.GetVolume(); v != nil {
		return v.GetVolumeId(), nil
	}
	if s.GetSnapshot() == nil {
		return "", nil
	}
	snap, err := d.Store.Snapshot(s.GetSnapshot().GetSnapshotId())
	if err != nil {
		return "", answer(err)
	}
	if d.pending(snap) {
		return "", status.Errorf(codes.Unavailable, "snapshot %s is still pending", snap.ID)
	}
	return snap.ID, d.sound(snap)
}

// DeleteVolume deletes a volume, if it is there.
func (d *Driver) DeleteVolume(_ context.Context, r *csi.DeleteVolumeRequest) (*csi.DeleteVolumeResponse, error) {
	if err := d.Store.DeleteVolume(r.GetVolumeId()); err != nil {
		return nil, answer(err)
	}
	return &csi.DeleteVolumeResponse{}, nil
}

// ValidateVolumeCapabilities confirms everything but block volumes.
func (d *Driver) ValidateVolumeCapabilities(_ context.Context, r *csi.ValidateVolumeCapabilitiesRequest) (*csi.ValidateVolumeCapabilitiesResponse, error) {
	if _, err := d.Store.Volume(r.GetVolumeId()); err != nil {
		return nil, answer(err)
	}
	if !supported(r.GetVolumeCapabilities()) {
		return &csi.ValidateVolumeCapabilitiesResponse{Message: "no block volumes"}, nil
	}
	return &csi.ValidateVolumeCapabilitiesResponse{Confirmed: &csi.ValidateVolumeCapabilitiesResponse_Confirmed{
		VolumeCapabilities: r.GetVolumeCapabilities()}}, nil
}

func supported(capabilities []*csi.VolumeCapability) bool {
	for _, c := range capabilities {
		if c.GetBlock() != nil {
			return false
		}
	}
	return true
}
