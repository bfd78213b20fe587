package volume

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/salvor"
)

// Remove deletes the snapshots of the volumes at their drivers, by way of the cluster, and waits until they are gone.
// Done again it goes on; what is gone is no error. Unavailable: a driver did not answer in time.
//
// A content that is bound to no VolumeSnapshot has its snapshot deleted with it:
// https://github.com/kubernetes-csi/external-snapshotter/blob/v8.6.0/pkg/sidecar-controller/snapshot_controller.go
func (e *Engine) Remove(ctx context.Context, backup salvor.BackupID, volumes []archive.Volume) error {
	removing := map[string]bool{} // since an earlier call
	for _, v := range volumes {
		if v.Snapshot != nil {
			removing[contentName(backup, deleteFor, v.Snapshot)] = true
			removing[groupContentName(backup, v.Snapshot)] = true
		}
	}
	if err := e.releaseBut(ctx, backup, volumes, removing); err != nil {
		return err
	}
	there := snapshotted(volumes)
	if err := e.removeGroups(ctx, backup, there); err != nil {
		return err
	}
	return each(there, func(v *archive.Volume) error { return e.removeOne(ctx, backup, v) })
}

// snapshotted are those of the volumes that have a snapshot.
func snapshotted(volumes []archive.Volume) (there []*archive.Volume) {
	for i := range volumes {
		if s := volumes[i].Snapshot; s != nil && s.Handle != "" {
			there = append(there, &volumes[i])
		}
	}
	return there
}

func (e *Engine) removeOne(ctx context.Context, backup salvor.BackupID, v *archive.Volume) error {
	if v.Snapshot.GroupHandle != "" {
		return nil // it goes with its group
	}
	if err := e.createContent(ctx, backup, v, deleteFor, deleteWithout); err != nil {
		return err
	}
	name := contentName(backup, deleteFor, v.Snapshot)
	var last snapshotContent
	gone, err := e.until(ctx, e.Tuning.withDefaults().RemoveTime, func() (bool, error) {
		raw, err := e.Cluster.Get(ctx, contentKind, "", name)
		if apierrors.IsNotFound(err) {
			return true, nil
		}
		if err != nil {
			return false, fmt.Errorf("reading VolumeSnapshotContent %s: %w", name, err)
		}
		if last, err = decode[snapshotContent](contentKind, raw); err != nil || last.Metadata.DeletionTimestamp != nil {
			return false, err
		}
		return false, e.deleteData(ctx, last)
	})
	if err != nil || gone {
		return err
	}
	return unremoved(v, name, last)
}

// deleteData deletes a content with its snapshot, as soon as the csi-snapshotter has taken note of it: one without a handle
// in its status would go, and leave the snapshot.
func (e *Engine) deleteData(ctx context.Context, c snapshotContent) error {
	switch {
	case c.Status.Handle == "" && c.Status.Error == nil:
		return nil
	case c.Status.Handle == "": // the driver does not list it, or not now; deleting what is not there is no error
		body, err := encode(map[string]any{"status": map[string]any{"snapshotHandle": c.Spec.Source.Handle}})
		if err != nil {
			return err
		}
		if _, err := e.Cluster.Patch(ctx, contentKind, "", c.Metadata.Name, types.MergePatchType, body, "status"); err != nil {
			return fmt.Errorf("naming the snapshot in the status of VolumeSnapshotContent %s: %w", c.Metadata.Name, err)
		}
	}
	_, err := e.deleteOne(ctx, contentKind, c.Metadata)
	return err
}

func unremoved(v *archive.Volume, name string, c snapshotContent) error {
	why := "its driver has not answered"
	if said := c.Status.Error.said(); said != "" {
		why = "its driver says: " + strings.TrimSpace(said)
	}
	return salvor.Errorf(salvor.Unavailable, "snapshot %s of driver %s, of claim %s/%s, is not deleted: %s", v.Snapshot.Handle, v.Snapshot.Driver, v.Namespace, v.Claim, why).
		WithHint("see the events of VolumeSnapshotContent %s, and whether the driver runs in the cluster; or keep the snapshots: salvor delete backup --keep-snapshots", name)
}
