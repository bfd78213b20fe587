package volume

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
)

// beingDeleted on a content lets the csi-snapshotter remove it once it is deleted, whatever became of its VolumeSnapshot.
const beingDeleted = "snapshot.storage.kubernetes.io/volumesnapshot-being-deleted"

// Release removes from the cluster what stands for the snapshots of the volumes, while the snapshots themselves stay with
// their drivers. What is gone already is no error. Unavailable: it was all asked for, and some of it is not gone yet,
// because a controller does not run; it goes when that does.
func (e *Engine) Release(ctx context.Context, backup salvor.BackupID, volumes []archive.Volume) error {
	return e.releaseBut(ctx, backup, volumes, nil)
}

// releaseBut is Release without the contents of the names.
func (e *Engine) releaseBut(ctx context.Context, backup salvor.BackupID, volumes []archive.Volume, spared map[string]bool) error {
	kept := handles(volumes)
	if len(kept) == 0 {
		return nil
	}
	var left []string
	gone, err := e.until(ctx, e.Tuning.withDefaults().GoneTime, func() (bool, error) {
		var err error
		left, err = e.release(ctx, backup, volumes, kept, spared)
		return len(left) == 0, err
	})
	if err != nil || gone {
		return err
	}
	return salvor.Errorf(salvor.Unavailable, "%s deleted, and not gone yet: %s", salvor.Count(len(left), "object"), strings.Join(left, ", ")).
		WithHint("see whether the snapshot controller runs, and the csi-snapshotter of each driver; the snapshots themselves are kept")
}

// release asks for the removal of all that is there, and names it.
func (e *Engine) release(ctx context.Context, backup salvor.BackupID, volumes []archive.Volume, kept, spared map[string]bool) (left []string, err error) {
	contents, err := e.contentsOf(ctx, backup, volumes)
	if err != nil {
		return nil, err
	}
	for name, c := range contents {
		if spared[name] || !kept[c.Spec.Driver+"/"+c.handle()] {
			continue // the second: of a cut that came to nothing, whose data goes, too
		}
		if err := e.letGo(ctx, c); err != nil {
			return nil, err
		}
		left = append(left, "VolumeSnapshotContent "+name)
	}
	for _, v := range volumes {
		if v.Snapshot == nil || v.Snapshot.Object == "" {
			continue
		}
		there, err := e.deleteOne(ctx, snapshotKind, metadata{Namespace: v.Namespace, Name: v.Snapshot.Object})
		if err != nil {
			return nil, err
		}
		if there {
			left = append(left, "VolumeSnapshot "+v.Namespace+"/"+v.Snapshot.Object)
		}
	}
	return left, nil
}

// letGo deletes a content, and makes sure first that its snapshot stays.
func (e *Engine) letGo(ctx context.Context, c snapshotContent) error {
	if c.Spec.DeletionPolicy != retain || c.Metadata.Annotations[beingDeleted] == "" {
		now, err := merge[snapshotContent](ctx, e.Cluster, contentKind, "", c.Metadata.Name, map[string]any{
			"metadata": map[string]any{"annotations": map[string]string{beingDeleted: "yes"}}, "spec": map[string]any{"deletionPolicy": retain}})
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("setting VolumeSnapshotContent %s to Retain: %w", c.Metadata.Name, err)
		}
		if now.Spec.DeletionPolicy != retain {
			return salvor.Errorf(salvor.Conflict, "VolumeSnapshotContent %s was set to Retain and says %s: something in the cluster changes it; it is not deleted", c.Metadata.Name, now.Spec.DeletionPolicy)
		}
	}
	if c.Metadata.DeletionTimestamp != nil {
		return nil
	}
	_, err := e.deleteOne(ctx, contentKind, c.Metadata)
	return err
}

// deleteOne deletes an object, and says whether it was there.
func (e *Engine) deleteOne(ctx context.Context, r cluster.Resource, m metadata) (there bool, err error) {
	err = e.Cluster.Delete(ctx, r, m.Namespace, m.Name, cluster.DeleteOptions{UID: types.UID(m.UID)})
	switch {
	case err == nil:
		return true, nil
	case apierrors.IsNotFound(err), apierrors.IsConflict(err): // gone, and maybe another of its name is there
		return false, nil
	}
	return false, fmt.Errorf("deleting %s %s: %w", r.Kind, m.Name, err)
}
