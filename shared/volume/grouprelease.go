package volume

import (
	"context"
	"fmt"
	"maps"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/salvor"
)

// releaseGroups asks for the removal of the groups that the volumes were cut in, and names what is there. The snapshots stay.
func (e *Engine) releaseGroups(ctx context.Context, backup salvor.BackupID, volumes []archive.Volume, spared map[string]bool) (left []string, err error) {
	if !slices.ContainsFunc(volumes, func(v archive.Volume) bool { return v.Snapshot != nil && v.Snapshot.GroupHandle != "" }) {
		return nil, nil
	}
	kinds, err := e.groupKinds(ctx)
	if err != nil || kinds == nil {
		return nil, err
	}
	var found []groupSnapshot
	err = list(ctx, e.Cluster, kinds.snapshot, "", selectorOf(BackupLabels(e.CatalogID, backup)), func(g groupSnapshot) error {
		found = append(found, g)
		left = append(left, "VolumeGroupSnapshot "+g.Metadata.Namespace+"/"+g.Metadata.Name)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := each(found, func(g groupSnapshot) error { return e.dropGroup(ctx, kinds, g, retain) }); err != nil {
		return nil, err
	}
	alone, err := e.groupContentsAlone(ctx, kinds, backup, volumes, spared)
	for _, c := range alone {
		left = append(left, "VolumeGroupSnapshotContent "+c.Metadata.Name)
		if err == nil {
			err = e.setGroupPolicy(ctx, kinds, c.Metadata.Name, retain)
		}
		if err == nil {
			_, err = e.deleteOne(ctx, kinds.content, c.Metadata)
		}
	}
	return left, err
}

// groupContentsAlone are those of the volumes' groups, but for the spared: also where somebody deleted their VolumeGroupSnapshots.
func (e *Engine) groupContentsAlone(ctx context.Context, kinds *groupKinds, backup salvor.BackupID, volumes []archive.Volume, spared map[string]bool) (alone []groupContent, err error) {
	groups := byGroup(snapshotted(volumes))
	err = list(ctx, e.Cluster, kinds.content, "", selectorOf(BackupLabels(e.CatalogID, backup)), func(c groupContent) error {
		if !spared[c.Metadata.Name] && groups[[2]string{c.Spec.Driver, c.handle()}] != nil {
			alone = append(alone, c)
		}
		return nil
	})
	return alone, err
}

// groupFinalizer keeps a content of a group until the csi-snapshotter has done what its deletion asks for.
const groupFinalizer = "groupsnapshot.storage.kubernetes.io/volumegroupsnapshotcontent-bound-protection"

// byGroup are the volumes of each group of a driver, by driver and handle of the group.
func byGroup(volumes []*archive.Volume) map[[2]string][]*archive.Volume {
	groups := map[[2]string][]*archive.Volume{}
	for _, v := range volumes {
		if s := v.Snapshot; s.GroupHandle != "" {
			key := [2]string{s.Driver, s.GroupHandle}
			groups[key] = append(groups[key], v)
		}
	}
	return groups
}

// removeGroups deletes the groups that the volumes were cut in: their drivers may refuse to delete single snapshots of them.
func (e *Engine) removeGroups(ctx context.Context, backup salvor.BackupID, volumes []*archive.Volume) error {
	groups := byGroup(volumes)
	if len(groups) == 0 {
		return nil
	}
	kinds, err := e.groupKinds(ctx)
	if err != nil {
		return err
	}
	if kinds == nil {
		return salvor.Errorf(salvor.Unavailable, "the cluster has no VolumeGroupSnapshotContents any more, and snapshots were cut in a group").
			WithHint("install their CRDs again, or keep the snapshots: salvor delete backup --keep-snapshots")
	}
	return each(slices.Collect(maps.Values(groups)), func(members []*archive.Volume) error { return e.removeGroup(ctx, backup, kinds, members) })
}

func (e *Engine) removeGroup(ctx context.Context, backup salvor.BackupID, kinds *groupKinds, members []*archive.Volume) error {
	first := members[0].Snapshot
	name := groupContentName(backup, first)
	if err := e.createGroupContent(ctx, backup, kinds, members, name); err != nil {
		return err
	}
	var last groupContent
	gone, err := e.until(ctx, e.Tuning.withDefaults().RemoveTime, func() (bool, error) {
		raw, err := e.Cluster.Get(ctx, kinds.content, "", name)
		if apierrors.IsNotFound(err) {
			return true, nil
		}
		if err != nil {
			return false, fmt.Errorf("reading VolumeGroupSnapshotContent %s: %w", name, err)
		}
		if last, err = decode[groupContent](kinds.content, raw); err != nil || last.Metadata.DeletionTimestamp != nil {
			return false, err
		}
		return false, e.deleteGroupData(ctx, kinds, first.GroupHandle, last)
	})
	if err != nil || gone {
		return err
	}
	why := "its driver has not answered"
	if said := last.Status.Error.said(); said != "" {
		why = "its driver says: " + said
	}
	return salvor.Errorf(salvor.Unavailable, "group %s of snapshots of driver %s is not deleted: %s", first.GroupHandle, first.Driver, why).
		WithHint("see the events of VolumeGroupSnapshotContent %s, and whether the driver runs in the cluster; or keep the snapshots: salvor delete backup --keep-snapshots", name)
}

// groupContentName is the name of a content that is made to delete the group of a snapshot.
func groupContentName(backup salvor.BackupID, s *archive.Snapshot) string {
	return "salvor-" + Hash(backup.String()) + "-" + deleteFor + "-" + Hash(s.Driver+"/"+s.GroupHandle)
}

// createGroupContent makes a content of a group that is there, bound to no VolumeGroupSnapshot.
func (e *Engine) createGroupContent(ctx context.Context, backup salvor.BackupID, kinds *groupKinds, members []*archive.Volume, name string) error {
	var handles []string
	for _, v := range members {
		handles = append(handles, v.Snapshot.Handle)
	}
	first := members[0]
	body, err := encode(map[string]any{"apiVersion": kinds.content.APIVersion(), "kind": kinds.content.Kind,
		"metadata": map[string]any{"name": name, "labels": BackupLabels(e.CatalogID, backup), "annotations": map[string]string{AnnotationFor: backup.String()}, "finalizers": []string{groupFinalizer}},
		"spec": map[string]any{"deletionPolicy": deleteWithout, "driver": first.Snapshot.Driver,
			"source":                 map[string]any{"groupSnapshotHandles": map[string]any{"volumeGroupSnapshotHandle": first.Snapshot.GroupHandle, "volumeSnapshotHandles": handles}},
			"volumeGroupSnapshotRef": map[string]any{"apiVersion": kinds.snapshot.APIVersion(), "kind": kinds.snapshot.Kind, "namespace": first.Namespace, "name": name}}})
	if err != nil {
		return err
	}
	if _, err := e.Cluster.Create(ctx, kinds.content, "", body); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("creating VolumeGroupSnapshotContent %s for group %s: %w", name, first.Snapshot.GroupHandle, err)
	}
	return nil
}

// deleteGroupData is deleteData of a group.
func (e *Engine) deleteGroupData(ctx context.Context, kinds *groupKinds, handle string, c groupContent) error {
	switch {
	case c.Status.Handle == "" && c.Status.Error == nil:
		return nil
	case c.Status.Handle == "":
		body, err := encode(map[string]any{"status": map[string]any{"volumeGroupSnapshotHandle": handle}})
		if err != nil {
			return err
		}
		if _, err := e.Cluster.Patch(ctx, kinds.content, "", c.Metadata.Name, types.MergePatchType, body, "status"); err != nil {
			return fmt.Errorf("naming the group in the status of VolumeGroupSnapshotContent %s: %w", c.Metadata.Name, err)
		}
	}
	_, err := e.deleteOne(ctx, kinds.content, c.Metadata)
	return err
}
