package volume

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// leftGroup is a group that is left over.
type leftGroup struct {
	kinds    *groupKinds
	snapshot groupSnapshot
}

// leftGroups finds the groups that the selector chooses, and the UIDs of the VolumeSnapshots that go with them: a process may
// have died before it labelled these, and none of them goes before its group.
func (e *Engine) leftGroups(ctx context.Context, selector string) (all []Leftover, members map[string]bool, err error) {
	kinds, err := e.groupKinds(ctx)
	if err != nil || kinds == nil {
		return nil, nil, err
	}
	err = list(ctx, e.Cluster, kinds.snapshot, "", selector, func(g groupSnapshot) error {
		m := g.Metadata
		if id, ok := madeFor(m); ok {
			all = append(all, Leftover{Backup: id, Object: m.Namespace + "/" + m.Name, Group: true, Created: m.CreationTimestamp.Time,
				Deleting: m.DeletionTimestamp != nil, group: &leftGroup{kinds, g}})
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	members = map[string]bool{}
	for i := range all {
		l := &all[i]
		of, err := e.membersOf(ctx, l.group.snapshot)
		if err != nil {
			return nil, nil, err
		}
		for _, s := range of {
			members[s.Metadata.UID] = true
			if s.Status.RestoreSize != nil {
				l.Bytes += s.Status.RestoreSize.Value()
			}
		}
		if err := e.contentOf(ctx, l); err != nil {
			return nil, nil, err
		}
	}
	return all, members, nil
}

// contentOf adds what the content of a group tells.
func (e *Engine) contentOf(ctx context.Context, l *Leftover) error {
	name := l.group.snapshot.content()
	raw, err := e.Cluster.Get(ctx, l.group.kinds.content, "", name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading VolumeGroupSnapshotContent %s: %w", name, err)
	}
	c, err := decode[groupContent](l.group.kinds.content, raw)
	l.Content, l.Driver, l.Handle = name, c.Spec.Driver, c.Status.Handle
	return err
}

// clearGroup is Clear of a group.
func (e *Engine) clearGroup(ctx context.Context, l Leftover, keep bool) error {
	g := l.group
	if !keep {
		return (&discarding{Engine: e, backup: l.Backup}).group(ctx, g.kinds, g.snapshot)
	}
	members, err := e.membersOf(ctx, g.snapshot)
	if err != nil {
		return err
	}
	if err := e.dropGroup(ctx, g.kinds, g.snapshot, retain); err != nil {
		return err
	}
	return each(members, func(s volumeSnapshot) error {
		m := s.Metadata
		return e.Clear(ctx, Leftover{Object: m.Namespace + "/" + m.Name, Content: s.Status.Content, object: m, content: metadata{Name: s.Status.Content}}, true)
	})
}
