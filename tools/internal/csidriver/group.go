package csidriver

import (
	"context"
	"slices"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"salvor.io/salvor/tools/internal/ebs"
)

// GroupControllerGetCapabilities says what can be done with groups.
func (d *Driver) GroupControllerGetCapabilities(context.Context, *csi.GroupControllerGetCapabilitiesRequest) (*csi.GroupControllerGetCapabilitiesResponse, error) {
	return &csi.GroupControllerGetCapabilitiesResponse{Capabilities: []*csi.GroupControllerServiceCapability{{
		Type: &csi.GroupControllerServiceCapability_Rpc{Rpc: &csi.GroupControllerServiceCapability_RPC{
			Type: csi.GroupControllerServiceCapability_RPC_CREATE_DELETE_GET_VOLUME_GROUP_SNAPSHOT}}}}}, nil
}

// CreateVolumeGroupSnapshot cuts a snapshot of each volume in one call. Unlike
// storage that has groups it cuts one after the other: what writes meanwhile is
// not of one moment.
func (d *Driver) CreateVolumeGroupSnapshot(ctx context.Context, r *csi.CreateVolumeGroupSnapshotRequest) (*csi.CreateVolumeGroupSnapshotResponse, error) {
	if r.GetName() == "" || len(r.GetSourceVolumeIds()) == 0 {
		return nil, status.Error(codes.InvalidArgument, "a group needs a name and volumes")
	}
	f, err := readFault(r.GetParameters(), d.Pending)
	if err != nil {
		return nil, err
	}
	if err := d.faults.happen(ctx, r.GetName(), f); err != nil {
		return nil, err
	}
	group, err := d.Store.CreateGroup(r.GetName(), r.GetSourceVolumeIds(), ebs.SnapshotOptions{Pending: f.pending, Broken: f.broken})
	if err != nil {
		return nil, answer(err)
	}
	out, err := d.group(group)
	return &csi.CreateVolumeGroupSnapshotResponse{GroupSnapshot: out}, err
}

// DeleteVolumeGroupSnapshot deletes the snapshots of a group that are there.
func (d *Driver) DeleteVolumeGroupSnapshot(_ context.Context, r *csi.DeleteVolumeGroupSnapshotRequest) (*csi.DeleteVolumeGroupSnapshotResponse, error) {
	for _, id := range r.GetSnapshotIds() {
		if err := d.Store.DeleteSnapshot(id); err != nil {
			return nil, answer(err)
		}
	}
	return &csi.DeleteVolumeGroupSnapshotResponse{}, nil
}

// GetVolumeGroupSnapshot returns a group of which all snapshots are there.
func (d *Driver) GetVolumeGroupSnapshot(_ context.Context, r *csi.GetVolumeGroupSnapshotRequest) (*csi.GetVolumeGroupSnapshotResponse, error) {
	var group []ebs.Snapshot
	for _, id := range r.GetSnapshotIds() {
		snap, err := d.Store.Snapshot(id)
		if err != nil {
			return nil, answer(err)
		}
		if snap.Group != r.GetGroupSnapshotId() {
			return nil, status.Errorf(codes.InvalidArgument, "snapshot %s is not of group %s", id, r.GetGroupSnapshotId())
		}
		group = append(group, snap)
	}
	if len(group) == 0 {
		return nil, status.Errorf(codes.NotFound, "no snapshots of group %s were named", r.GetGroupSnapshotId())
	}
	out, err := d.group(group)
	return &csi.GetVolumeGroupSnapshotResponse{GroupSnapshot: out}, err
}

// group is usable when each of its snapshots is, and cut when the first was.
func (d *Driver) group(snaps []ebs.Snapshot) (*csi.VolumeGroupSnapshot, error) {
	out := &csi.VolumeGroupSnapshot{GroupSnapshotId: snaps[0].Group, ReadyToUse: true}
	for _, s := range snaps {
		if err := d.sound(s); err != nil {
			return nil, err
		}
		snap := d.snapshot(s)
		out.Snapshots = append(out.Snapshots, snap)
		out.ReadyToUse = out.ReadyToUse && snap.ReadyToUse
	}
	first := slices.MinFunc(snaps, func(a, b ebs.Snapshot) int { return a.Cut.Compare(b.Cut) })
	out.CreationTime = timestamppb.New(first.Cut)
	return out, nil
}
