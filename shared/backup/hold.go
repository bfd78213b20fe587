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
// given, so that it outlives the catalog, and then into the catalog. Conflict: the backup's deletion has begun, or it is
// another catalog's.
func Hold(ctx context.Context, c catalog.Backups, id salvor.BackupID, h salvor.Hold, repo *repository.Repository) (*salvor.Backup, error) {
	var err error
	if h.Recorded, err = note(ctx, c, id, repo, held(h)); err != nil {
		return nil, err
	}
	return catalog.MutateBackup(ctx, c, id, func(b *salvor.Backup) error {
		b.Status.Hold, b.Status.Release = &h, nil
		return changeable(b)
	})
}

// Release ends a hold. A backup that nobody holds is released already. Without the location, the catalog alone tells of it
// until Record. Conflict as in Hold.
func Release(ctx context.Context, c catalog.Backups, id salvor.BackupID, by string, at time.Time, repo *repository.Repository) (*salvor.Backup, error) {
	r := salvor.Release{By: by, At: metav1.NewMicroTime(at)}
	recorded, err := note(ctx, c, id, repo, released(r))
	if err != nil {
		return nil, err
	}
	return catalog.MutateBackup(ctx, c, id, func(b *salvor.Backup) error {
		s := &b.Status
		if s.Hold != nil && s.RootDigest != "" && !recorded {
			s.Release = &r
		}
		s.Hold = nil
		return changeable(b)
	})
}

// Record writes beside the manifest what so far only the catalog tells: that the backup is held, or was released, such as
// by way of the API. What somebody changes meanwhile is left to the next time.
func Record(ctx context.Context, c catalog.Backups, b *salvor.Backup, repo *repository.Repository) error {
	var e archive.Event
	switch s := b.Status; {
	case s.RootDigest == "":
		return nil
	case s.Hold != nil && !s.Hold.Recorded:
		e = held(*s.Hold)
	case s.Release != nil:
		e = released(*s.Release)
	default:
		return nil
	}
	if err := repo.PutEvent(ctx, b.Name, e); err != nil {
		return err
	}
	_, err := catalog.MutateBackup(ctx, c, b.ID(), func(b *salvor.Backup) error {
		s := &b.Status
		if e.Type == archive.EventHeld && s.Hold != nil && s.Hold.Since.Time.Equal(e.At.Time) {
			s.Hold.Recorded = true
		}
		if e.Type == archive.EventReleased && s.Release != nil && s.Release.At.Time.Equal(e.At.Time) {
			s.Release = nil
		}
		return changeable(b)
	})
	return err
}

func held(h salvor.Hold) archive.Event {
	e := archive.NewEvent(archive.EventHeld, metav1.NewMicroTime(h.Since.Time))
	e.By, e.Reason = h.By, h.Reason
	return e
}

func released(r salvor.Release) archive.Event {
	e := archive.NewEvent(archive.EventReleased, r.At)
	e.By = r.By
	return e
}

// note writes the event beside the manifest, if there is one and the location is given, and says whether it did.
func note(ctx context.Context, c catalog.Backups, id salvor.BackupID, repo *repository.Repository, e archive.Event) (bool, error) {
	b, err := c.GetBackup(ctx, id)
	if err != nil {
		return false, err
	}
	if err := changeable(b); err != nil {
		return false, err
	}
	if repo == nil || b.Status.RootDigest == "" || e.Type == archive.EventReleased && b.Status.Hold == nil {
		return false, nil
	}
	return true, repo.PutEvent(ctx, b.Name, e)
}

func changeable(b *salvor.Backup) error {
	if err := ours(b, "hold or release"); err != nil {
		return err
	}
	if b.Status.Phase == salvor.PhaseDeleting {
		return salvor.Errorf(salvor.Conflict, "backup %s is being deleted", b.ID())
	}
	return nil
}
