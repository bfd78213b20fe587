package restore

import (
	"context"
	"fmt"
	"slices"

	"salvor.io/salvor/shared/salvor"
)

// noteScaled notes that the workload is about to be scaled down.
func (r *run) noteScaled(w salvor.ScaledWorkload) {
	r.tally.unscale(w.Kind, w.Namespace, w.Name)
	r.tally.mu.Lock()
	r.tally.scaled = append(r.tally.scaled, w)
	r.tally.mu.Unlock()
}

// unscale forgets the workload: it has what it had.
func (t *tally) unscale(kind, namespace, name string) {
	t.mu.Lock()
	t.scaled = slices.DeleteFunc(t.scaled, func(w salvor.ScaledWorkload) bool {
		return w.Kind == kind && w.Namespace == namespace && w.Name == name
	})
	t.mu.Unlock()
}

// saveScaled records in the catalog which workloads are scaled down, before one is. Fenced: another process has taken over.
func (r *run) saveScaled(ctx context.Context) error {
	_, err := mutate(ctx, r.e.Catalog, r.name, func(stored *salvor.Restore) error {
		if stored.Status.Lease.Epoch != r.epoch {
			return fenced(stored, stored.Status.Lease.Holder)
		}
		r.tally.mu.Lock()
		stored.Status.ScaledDown = slices.Clone(r.tally.scaled)
		r.tally.mu.Unlock()
		return nil
	})
	if err != nil {
		return fmt.Errorf("recording what is scaled down: %w", err)
	}
	return nil
}
