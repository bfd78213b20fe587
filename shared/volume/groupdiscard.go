package volume

import (
	"context"
)

// groups deletes the VolumeGroupSnapshots of which no snapshot is kept, with their snapshots. Members of others are not
// kept by themselves: their contents let them go when the group does.
func (d *discarding) groups(ctx context.Context) error {
	kinds, err := d.groupKinds(ctx)
	if err != nil || kinds == nil {
		return err
	}
	var found []groupSnapshot
	err = list(ctx, d.Cluster, kinds.snapshot, "", selectorOf(BackupLabels(d.CatalogID, d.backup)), func(g groupSnapshot) error {
		if d.mine(g.Metadata) {
			found = append(found, g)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := each(found, func(g groupSnapshot) error { return d.group(ctx, kinds, g) }); err != nil {
		return err
	}
	return d.groupOrphans(ctx, kinds)
}

func (d *discarding) group(ctx context.Context, kinds *groupKinds, g groupSnapshot) error {
	members, err := d.membersOf(ctx, g)
	if err != nil {
		return err
	}
	for _, m := range members {
		if d.objects[m.Metadata.Namespace+"/"+m.Metadata.Name] {
			return nil
		}
	}
	for _, m := range members {
		if m.Status.Content != "" {
			if err := d.unretain(ctx, m.Status.Content); err != nil {
				return err
			}
		}
	}
	return d.dropGroup(ctx, kinds, g, deleteWithout)
}

// groupOrphans deletes contents whose VolumeGroupSnapshot somebody has deleted.
func (d *discarding) groupOrphans(ctx context.Context, kinds *groupKinds) error {
	var found []groupContent
	err := list(ctx, d.Cluster, kinds.content, "", selectorOf(BackupLabels(d.CatalogID, d.backup)), func(c groupContent) error {
		if d.mine(c.Metadata) && !d.groupHandles[c.handle()] && c.Metadata.DeletionTimestamp == nil {
			found = append(found, c)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return each(found, func(c groupContent) error {
		if err := d.setGroupPolicy(ctx, kinds, c.Metadata.Name, deleteWithout); err != nil {
			return err
		}
		return d.remove(ctx, kinds.content, c.Metadata)
	})
}
