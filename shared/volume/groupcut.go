package volume

import (
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// cutGroup is a group whose snapshot is being cut.
type cutGroup struct {
	Group
	name string
	// members are the VolumeSnapshots that the snapshot controller made for it, by claim.
	members map[string]volumeSnapshot
	// kept says that its content is Retain, lost why nothing will come of it, last what was heard of it.
	kept       bool
	lost, last string
}

// take makes the volumes of the groups wait for these.
func (c *cutting) take(groups []Group, began time.Time) {
	for _, g := range groups {
		cut := &cutGroup{Group: g, name: c.name(began, "group "+g.Namespace+"/"+g.Driver)}
		var members []*pending
		for _, p := range c.pending {
			if v := p.volume; v.Namespace == g.Namespace && v.Driver == g.Driver && slices.Contains(g.Claims, v.Claim) {
				members = append(members, p)
			}
		}
		if len(members) != len(g.Claims) {
			continue // not all of them are cut now
		}
		for _, p := range members {
			p.group = cut
			p.volume.Snapshot.Class, p.volume.Snapshot.ClassParameters = g.class.Metadata.Name, g.class.Parameters
		}
		c.groups = append(c.groups, cut)
	}
}

// groupBound is the snapshot controller's own finalizer on a VolumeGroupSnapshot, which it sets only when there is a content.
const groupBound = "groupsnapshot.storage.kubernetes.io/volumegroupsnapshot-bound-protection"

// createGroup makes the VolumeGroupSnapshot. With the finalizer it is there until the snapshot controller has seen that it
// is deleted: one that had it in its hands already would make a content for it, and the driver a snapshot, that nobody knows of.
func (c *cutting) createGroup(ctx context.Context, g *cutGroup) error {
	body, err := encode(map[string]any{
		"apiVersion": g.kinds.snapshot.APIVersion(), "kind": g.kinds.snapshot.Kind,
		"metadata": map[string]any{"name": g.name, "namespace": g.Namespace, "finalizers": []string{groupBound}, "labels": c.labels(), "annotations": map[string]string{AnnotationFor: c.Backup.String()}},
		"spec": map[string]any{"volumeGroupSnapshotClassName": g.class.Metadata.Name,
			"source": map[string]any{"selector": g.Selector}},
	})
	if err != nil {
		return err
	}
	g.lost, err = c.createUntil(ctx, g.kinds.snapshot, g.Namespace, body)
	return err
}

// lookGroups takes one look at the groups that are waited for.
func (c *cutting) lookGroups(ctx context.Context) error {
	for _, g := range c.groups {
		if g.lost != "" || !c.waitsFor(g) {
			continue
		}
		if err := c.lookGroup(ctx, g); err != nil {
			return err
		}
	}
	return nil
}

func (c *cutting) waitsFor(g *cutGroup) bool {
	for _, p := range c.pending {
		if p.group == g {
			return true
		}
	}
	return false
}

func (c *cutting) lookGroup(ctx context.Context, g *cutGroup) error {
	raw, err := c.Cluster.Get(ctx, g.kinds.snapshot, g.Namespace, g.name)
	if apierrors.IsNotFound(err) {
		g.lost = "its VolumeGroupSnapshot was deleted while it was cut"
		return nil
	}
	if err != nil {
		return err
	}
	s, err := decode[groupSnapshot](g.kinds.snapshot, raw)
	if err != nil {
		return err
	}
	g.last = "its group was not cut in time: driver " + g.Driver + " has not answered"
	if said := s.Status.Error.said(); said != "" {
		g.last = said
	}
	if s.Status.Content == "" || s.Status.CreationTime == nil {
		return nil
	}
	if err := c.keepGroup(ctx, g, s); err != nil {
		return err
	}
	members, err := c.membersOf(ctx, s)
	g.members = map[string]volumeSnapshot{}
	for _, m := range members {
		g.members[m.Spec.Source.Claim] = m
	}
	return err
}

// keepGroup makes the content of the group Retain, and reads back that it does.
func (c *cutting) keepGroup(ctx context.Context, g *cutGroup, s groupSnapshot) error {
	if g.kept {
		return nil
	}
	_, err := merge[groupContent](ctx, c.Cluster, g.kinds.content, "", s.Status.Content, marks(c.CatalogID, c.Backup, c.Epoch, retain))
	if err == nil {
		var raw []byte
		raw, err = c.Cluster.Get(ctx, g.kinds.content, "", s.Status.Content)
		if err == nil {
			var content groupContent
			content, err = decode[groupContent](g.kinds.content, raw)
			g.kept = content.Spec.DeletionPolicy == retain && content.Status.Handle != ""
		}
	}
	if err == nil {
		return nil
	}
	reason := fmt.Sprintf("its VolumeGroupSnapshotContent %s could not be set to Retain: %v", s.Status.Content, err)
	if refused(err) {
		g.lost = reason
	}
	g.last = reason
	return nil
}

// ofGroup is the VolumeSnapshot of a member of a group, once there is one and the group is kept.
func (c *cutting) ofGroup(p *pending) (s volumeSnapshot, there bool) {
	g := p.group
	if g.lost != "" {
		p.fail(g.lost)
		return s, false
	}
	p.last = g.last
	s, there = g.members[p.volume.Claim]
	return s, there && g.kept
}

// mark labels the VolumeSnapshot of a member, which the snapshot controller made without.
func (c *cutting) mark(ctx context.Context, s volumeSnapshot) error {
	_, err := merge[volumeSnapshot](ctx, c.Cluster, snapshotKind, s.Metadata.Namespace, s.Metadata.Name, map[string]any{
		"metadata": map[string]any{"labels": c.labels(), "annotations": map[string]string{AnnotationFor: c.Backup.String()}}})
	return err
}
