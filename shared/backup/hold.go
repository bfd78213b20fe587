package backup

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/salvor"
)

// Hold keeps a backup from being deleted until it is released. It is written beside the manifest first, if the location is
// given, so that it outlives the catalog, and then into the catalog. Conflict: the backup's deletion has begun.
func Hold(ctx context.Context, c catalog.Backups, id salvor.BackupID, h salvor.Hold, repo *repository.Repository) (*salvor.Backup, error) {
	if err := note(ctx, c, id, repo, archive.EventHeld, h.Since.Time, h.By, h.Reason); err != nil {
		return nil, err
	}
	return catalog.MutateBackup(ctx, c, id, func(b *salvor.Backup) error {
		h.Recorded = repo != nil && b.Status.RootDigest != ""
		b.Status.Hold = &h
		return deleting(b)
	})
}

// RecordHold writes a hold beside the manifest that so far only the catalog tells of, such as one that was asked for by way
// of the API.
func RecordHold(ctx context.Context, c catalog.Backups, b *salvor.Backup, repo *repository.Repository) error {
	h := b.Status.Hold
	if h == nil || h.Recorded || b.Status.RootDigest == "" || b.Status.Phase == salvor.PhaseDeleting {
		return nil
	}
	_, err := Hold(ctx, c, b.ID(), *h, repo)
	return err
}

// Release ends a hold. A backup that nobody holds is released already. Conflict as in Hold.
func Release(ctx context.Context, c catalog.Backups, id salvor.BackupID, by string, at time.Time, repo *repository.Repository) (*salvor.Backup, error) {
	if err := note(ctx, c, id, repo, archive.EventReleased, at, by, ""); err != nil {
		return nil, err
	}
	return catalog.MutateBackup(ctx, c, id, func(b *salvor.Backup) error {
		b.Status.Hold = nil
		return deleting(b)
	})
}

// note writes an event beside the manifest of a backup that has one.
func note(ctx context.Context, c catalog.Backups, id salvor.BackupID, repo *repository.Repository, t archive.EventType, at time.Time, by, reason string) error {
	b, err := c.GetBackup(ctx, id)
	if err != nil {
		return err
	}
	if err := deleting(b); err != nil {
		return err
	}
	if repo == nil || b.Status.RootDigest == "" || t == archive.EventReleased && b.Status.Hold == nil {
		return nil
	}
	e := archive.NewEvent(t, metav1.NewMicroTime(at))
	e.By, e.Reason = by, reason
	return repo.PutEvent(ctx, b.Name, e)
}

func deleting(b *salvor.Backup) error {
	if b.Status.Phase == salvor.PhaseDeleting {
		return salvor.Errorf(salvor.Conflict, "backup %s is being deleted", b.ID())
	}
	return nil
}
