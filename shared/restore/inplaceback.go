package restore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/transform"
	"salvor.io/salvor/shared/volume"
)

// abandon puts back what is to be put back when the restore ends with an error, unless another process goes on with it.
func (r *run) abandon(ctx context.Context, err error) {
	if err != nil && !r.leave() && !salvor.Is(err, salvor.Fenced) {
		r.putAllBack(ctx)
	}
}

// putAllBack puts back whatever this restore has begun to replace and not finished; it goes on when the restore was stopped.
func (r *run) putAllBack(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.plan.Spec.VolumeTimeout())
	defer cancel()
	if r.target == nil {
		if !r.resumed {
			return // it has done nothing there
		}
		var err error
		if r.target, err = r.e.Connect(ctx, r.plan.Spec.TargetCluster); err != nil {
			r.tally.warn("what it had begun could not be looked for and put back: %v", err)
			return
		}
	}
	if r.plan.Spec.InPlace() {
		if err := r.putBack(ctx, nil); err != nil {
			r.tally.warn("what was to be replaced in place could not be put back: %v; PersistentVolumes and workloads carry the annotations %s and %s", err, annotationHeld, annotationScaled)
		}
	}
	if len(r.plan.Volumes) > 0 || r.resumed && r.plan.Spec.VolumeMode() == salvor.RestoreVolumeSnapshots {
		_ = r.cleanUp(ctx, func(h helper) bool { // what goes wrong is a warning, and the restore has failed anyway
			idle, err := r.idle(ctx, h)
			return h.restore == r.name && idle && err == nil
		})
	}
}

// putBack puts back the claims, by namespace/name; nil: all that this restore has begun to replace.
func (r *run) putBack(ctx context.Context, keys []string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.plan.Spec.VolumeTimeout()+time.Minute)
	defer cancel()
	list, err := r.heldVolumes(ctx)
	if err != nil {
		return err
	}
	if keys != nil {
		list = slices.DeleteFunc(list, func(h *heldVolume) bool { return !slices.Contains(keys, h.key()) })
	}
	list, replaced := unreplaced(list)
	var failed []error
	for _, h := range replaced { // by a process that died while it let go of them
		failed = append(failed, r.release(ctx, h))
	}
	if len(list) == 0 {
		return errors.Join(failed...)
	}
	r.tally.begin("putting back what was to be replaced in place")
	workloads, err := r.workloadsOf(ctx, list)
	if err != nil {
		return err
	}
	for _, h := range list {
		if err := r.putClaimBack(ctx, h, workloads); err != nil {
			failed = append(failed, fmt.Errorf("claim %s: %w", h.key(), err))
		}
	}
	if err := errors.Join(failed...); err != nil {
		return err
	}
	if err := r.scaleUp(ctx, workloads); err != nil {
		return err
	}
	for _, h := range list {
		failed = append(failed, r.release(ctx, h), r.removeHelpers(ctx, h.namespace, r.helperOf(h.key())))
	}
	return errors.Join(failed...)
}

func (r *run) helperOf(key string) string {
	return transform.SourcePrefix + volume.Hash(fmt.Sprintf("%s\n%s\n%d\n%s", r.e.CatalogID, r.name, r.born.Unix(), key))
}

// putClaimBack makes the old claim again, with its old volume.
func (r *run) putClaimBack(ctx context.Context, h *heldVolume, workloads []*workload) error {
	live, err := r.look(ctx, claimKind, h.namespace, h.claim)
	if err != nil {
		return err
	}
	if live != nil && textOf(live, "spec", "volumeName") == h.name && !deleting(live) {
		return r.bound(ctx, h)
	}
	if live != nil {
		if transform.SourceOf(live) != r.helperOf(h.key()) && textOf(live, "metadata", "uid") != h.UID {
			return errors.New("something else made it anew")
		}
		if err := r.scaleDown(ctx, workloads); err != nil {
			return err
		}
		if err := r.noPods(ctx, h.namespace, h.claim); err != nil {
			return err
		}
		if err := r.deleteClaim(ctx, live); err != nil {
			return err
		}
	}
	// Without the UID of the claim that is gone, a new one of its name may have the volume.
	err = r.merge(ctx, volumeKind, "", h.name, map[string]any{"spec": map[string]any{"claimRef": map[string]any{"uid": nil, "resourceVersion": nil}}})
	if err != nil {
		return fmt.Errorf("freeing PersistentVolume %s: %w", h.name, err)
	}
	_, _, err = r.try(ctx, func(ctx context.Context) ([]byte, error) {
		return r.target.Create(ctx, claimKind, h.namespace, h.Claim)
	})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("making it again: %w", err)
	}
	return r.bound(ctx, h)
}

// bound waits until the claim has its old volume.
func (r *run) bound(ctx context.Context, h *heldVolume) error {
	ok, err := r.poll(ctx, time.Minute, func() (bool, error) {
		live, err := r.look(ctx, claimKind, h.namespace, h.claim)
		return textOf(live, "spec", "volumeName") == h.name && textOf(live, "status", "phase") == "Bound", err
	})
	if err == nil && !ok {
		err = fmt.Errorf("it is not bound to PersistentVolume %s again", h.name)
	}
	return err
}
