package backup

import (
	"context"
	"fmt"
	"time"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/salvor"
)

// Remover is what deleting a backup needs.
type Remover struct {
	// Open reaches the location that the backup is in.
	Open func(ctx context.Context, b *salvor.Backup) (*repository.Repository, error)
	// CatalogID is that of owner.json.
	CatalogID string
	// Now is the clock.
	Now func() time.Time
	// Force deletes also what still owes a thaw.
	Force bool
}

// RequestDelete lets a backup turn Deleting: nobody finds or restores it any more, and Delete removes it.
// Conflict: it is being made, or still owes a thaw, unless that is forced.
func RequestDelete(ctx context.Context, c catalog.Backups, id salvor.BackupID, now time.Time, force bool) (*salvor.Backup, error) {
	return catalog.MutateBackup(ctx, c, id, func(b *salvor.Backup) error {
		s := &b.Status
		if s.Phase != salvor.PhaseDeleting && !s.Phase.Done() && s.Lease.Holder != "" && now.Before(s.Lease.Expires.Time) {
			return salvor.Errorf(salvor.Conflict, "backup %s is being made by %s", id, s.Lease.Holder).WithHint("cancel it first")
		}
		if s.Thaw != nil && !force {
			return salvor.Errorf(salvor.Conflict, "backup %s still owes a thaw since %s", id, s.Thaw.Since.UTC().Format(time.RFC3339)).
				WithHint("thaw the application, then delete it by force")
		}
		s.Phase, s.Message = salvor.PhaseDeleting, "its data is being removed"
		s.Lease = salvor.Lease{Epoch: s.Lease.Epoch + 1} // a worker that still runs must not store a manifest
		return nil
	})
}

// Delete removes a backup: it turns Deleting, loses its manifest and reports, and is then forgotten. Interrupted, it is
// done again from the start. Segments stay until a collector finds that no manifest refers to them.
// Conflict as in RequestDelete.
func Delete(ctx context.Context, c catalog.Backups, id salvor.BackupID, r Remover) error {
	b, err := RequestDelete(ctx, c, id, r.Now(), r.Force)
	if err != nil {
		return err
	}
	if b.Spec.Location != "" { // a rehearsal has none
		repo, err := r.Open(ctx, b)
		if err == nil {
			err = repo.Remove(ctx, b.Name, r.CatalogID)
		}
		if err != nil {
			return fmt.Errorf("deleting backup %s, which stays Deleting until that is done again: %w", id, err)
		}
	}
	return c.DeleteBackup(ctx, id, b.ResourceVersion)
}
