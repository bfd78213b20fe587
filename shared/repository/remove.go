package repository

import (
	"context"
	"errors"
	"fmt"
	"time"

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
		if err := location.Hide(ctx, r.loc, info.Key); err != nil { // it may be locked for longer than the manifest was
			return fmt.Errorf("removing %s: %w", info.Key, err)
		}
	}
	return nil
}

// LockedUntil returns when the lock on the backup's manifest ends; zero: it is not locked, or there is none.
func (r *Repository) LockedUntil(ctx context.Context, backup string) (time.Time, error) {
	info, err := r.loc.Stat(ctx, r.keys.Manifest(backup))
	if errors.Is(err, location.ErrNotFound) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("looking for a lock on backup %q: %w", backup, err)
	}
	return info.LockedUntil, nil
}
