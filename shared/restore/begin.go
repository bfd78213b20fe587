package restore

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

// Begin records the restore as Pending. When one of that name is there already it returns that one, created false:
// asking twice does it once. Invalid: the spec is wrong; NotFound: it names a cluster that isn't there.
func (e *Engine) Begin(ctx context.Context, r *salvor.Restore) (recorded *salvor.Restore, created bool, err error) {
	r.Default()
	if errs := r.Validate(); len(errs) > 0 {
		return nil, false, salvor.Errorf(salvor.Invalid, "restore %q: %w", r.Name, errs.ToAggregate())
	}
	if _, err := e.targetID(ctx, r.Spec.TargetCluster); err != nil {
		return nil, false, fmt.Errorf("restore %q: %w", r.Name, err)
	}
	r.Status = salvor.RestoreStatus{Phase: salvor.PhasePending}
	r.CreationTimestamp = metav1.NewTime(e.Now())
	err = e.Catalog.Create(ctx, r)
	if salvor.Is(err, salvor.Exists) {
		recorded, err = get(ctx, e.Catalog, r.Name)
		return recorded, false, err
	}
	if err != nil {
		return nil, false, fmt.Errorf("restore %q: recording it: %w", r.Name, err)
	}
	return r, true, nil
}

// targetID returns the id, in stored keys, of the cluster that the name means.
func (e *Engine) targetID(ctx context.Context, name string) (string, error) {
	o, err := e.Catalog.Get(ctx, salvor.KindCluster, name)
	if salvor.Is(err, salvor.NotFound) {
		return "", salvor.Errorf(salvor.NotFound, "spec.targetCluster: there is no cluster %q", name).WithHint("salvor get clusters lists them")
	}
	if err != nil {
		return "", fmt.Errorf("spec.targetCluster: %w", err)
	}
	return o.(*salvor.Cluster).ID(), nil
}

// RequestCancel asks whoever works on the restore to stop after the objects in flight. One that nobody has begun, or whose
// process has died, is Canceled at once, unless it replaces in place: the next process puts back first what was begun.
func RequestCancel(ctx context.Context, c catalog.Objects, name string, now time.Time) (*salvor.Restore, error) {
	return mutate(ctx, c, name, func(r *salvor.Restore) error {
		if r.Status.Phase.Done() {
			return salvor.Errorf(salvor.Conflict, "restore %q is %s already", name, r.Status.Phase)
		}
		r.Status.CancelRequested = true
		switch l := &r.Status.Lease; {
		case r.Status.StartedAt.IsZero():
			r.Status.Phase, r.Status.Message = salvor.PhaseCanceled, "canceled before it began"
		case len(r.Status.ScaledDown) > 0, r.Spec.InPlace():
			// Whoever takes it up puts that back: a claim may be gone, or its old volume held.
		case l.Holder != "" && !l.Live(now):
			*l = salvor.Lease{Epoch: l.Epoch + 1} // should it live after all, it is fenced
			r.Status.Phase, r.Status.CompletedAt, r.Status.Checkpoint, r.Status.MissingNamespaces = salvor.PhaseCanceled, metav1.NewTime(now), "", nil
			r.Status.Message = "canceled; the process that did it had died, and what it has applied stays"
		}
		return nil
	})
}

func get(ctx context.Context, c catalog.Objects, name string) (*salvor.Restore, error) {
	o, err := c.Get(ctx, salvor.KindRestore, name)
	if err != nil {
		return nil, err
	}
	return o.(*salvor.Restore), nil
}

// mutate reads the restore, lets change modify it and writes it back, again from the start while somebody else changes it.
func mutate(ctx context.Context, c catalog.Objects, name string, change func(*salvor.Restore) error) (*salvor.Restore, error) {
	for {
		r, err := get(ctx, c, name)
		if err != nil {
			return nil, err
		}
		if err := change(r); err != nil {
			return nil, err
		}
		err = c.Update(ctx, r)
		if err == nil {
			return r, nil
		}
		if !salvor.Is(err, salvor.Conflict) {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
}
