package repository

import (
	"context"
	"errors"
	"fmt"

	"salvor.io/salvor/shared/location"
)

// Remove takes away what is stored of one backup alone: first the manifest, so that it does not exist any more, then its
// reports. Its segments stay: other backups may share them. A backup that is not there is removed already.
// Conflict: another catalog owns the repository.
func (r *Repository) Remove(ctx context.Context, backup, catalog string) error {
	err := r.CheckOwner(ctx, catalog)
	if errors.Is(err, location.ErrNotFound) {
		return nil // nobody has written here
	}
	if err != nil {
		return err
	}
	if err := r.loc.Delete(ctx, r.keys.Manifest(backup)); err != nil {
		return fmt.Errorf("removing the manifest of backup %q: %w", backup, err)
	}
	for info, err := range r.loc.List(ctx, r.keys.Report(backup, ""), "") {
		if err != nil {
			return fmt.Errorf("listing what is stored of backup %q: %w", backup, err)
		}
		if err := r.loc.Delete(ctx, info.Key); err != nil {
			return fmt.Errorf("removing %s: %w", info.Key, err)
		}
	}
	return nil
}
