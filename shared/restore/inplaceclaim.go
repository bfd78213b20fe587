package restore

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/volume"
)

// annotationHeld is on an old PersistentVolume while its claim is replaced: all that putting it back needs.
const annotationHeld = "salvor.io/in-place"

// heldVolume is the content of the annotation.
type heldVolume struct {
	Restore string `json:"restore"`
	// Claim is the claim as it was, Policy the reclaim policy.
	Claim  json.RawMessage `json:"claim"`
	Policy string          `json:"policy"`
	// UID is that of the old claim.
	UID string `json:"uid"`
	// Group names what goes together. Replaced says that all of it has its new volumes: then none is put back any more.
	Group    string `json:"group,omitempty"`
	Replaced bool   `json:"replaced,omitempty"`

	name             string // of the PersistentVolume
	namespace, claim string
}

func (h *heldVolume) key() string { return h.namespace + "/" + h.claim }

// findHeld finds the volumes that an earlier process of this restore holds.
func (r *run) findHeld(ctx context.Context) error {
	r.held = map[string]*heldVolume{}
	if !r.plan.Spec.InPlace() || !r.resumed {
		return nil
	}
	list, err := r.heldVolumes(ctx)
	for _, h := range list {
		r.held[h.key()] = h
	}
	return err
}

// heldLabels are those of a held volume. It belongs to its user, who may have labels of other names on it.
func (r *run) heldLabels() map[string]string {
	labels := volume.RestoreLabels(r.e.CatalogID, r.name)
	delete(labels, volume.LabelManaged)
	return labels
}

// heldVolumes lists the volumes that this restore holds.
func (r *run) heldVolumes(ctx context.Context) (list []*heldVolume, err error) {
	selector := volume.LabelCatalog + "=" + volume.Hash(r.e.CatalogID) + "," + volume.LabelRestore + "=" + volume.Hash(r.name)
	err = r.each(ctx, cluster.ListRequest{Resource: volumeKind, LabelSelector: selector}, func(i cluster.Item) {
		h := &heldVolume{}
		if json.Unmarshal([]byte(textOf(i.Raw, "metadata", "annotations", annotationHeld)), h) != nil || h.Restore != r.name {
			return
		}
		h.name, h.namespace, h.claim = i.Name, textOf(h.Claim, "metadata", "namespace"), textOf(h.Claim, "metadata", "name")
		list = append(list, h)
	})
	if err != nil {
		return nil, fmt.Errorf("listing the volumes that are replaced in place: %w", err)
	}
	return list, nil
}

// hold makes sure that the old volumes outlive their claims, and returns how many claims are still to be made anew.
func (r *run) hold(ctx context.Context, g *group) (olds int, err error) {
	for _, c := range g.claims {
		live, err := r.look(ctx, claimKind, c.v.Namespace, c.v.Claim)
		switch {
		case err != nil:
			return 0, err
		case live != nil && r.ours(live, c.v):
			continue
		case live != nil && !deleting(live):
			if err := r.holdVolume(ctx, live, g.claims[0].v.String()); err != nil {
				return 0, fmt.Errorf("claim %s: %w", c.v, err)
			}
		}
		olds++
	}
	return olds, nil
}

// holdVolume makes the volume of the claim stay when the claim is deleted, and notes on it how to put it back.
func (r *run) holdVolume(ctx context.Context, claim []byte, group string) error {
	name := textOf(claim, "spec", "volumeName")
	if name == "" || textOf(claim, "status", "phase") != "Bound" {
		return fmt.Errorf("it has no volume yet, so that there is nothing to put back if a step fails; delete it and restore again")
	}
	for range 5 {
		live, err := r.look(ctx, volumeKind, "", name)
		if err != nil {
			return err
		}
		if live == nil {
			return fmt.Errorf("its PersistentVolume %s is gone", name)
		}
		if textOf(live, "metadata", "annotations", annotationHeld) != "" {
			h := &heldVolume{}
			if err := json.Unmarshal([]byte(textOf(live, "metadata", "annotations", annotationHeld)), h); err == nil && h.Restore != r.name {
				return fmt.Errorf("restore %q is replacing it in place, or died while it did: let that one go on first", h.Restore)
			}
			return nil
		}
		note, err := json.Marshal(heldVolume{Restore: r.name, Claim: withoutMeta(claim), Policy: textOf(live, "spec", "persistentVolumeReclaimPolicy"), UID: textOf(claim, "metadata", "uid"), Group: group})
		if err != nil {
			return fmt.Errorf("encoding the claim: %w", err)
		}
		err = r.merge(ctx, volumeKind, "", name, map[string]any{
			"metadata": map[string]any{"resourceVersion": textOf(live, "metadata", "resourceVersion"),
				"labels": r.heldLabels(), "annotations": map[string]string{annotationHeld: string(note)}},
			"spec": map[string]any{"persistentVolumeReclaimPolicy": "Retain"},
		})
		if !apierrors.IsConflict(err) {
			return err
		}
	}
	return fmt.Errorf("its PersistentVolume %s is changed by something else all the time", name)
}

// withoutMeta is the claim as it can be created again, bound to its volume.
func withoutMeta(claim []byte) []byte {
	var o map[string]any
	if json.Unmarshal(claim, &o) != nil {
		return claim
	}
	delete(o, "status")
	if meta, ok := o["metadata"].(map[string]any); ok {
		for _, key := range []string{"uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "selfLink", "finalizers"} {
			delete(meta, key)
		}
		if a, ok := meta["annotations"].(map[string]any); ok {
			delete(a, "pv.kubernetes.io/bind-completed")
		}
	}
	body, err := json.Marshal(o)
	if err != nil {
		return claim
	}
	return body
}

// renew deletes the old claim and makes the new one.
func (r *run) renew(ctx context.Context, c *replacement) error {
	live, err := r.look(ctx, claimKind, c.v.Namespace, c.v.Claim)
	if err != nil {
		return err
	}
	if live != nil && r.ours(live, c.v) {
		return nil
	}
	if live != nil {
		if err := r.deleteClaim(ctx, live); err != nil {
			return err
		}
	}
	_, _, err = r.create(ctx, c.o)
	if apierrors.IsAlreadyExists(err) {
		if live, err = r.look(ctx, claimKind, c.v.Namespace, c.v.Claim); err == nil && !r.ours(live, c.v) {
			err = fmt.Errorf("something else made claim %s in the moment between", c.v)
		}
	}
	return err
}

// mayDelete finds out whether the claim may be deleted, by asking for one that can't be there.
func (r *run) mayDelete(ctx context.Context, v *Volume) error {
	_, _, err := r.try(ctx, func(ctx context.Context) ([]byte, error) {
		return nil, r.target.Delete(ctx, claimKind, v.Namespace, v.Claim, cluster.DeleteOptions{UID: "none"})
	})
	if denied(err) {
		return fmt.Errorf("it may not be deleted: %w; put the identity into the group salvor-restore-in-place (infra/kubernetes/rbac.yaml)", err)
	}
	return nil // a conflict, which is the answer to be expected; what else is wrong shows again
}

// deleteClaim deletes this very claim and waits until it is gone.
func (r *run) deleteClaim(ctx context.Context, live []byte) error {
	ns, name, uid := textOf(live, "metadata", "namespace"), textOf(live, "metadata", "name"), textOf(live, "metadata", "uid")
	_, _, err := r.try(ctx, func(ctx context.Context) ([]byte, error) {
		return nil, r.target.Delete(ctx, claimKind, ns, name, cluster.DeleteOptions{UID: types.UID(uid)})
	})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("deleting claim %s/%s: %w", ns, name, err)
	}
	limit := r.plan.Spec.VolumeTimeout()
	gone, err := r.poll(ctx, limit, func() (bool, error) {
		now, err := r.look(ctx, claimKind, ns, name)
		return now == nil || textOf(now, "metadata", "uid") != uid, err
	})
	if err == nil && !gone {
		err = fmt.Errorf("claim %s/%s was deleted and is still there after %s: a pod uses it, or a finalizer holds it", ns, name, limit)
	}
	return err
}

// letGo gives the old volumes of the group their reclaim policies back: those that say Delete go now. Not one goes before all
// are marked as replaced, or a process that dies in between would put back the data of one claim and not that of another.
func (r *run) letGo(ctx context.Context, g *group) error {
	list, err := r.heldVolumes(ctx)
	if err != nil {
		return err
	}
	keys := g.keys()
	list = slices.DeleteFunc(list, func(h *heldVolume) bool { return !slices.Contains(keys, h.key()) })
	if len(list) > 1 {
		for _, h := range list {
			if err := r.markReplaced(ctx, h); err != nil {
				return err
			}
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	for _, h := range list {
		if err := r.release(ctx, h); err != nil {
			r.tally.warn("claim %s is replaced, and %v; it carries the annotation %s", h.key(), err, annotationHeld)
		}
	}
	return nil
}

// markReplaced notes on the old volume that all of its group is replaced.
func (r *run) markReplaced(ctx context.Context, h *heldVolume) error {
	if h.Replaced {
		return nil
	}
	h.Replaced = true
	note, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("encoding the claim: %w", err)
	}
	err = r.merge(ctx, volumeKind, "", h.name, map[string]any{"metadata": map[string]any{"annotations": map[string]string{annotationHeld: string(note)}}})
	if err != nil {
		return fmt.Errorf("marking PersistentVolume %s as replaced: %w", h.name, err)
	}
	return nil
}

// unreplaced parts those that can be put back from those of groups of which all are marked: of these some may be gone.
func unreplaced(list []*heldVolume) (back, replaced []*heldVolume) {
	open := map[string]bool{}
	for _, h := range list {
		open[h.Group] = open[h.Group] || !h.Replaced
	}
	for _, h := range list {
		if open[h.Group] {
			back = append(back, h)
		} else {
			replaced = append(replaced, h)
		}
	}
	return back, replaced
}

// release takes the note off the volume and gives it its policy back.
func (r *run) release(ctx context.Context, h *heldVolume) error {
	labels := map[string]any{}
	for key := range r.heldLabels() {
		labels[key] = nil
	}
	err := r.merge(ctx, volumeKind, "", h.name, map[string]any{
		"metadata": map[string]any{"labels": labels, "annotations": map[string]any{annotationHeld: nil}},
		"spec":     map[string]any{"persistentVolumeReclaimPolicy": h.Policy},
	})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("letting go of PersistentVolume %s: %w", h.name, err)
	}
	return nil
}

// merge sends a merge patch.
func (r *run) merge(ctx context.Context, kind cluster.Resource, namespace, name string, patch map[string]any) error {
	body, err := json.Marshal(patch)
	if err != nil {
		return fmt.Errorf("encoding a patch of %s %s: %w", kind, name, err)
	}
	_, _, err = r.try(ctx, func(ctx context.Context) ([]byte, error) {
		return r.target.Patch(ctx, kind, namespace, name, types.MergePatchType, body)
	})
	return err
}
