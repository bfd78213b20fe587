package restore

import (
	"context"
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
	return r.remember(ctx, "what is scaled down", func(s *salvor.RestoreStatus) {
		r.tally.mu.Lock()
		s.ScaledDown = slices.Clone(r.tally.scaled)
		r.tally.mu.Unlock()
	})
}
