package volume

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
)

// Clear removes a leftover from the cluster: with its snapshot, or, if that is to be kept, without. It waits until it is
// gone. Unavailable: it was asked for, and a controller or the driver has not come round to it in time.
func (e *Engine) Clear(ctx context.Context, l Leftover, keep bool) error {
	policy := deleteWithout
	if keep {
		policy = retain
	}
	if l.Group {
		return e.clearGroup(ctx, l, policy)
	}
	if err := e.setPolicy(ctx, l.Content, policy); err != nil {
		return err
	}
	return e.untilGone(ctx, policy, func() (string, error) {
		// The content goes after it: for one that has lost its content the snapshot controller makes another.
		if l.Object != "" {
			if there, err := e.deleteOne(ctx, snapshotKind, l.object); err != nil || there {
				return "VolumeSnapshot " + l.Object, err
			}
		}
		if l.Content == "" {
			return "", nil
		}
		there, said, err := e.deleteContent(ctx, l.Content, policy)
		if err != nil || !there {
			return "", err
		}
		return "VolumeSnapshotContent " + l.Content + said, nil
	})
}

// deleteContent deletes a content, and reports whether it is there, and what its driver says.
func (e *Engine) deleteContent(ctx context.Context, name, policy string) (there bool, said string, err error) {
	raw, err := e.Cluster.Get(ctx, contentKind, "", name)
	if apierrors.IsNotFound(err) {
		return false, "", nil
	}
	if err != nil {
		return false, "", fmt.Errorf("reading VolumeSnapshotContent %s: %w", name, err)
	}
	c, err := decode[snapshotContent](contentKind, raw)
	if err != nil || c.Metadata.DeletionTimestamp != nil {
		return true, driverSays(c.Status.Error), err
	}
	if policy == deleteWithout && c.Status.GroupHandle != "" { // only now its driver has said so
		return true, "", salvor.Errorf(salvor.Conflict, "snapshot %s is one of group %s, and goes with that", c.handle(), c.Status.GroupHandle).
			WithHint("look for orphans again")
	}
	if policy == deleteWithout && c.Spec.Source.Handle != "" {
		return true, driverSays(c.Status.Error), e.deleteData(ctx, c)
	}
	_, err = e.deleteOne(ctx, contentKind, c.Metadata)
	return true, driverSays(c.Status.Error), err
}

func driverSays(e *snapshotError) string {
	if said := e.said(); said != "" {
		return ", and its driver says: " + said
	}
	return ""
}

// setPolicy says whether the snapshot of a content goes with it, and lets the csi-snapshotter remove it once it is deleted.
func (e *Engine) setPolicy(ctx context.Context, content, policy string) error {
	if content == "" {
		return nil
	}
	c, err := merge[snapshotContent](ctx, e.Cluster, contentKind, "", content, leaving(beingDeleted, policy))
	return policySet(contentKind, content, policy, c.Spec.DeletionPolicy, err)
}

// setGroupPolicy is setPolicy for the content of a group.
func (e *Engine) setGroupPolicy(ctx context.Context, k *groupKinds, content, policy string) error {
	if content == "" {
		return nil
	}
	c, err := merge[groupContent](ctx, e.Cluster, k.content, "", content, leaving(groupBeingDeleted, policy))
	return policySet(k.content, content, policy, c.Spec.DeletionPolicy, err)
}

// leaving is the change that lets a content go, by the annotation that its csi-snapshotter waits for.
func leaving(annotation, policy string) map[string]any {
	return map[string]any{"metadata": map[string]any{"annotations": map[string]string{annotation: "yes"}}, "spec": map[string]any{"deletionPolicy": policy}}
}

// policySet is what came of setting a policy. What is gone needs none.
func policySet(r cluster.Resource, name, policy, says string, err error) error {
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("setting %s %s to %s: %w", r.Kind, name, policy, err)
	case says != policy:
		return salvor.Errorf(salvor.Conflict, "%s %s was set to %s and says %s: something in the cluster changes it; it is not deleted", r.Kind, name, policy, says)
	}
	return nil
}

// untilGone deletes again and again until nothing is left, or the time for it is over.
func (e *Engine) untilGone(ctx context.Context, policy string, del func() (left string, err error)) error {
	tuning := e.Tuning.withDefaults()
	most := tuning.GoneTime
	if policy == deleteWithout {
		most = tuning.RemoveTime
	}
	left := ""
	gone, err := e.until(ctx, most, func() (_ bool, err error) {
		left, err = del()
		return left == "", err
	})
	if err != nil || gone {
		return err
	}
	return salvor.Errorf(salvor.Unavailable, "it is deleted, and not gone yet: %s", left).
		WithHint("see its events, and whether the snapshot controller runs, and the csi-snapshotter of the driver; then try again")
}
