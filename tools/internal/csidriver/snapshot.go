package csidriver

import (
	"context"
	"errors"
	"log/slog"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"salvor.io/salvor/tools/internal/ebs"
)

// CreateSnapshot cuts a snapshot. It may be pending for a while, as on EBS:
// the caller asks again.
func (d *Driver) CreateSnapshot(ctx context.Context, r *csi.CreateSnapshotRequest) (*csi.CreateSnapshotResponse, error) {
	if r.GetName() == "" || r.GetSourceVolumeId() == "" {
		return nil, status.Error(codes.InvalidArgument, "a snapshot needs a name and a volume")
	}
	f, err := readFault(r.GetParameters(), d.Pending)
	if err != nil {
		return nil, err
	}
	if err := d.faults.happen(ctx, r.GetName(), f); err != nil {
		return nil, err
	}
	snap, err := d.Store.CreateSnapshot(r.GetName(), r.GetSourceVolumeId(), ebs.SnapshotOptions{Pending: f.pending, Broken: f.broken})
	if err != nil {
		return nil, answer(err)
	}
	if snap.Volume != r.GetSourceVolumeId() {
		return nil, status.Errorf(codes.AlreadyExists, "snapshot %s is of volume %s", snap.ID, snap.Volume)
	}
	if err := d.sound(snap); err != nil {
		return nil, err
	}
	out := d.snapshot(snap)
	slog.Info("cut", "snapshot", out.SnapshotId, "volume", out.SourceVolumeId, "name", r.GetName(), "ready", out.ReadyToUse)
	return &csi.CreateSnapshotResponse{Snapshot: out}, nil
}

// DeleteSnapshot deletes a snapshot, if it is there.
func (d *Driver) DeleteSnapshot(_ context.Context, r *csi.DeleteSnapshotRequest) (*csi.DeleteSnapshotResponse, error) {
	if err := d.Store.DeleteSnapshot(r.GetSnapshotId()); err != nil {
		return nil, answer(err)
	}
	slog.Info("deleted", "snapshot", r.GetSnapshotId())
	return &csi.DeleteSnapshotResponse{}, nil
}

// ListSnapshots finds by id or by volume. One that isn't there is an empty list.
func (d *Driver) ListSnapshots(_ context.Context, r *csi.ListSnapshotsRequest) (*csi.ListSnapshotsResponse, error) {
	found, err := d.find(r.GetSnapshotId())
	if err != nil {
		return nil, answer(err)
	}
	var out csi.ListSnapshotsResponse
	for _, s := range found {
		if r.GetSourceVolumeId() != "" && r.GetSourceVolumeId() != s.Volume {
			continue
		}
		if err := d.sound(s); err != nil && s.ID == r.GetSnapshotId() {
			return nil, err
		}
		out.Entries = append(out.Entries, &csi.ListSnapshotsResponse_Entry{Snapshot: d.snapshot(s)})
	}
	return &out, nil
}

func (d *Driver) find(id string) ([]ebs.Snapshot, error) {
	if id == "" {
		return d.Store.Snapshots()
	}
	snap, err := d.Store.Snapshot(id)
	if errors.Is(err, ebs.ErrNotFound) {
		return nil, nil
	}
	return []ebs.Snapshot{snap}, err
}

// sound returns what is wrong with a snapshot for good.
func (d *Driver) sound(s ebs.Snapshot) error {
	if s.Broken == "" || d.pending(s) {
		return nil
	}
	return status.Errorf(codes.Internal, "snapshot %s: %s", s.ID, s.Broken)
}

func (d *Driver) pending(s ebs.Snapshot) bool { return d.Store.Now().Before(s.Usable) }

func (d *Driver) snapshot(s ebs.Snapshot) *csi.Snapshot {
	return &csi.Snapshot{
		SnapshotId:      s.ID,
		SourceVolumeId:  s.Volume,
		SizeBytes:       s.Bytes,
		CreationTime:    timestamppb.New(s.Cut),
		ReadyToUse:      !d.pending(s) && s.Broken == "",
		GroupSnapshotId: s.Group,
	}
}
