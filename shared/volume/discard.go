package volume

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
)

// Discard removes the snapshots, with their data, that workers up to the epoch made for the backup, but for those of the
// volumes to keep. They are found by their labels, so it does not matter how far a worker came. The controllers in the
// cluster finish what this begins. Nothing there is no error.
func (e *Engine) Discard(ctx context.Context, backup salvor.BackupID, epoch int64, keep []archive.Volume) error {
	d := &discarding{Engine: e, backup: backup, epoch: epoch, objects: map[string]bool{}, contents: map[string]bool{}, groupHandles: map[string]bool{}}
	for _, v := range keep {
		if v.Snapshot != nil {
			d.objects[v.Namespace+"/"+v.Snapshot.Object] = true
			d.contents[v.Snapshot.Content] = true
			if h := v.Snapshot.GroupHandle; h != "" {
				d.groupHandles[h] = true
			}
		}
	}
	return errors.Join(d.groups(ctx), d.snapshots(ctx), d.orphans(ctx))
}

// discarding is one run of Discard.
type discarding struct {
	*Engine
	backup salvor.BackupID
	epoch  int64
	// objects and contents are what stays.
	objects, contents, groupHandles map[string]bool
}

// mine reports whether a worker up to the epoch made the object.
func (d *discarding) mine(m metadata) bool {
	epoch, err := strconv.ParseInt(m.Labels[LabelEpoch], 10, 64)
	return err == nil && epoch <= d.epoch
}

// snapshots deletes the VolumeSnapshots, and with each its content and its data.
func (d *discarding) snapshots(ctx context.Context) error {
	var found []volumeSnapshot
	err := list(ctx, d.Cluster, snapshotKind, "", selectorOf(BackupLabels(d.CatalogID, d.backup)), func(s volumeSnapshot) error {
		if d.mine(s.Metadata) && !d.objects[s.Metadata.Namespace+"/"+s.Metadata.Name] {
			found = append(found, s)
		}
		return nil
	})
	if apierrors.IsNotFound(err) {
		return nil // no CSI snapshots here
	}
	if err != nil {
		return err
	}
	return each(found, func(s volumeSnapshot) error { return d.snapshot(ctx, s) })
}

// snapshot deletes one. Its content may be there before it is bound to: the name of that is known.
func (d *discarding) snapshot(ctx context.Context, s volumeSnapshot) error {
	content := s.Status.Content
	if content == "" {
		content = "snapcontent-" + s.Metadata.UID
	}
	if err := d.unretain(ctx, content); err != nil {
		return err
	}
	if err := d.remove(ctx, snapshotKind, s.Metadata); err != nil {
		return err
	}
	if s.Status.Content == "" { // made between the two
		return d.unretain(ctx, content)
	}
	return nil
}

// unretain lets a snapshot go with its content.
func (d *discarding) unretain(ctx context.Context, content string) error {
	change := marks(d.CatalogID, d.backup, d.epoch, deleteWithout)
	_, err := merge[snapshotContent](ctx, d.Cluster, contentKind, "", content, change)
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("letting the snapshot of VolumeSnapshotContent %s go with it: %w", content, err)
	}
	return nil
}

func (d *discarding) remove(ctx context.Context, r cluster.Resource, m metadata) error {
	err := d.Cluster.Delete(ctx, r, m.Namespace, m.Name, cluster.DeleteOptions{UID: types.UID(m.UID)})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("deleting %s %s: %w", r.Kind, m.Name, err)
	}
	return nil
}

// orphans deletes contents whose VolumeSnapshot somebody has deleted.
func (d *discarding) orphans(ctx context.Context) error {
	var found []snapshotContent
	err := list(ctx, d.Cluster, contentKind, "", selectorOf(BackupLabels(d.CatalogID, d.backup)), func(c snapshotContent) error {
		if d.mine(c.Metadata) && !d.contents[c.Metadata.Name] && c.Metadata.DeletionTimestamp == nil {
			found = append(found, c)
		}
		return nil
	})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return each(found, func(c snapshotContent) error {
		if err := d.unretain(ctx, c.Metadata.Name); err != nil {
			return err
		}
		return d.remove(ctx, contentKind, c.Metadata)
	})
}

// each does all of them, some at the same time, and returns all errors.
func each[T any](all []T, do func(T) error) error {
	var mu sync.Mutex
	var errs []error
	group := errgroup.Group{}
	group.SetLimit(mostAtOnce)
	for _, one := range all {
		group.Go(func() error {
			if err := do(one); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, err)
			}
			return nil
		})
	}
	_ = group.Wait()
	return errors.Join(errs...)
}
