package volume

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/salvor"
)

// addGroup is add for a group.
func (s *search) addGroup(id salvor.BackupID, m metadata) int {
	i := s.add(id, m)
	s.found[i].Group, s.found[i].kinds = true, s.kinds
	return i
}

// groups finds VolumeGroupSnapshots and VolumeGroupSnapshotContents.
func (s *search) groups(ctx context.Context) error {
	var err error
	if s.kinds, err = s.groupKinds(ctx); err != nil || s.kinds == nil {
		return err
	}
	err = list(ctx, s.Cluster, s.kinds.snapshot, "", s.mine(), func(g groupSnapshot) error {
		if id, mine := s.madeHere(g.Metadata); mine {
			i := s.addGroup(id, g.Metadata)
			s.found[i].Object, s.found[i].object = g.Metadata.Namespace+"/"+g.Metadata.Name, g.Metadata
			s.byObject[g.Metadata.UID] = i
		}
		return nil
	})
	if err != nil {
		return err
	}
	return list(ctx, s.Cluster, s.kinds.content, "", "", func(c groupContent) error {
		i, bound := s.byObject[c.Spec.Snapshot.UID]
		id, mine := s.madeHere(c.Metadata)
		if !bound && !mine {
			return nil
		}
		if !bound {
			i = s.addGroup(id, c.Metadata)
		}
		l := &s.found[i]
		l.Content, l.content, l.Driver, l.Handle, l.Members = c.Metadata.Name, c.Metadata, c.Spec.Driver, c.handle(), c.members()
		if l.Handle != "" {
			s.byGroup[[2]string{l.Driver, l.Handle}] = i
		}
		return nil
	})
}

// member takes the content of a snapshot of the group.
func (l *Leftover) member(c snapshotContent) {
	l.contents = append(l.contents, c)
	l.Bytes += c.Status.RestoreSize
	if l.Handle == "" { // the group's own content was deleted
		l.Driver, l.Handle = c.Spec.Driver, c.Status.GroupHandle
	}
	if h := c.handle(); h != "" && !slices.Contains(l.Members, h) {
		l.Members = append(l.Members, h)
	}
}

// clearGroup is Clear of a group.
func (e *Engine) clearGroup(ctx context.Context, l Leftover, policy string) error {
	if l.kinds == nil && policy == deleteWithout {
		return salvor.Errorf(salvor.Unavailable, "the cluster has no VolumeGroupSnapshotContents any more, and snapshots %s were cut in group %s", l.Members, l.Handle).
			WithHint("install their CRDs again")
	}
	if l.Content == "" && l.Handle != "" && policy == deleteWithout {
		var err error
		if l.content.Name, err = e.standIn(ctx, l); err != nil {
			return err
		}
		l.Content = l.content.Name
	}
	for _, c := range l.contents {
		if err := e.setPolicy(ctx, c.Metadata.Name, policy); err != nil {
			return err
		}
	}
	if err := e.setGroupPolicy(ctx, l.kinds, l.Content, policy); err != nil {
		return err
	}
	return e.untilGone(ctx, policy, func() (string, error) { return e.clearGroupOnce(ctx, &l, policy) })
}

// standIn makes a content of a group whose own is gone: a driver may delete snapshots of a group with that alone.
func (e *Engine) standIn(ctx context.Context, l Leftover) (string, error) {
	var members []*archive.Volume
	for _, c := range l.contents {
		members = append(members, &archive.Volume{Namespace: c.Spec.Snapshot.Namespace,
			Snapshot: &archive.Snapshot{Driver: l.Driver, Handle: c.handle(), GroupHandle: l.Handle}})
	}
	name := groupContentName(l.Backup, members[0].Snapshot)
	return name, e.createGroupContent(ctx, l.Backup, l.kinds, members, name)
}

// clearGroupOnce deletes what may go now, in the order that the controllers need, and names what is there.
func (e *Engine) clearGroupOnce(ctx context.Context, l *Leftover, policy string) (left string, err error) {
	if l.Object != "" {
		if there, err := e.deleteOne(ctx, l.kinds.snapshot, l.object); err != nil || there {
			return "VolumeGroupSnapshot " + l.Object, err
		}
	}
	if l.Content != "" {
		if there, said, err := e.deleteGroupContent(ctx, l.kinds, l.Content, policy); err != nil || there {
			return "VolumeGroupSnapshotContent " + l.Content + said, err
		}
	}
	for _, m := range l.snapshots {
		there, err := e.deleteOne(ctx, snapshotKind, m)
		if err != nil {
			return "", err
		}
		if there {
			left = "VolumeSnapshot " + m.Namespace + "/" + m.Name
		}
	}
	if left != "" {
		return left, nil
	}
	for _, c := range l.contents {
		there, err := e.deleteOne(ctx, contentKind, c.Metadata)
		if err != nil {
			return "", err
		}
		if there {
			left = "VolumeSnapshotContent " + c.Metadata.Name
		}
	}
	return left, nil
}

// deleteGroupContent deletes a content of a group, and reports whether it is there, and what its driver says.
func (e *Engine) deleteGroupContent(ctx context.Context, k *groupKinds, name, policy string) (there bool, said string, err error) {
	raw, err := e.Cluster.Get(ctx, k.content, "", name)
	if apierrors.IsNotFound(err) {
		return false, "", nil
	}
	if err != nil {
		return false, "", fmt.Errorf("reading VolumeGroupSnapshotContent %s: %w", name, err)
	}
	c, err := decode[groupContent](k.content, raw)
	if err != nil || c.Metadata.DeletionTimestamp != nil {
		return true, driverSays(c.Status.Error), err
	}
	if handle := c.Spec.Source.Handles.Group; policy == deleteWithout && handle != "" {
		return true, driverSays(c.Status.Error), e.deleteGroupData(ctx, k, handle, c)
	}
	_, err = e.deleteOne(ctx, k.content, c.Metadata)
	return true, driverSays(c.Status.Error), err
}
