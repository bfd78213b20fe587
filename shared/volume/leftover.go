package volume

import (
	"context"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"salvor.io/salvor/shared/salvor"
)

// Leftover is what stands in a cluster for a snapshot of a backup.
type Leftover struct {
	// Backup is whom it was made for.
	Backup salvor.BackupID `json:"backup"`
	// Object is the VolumeSnapshot as namespace/name, Content the VolumeSnapshotContent; one of them may be missing.
	Object  string `json:"object,omitempty"`
	Content string `json:"content,omitempty"`
	// Driver and Handle name the snapshot; empty: it is not cut.
	Driver string `json:"driver,omitempty"`
	Handle string `json:"handle,omitempty"`
	// Bytes is its size, as far as it is known.
	Bytes int64 `json:"bytes,omitempty"`
	// Created is when the object was made.
	Created time.Time `json:"created"`
	// Deleting says that its deletion was asked for, and a controller has not come round to it.
	Deleting bool `json:"deleting,omitempty"`

	object, content metadata
}

// Leftovers finds what stands for snapshots of backups of this catalog: of backups in progress, too.
func (e *Engine) Leftovers(ctx context.Context) ([]Leftover, error) {
	selector := selectorOf(map[string]string{LabelManaged: ManagedBy, LabelCatalog: Hash(e.CatalogID)}) + "," + LabelBackup
	var all []Leftover
	byObject := map[string]int{}
	err := list(ctx, e.Cluster, snapshotKind, "", selector, func(s volumeSnapshot) error {
		m := s.Metadata
		l := Leftover{Object: m.Namespace + "/" + m.Name, object: m, Created: m.CreationTimestamp.Time, Deleting: m.DeletionTimestamp != nil}
		if id, ok := madeFor(m); ok {
			l.Backup = id
			if s.Status.RestoreSize != nil {
				l.Bytes = s.Status.RestoreSize.Value()
			}
			byObject[m.UID] = len(all)
			all = append(all, l)
		}
		return nil
	})
	if apierrors.IsNotFound(err) {
		return nil, nil // no CSI snapshots here
	}
	if err != nil {
		return nil, err
	}
	err = list(ctx, e.Cluster, contentKind, "", "", func(c snapshotContent) error {
		i, bound := byObject[c.Spec.Snapshot.UID]
		id, mine := madeFor(c.Metadata)
		mine = mine && c.Metadata.Labels[LabelManaged] == ManagedBy && c.Metadata.Labels[LabelCatalog] == Hash(e.CatalogID)
		switch {
		case !bound && !mine:
			return nil
		case !bound:
			i = len(all)
			all = append(all, Leftover{Backup: id, Created: c.Metadata.CreationTimestamp.Time, Deleting: c.Metadata.DeletionTimestamp != nil})
		}
		l := &all[i]
		l.Content, l.content, l.Driver, l.Handle = c.Metadata.Name, c.Metadata, c.Spec.Driver, c.handle()
		if c.Status.RestoreSize > 0 {
			l.Bytes = c.Status.RestoreSize
		}
		return nil
	})
	return all, err
}

// madeFor reads for which backup an object was made.
func madeFor(m metadata) (salvor.BackupID, bool) {
	cluster, name, ok := strings.Cut(m.Annotations[AnnotationFor], "/")
	id := salvor.BackupID{ClusterID: cluster, Name: name}
	return id, ok && m.Labels[LabelBackup] == Hash(id.String())
}

// Clear removes a leftover from the cluster: with its snapshot, or, if that is to be kept, without. The controllers in the
// cluster finish what this begins.
func (e *Engine) Clear(ctx context.Context, l Leftover, keep bool) error {
	policy := deleteWithout
	if keep {
		policy = retain
	}
	if l.Content != "" {
		change := map[string]any{"metadata": map[string]any{"annotations": map[string]string{beingDeleted: "yes"}}, "spec": map[string]any{"deletionPolicy": policy}}
		c, err := merge[snapshotContent](ctx, e.Cluster, contentKind, "", l.Content, change)
		switch {
		case apierrors.IsNotFound(err):
			l.Content = ""
		case err != nil:
			return fmt.Errorf("setting VolumeSnapshotContent %s to %s: %w", l.Content, policy, err)
		case c.Spec.DeletionPolicy != policy:
			return salvor.Errorf(salvor.Conflict, "VolumeSnapshotContent %s was set to %s and says %s: something in the cluster changes it", l.Content, policy, c.Spec.DeletionPolicy)
		}
	}
	if l.Object != "" {
		// The content goes after it: for one that has lost its content the snapshot controller makes another.
		gone, err := e.until(ctx, e.Tuning.withDefaults().GoneTime, func() (bool, error) {
			there, err := e.deleteOne(ctx, snapshotKind, l.object)
			return !there, err
		})
		if err != nil {
			return err
		}
		if !gone {
			return salvor.Errorf(salvor.Unavailable, "VolumeSnapshot %s is deleted, and not gone yet", l.Object).WithHint("see whether the snapshot controller runs, and try again")
		}
	}
	if l.Content == "" {
		return nil
	}
	_, err := e.deleteOne(ctx, contentKind, l.content)
	return err
}
