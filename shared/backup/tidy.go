package backup

import (
	"context"
	"errors"
	"fmt"

	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/salvor"
)

// Tidy removes from the cluster, and from its drivers, what was cut for a backup that was canceled or given up while nobody
// worked on it; a worker that ends its backup does so itself. If a manifest was stored all the same, all of it stays. There
// may be nothing.
func (e *Engine) Tidy(ctx context.Context, b *salvor.Backup) error {
	s := b.Status
	if s.Phase != salvor.PhaseCanceled && s.Phase != salvor.PhaseFailed || s.Lease.Epoch == 0 || b.Spec.Location == "" {
		return nil
	}
	if err := e.tidy(ctx, b); err != nil {
		return fmt.Errorf("backup %s: removing the snapshots that were cut for it: %w", b.ID(), err)
	}
	return nil
}

func (e *Engine) tidy(ctx context.Context, b *salvor.Backup) error {
	repo, err := e.Store(ctx, b)
	if err != nil {
		return err
	}
	if _, _, err := repo.Manifest(ctx, b.Name); !errors.Is(err, location.ErrNotFound) {
		return err
	}
	site, err := e.Open(ctx, b)
	if err != nil || site.Volumes == nil {
		return err
	}
	return site.Volumes.Discard(ctx, b.ID(), b.Status.Lease.Epoch, nil)
}
