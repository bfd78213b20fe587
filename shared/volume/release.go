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

// release asks for the removal of all that may go now, and names all that is there. A content goes after its VolumeSnapshot:
// for one that has lost its content the snapshot controller makes another, by its class, and with that the snapshot would go.
func (e *Engine) release(ctx context.Context, backup salvor.BackupID, volumes []archive.Volume, kept, spared map[string]bool) (left []string, err error) {
	contents, err := e.contentsOf(ctx, backup, volumes)
	if err != nil {
		return nil, err
	}
	for name, c := range contents {
		if spared[name] || !kept[c.Spec.Driver+"/"+c.handle()] {
			delete(contents, name) // the second: of a cut that came to nothing, whose data goes, too
			continue
		}
		if err := e.retainFor(ctx, c); err != nil {
			return nil, err
		}
		left = append(left, "VolumeSnapshotContent "+name)
	}
	bound := map[string]bool{}
	groups, err := e.releaseGroups(ctx, backup, volumes, spared)
	if err != nil {
		return nil, err
	}
	left = append(left, groups...)
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
			bound[v.Namespace+"/"+v.Snapshot.Object] = true
		}
	}
	for _, c := range contents {
		if bound[c.Spec.Snapshot.Namespace+"/"+c.Spec.Snapshot.Name] || c.Metadata.DeletionTimestamp != nil {
			continue
		}
		if _, err := e.deleteOne(ctx, contentKind, c.Metadata); err != nil {
			return nil, err
		}
	}
	return left, nil
}

// retainFor makes sure that the snapshot of a content stays when that is deleted.
func (e *Engine) retainFor(ctx context.Context, c snapshotContent) error {
	if c.Spec.DeletionPolicy == retain && c.Metadata.Annotations[beingDeleted] != "" {
		return nil
	}
	return e.setPolicy(ctx, c.Metadata.Name, retain)
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
