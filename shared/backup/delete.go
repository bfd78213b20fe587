package backup

import (
	"context"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/salvor"
)

// Remover is what deleting a backup needs.
type Remover struct {
	// Open reaches the location that the backup is in.
	Open func(ctx context.Context, b *salvor.Backup) (*repository.Repository, error)
	// Volumes, if set, removes the volume snapshots of the backup, before its manifest goes. The manifest is as its events
	// leave it; nil: none was ever stored. Removing what is gone already is no error. An error leaves the backup Deleting.
	Volumes func(ctx context.Context, b *salvor.Backup, m *archive.Manifest) error
	// CatalogID is that of owner.json.
	CatalogID string
	// Now is the clock.
	Now func() time.Time
	// Force deletes also what still owes a thaw, or what a restore reads.
	Force bool
	// By and Reason say who deletes, and why; they are recorded at the location before anything goes.
	By, Reason string
}

// RequestDelete lets a backup turn Deleting: nobody finds or restores it any more, and Delete removes it.
// Conflict: it is another catalog's, is held or being made; or it owes a thaw, or a restore reads it, unless that is forced.
func RequestDelete(ctx context.Context, c catalog.Catalog, id salvor.BackupID, now time.Time, force bool) (*salvor.Backup, error) {
	restoring, err := catalog.Restoring(ctx, c)
	if err != nil {
		return nil, err
	}
	return catalog.MutateBackup(ctx, c, id, func(b *salvor.Backup) error {
		s := &b.Status
		if err := ours(b, "delete"); err != nil && b.Annotations[salvor.ManifestGoneAnnotation] == "" {
			return err
		}
		if s.Phase == salvor.PhaseDeleting {
			return nil // written once more, so that of two who delete it only the second forgets it
		}
		if h := s.Hold; h != nil {
			return salvor.Errorf(salvor.Conflict, "backup %s is held by %s since %s: %s", id, h.By, h.Since.UTC().Format(time.RFC3339), h.Reason).
				WithHint("salvor release %s lets go of it", id)
		}
		if !s.Phase.Done() && s.Lease.Holder != "" && s.Lease.Live(now) {
			return salvor.Errorf(salvor.Conflict, "backup %s is being made by %s", id, s.Lease.Holder).WithHint("cancel it first")
		}
		if s.Thaw != nil && !force {
			return salvor.Errorf(salvor.Conflict, "backup %s still owes a thaw since %s", id, s.Thaw.Since.UTC().Format(time.RFC3339)).
				WithHint("thaw the application, then delete it by force")
		}
		if by := restoring[id]; by != "" && !force {
			return salvor.Errorf(salvor.Conflict, "backup %s is being read by restore %q", id, by).
				WithHint("wait for it, or end it: salvor cancel restore %s", by)
		}
		s.Phase, s.Message = salvor.PhaseDeleting, "its data is being removed"
		s.Lease = salvor.Lease{Epoch: s.Lease.Epoch + 1} // a worker that still runs must not store a manifest
		return nil
	})
}

// Delete removes a backup: it turns Deleting, loses its volume snapshots, its manifest, and its reports, and is then
// forgotten. Interrupted, it is done again from the start. Segments stay until a collector finds that no manifest refers to
// them. Conflict as in RequestDelete, or the location keeps it locked: then it stays Deleting until it is deleted again.
func Delete(ctx context.Context, c catalog.Catalog, id salvor.BackupID, r Remover) error {
	b, err := RequestDelete(ctx, c, id, r.Now(), r.Force)
	if err != nil {
		return err
	}
	if b.Spec.Location != "" && !b.Foreign() { // a rehearsal has none; of another catalog's nothing is there any more
		if err := r.remove(ctx, b); err != nil {
			return fmt.Errorf("deleting backup %s, which stays Deleting until that is done again: %w", id, err)
		}
	}
	if err := c.DeleteBackup(ctx, id, b.ResourceVersion); !salvor.Is(err, salvor.NotFound) {
		return err
	}
	return nil // somebody else deleted it, too
}

// remove takes away all that is stored of the backup alone.
func (r Remover) remove(ctx context.Context, b *salvor.Backup) error {
	repo, err := r.Open(ctx, b)
	if err != nil {
		return err
	}
	if err := repo.CheckOwner(ctx, r.CatalogID); errors.Is(err, location.ErrNotFound) {
		return nil // nobody has written here
	} else if err != nil {
		return err
	}
	if until, err := repo.LockedUntil(ctx, b.Name); err != nil {
		return err
	} else if r.Now().Before(until) {
		return Locked(until)
	}
	m, err := r.manifest(ctx, repo, b)
	if err != nil {
		return err
	}
	if r.Volumes != nil && b.Annotations[KeepSnapshots] == "" {
		if err := r.Volumes(ctx, b, m); err != nil {
			return fmt.Errorf("removing its volume snapshots: %w", err)
		}
	}
	return repo.Remove(ctx, b.Name, r.CatalogID)
}

// Removal is what deleting a backup needs of the cluster that its volumes are in.
type Removal interface {
	// Remove deletes the snapshots of the volumes.
	Remove(ctx context.Context, backup salvor.BackupID, volumes []archive.Volume) error
	// Discard removes what workers up to the epoch made for the backup, but for that of the volumes to keep.
	Discard(ctx context.Context, backup salvor.BackupID, epoch int64, keep []archive.Volume) error
}

// RemoveVolumes is for Remover.Volumes. A cluster that is gone is not in the way of a backup that has cut nothing there; one
// without manifest may have, if a worker has died.
func RemoveVolumes(open func(ctx context.Context, b *salvor.Backup) (Removal, error)) func(context.Context, *salvor.Backup, *archive.Manifest) error {
	return func(ctx context.Context, b *salvor.Backup, m *archive.Manifest) error {
		planned := b.Status.Volumes
		left := m == nil && planned.Total > planned.Skipped+planned.Failed
		if !left && !m.HasSnapshots() {
			return nil
		}
		v, err := open(ctx, b)
		switch {
		case err != nil:
			return err
		case left:
			return v.Discard(ctx, b.ID(), b.Status.Lease.Epoch, nil)
		}
		return v.Remove(ctx, b.ID(), m.Volumes)
	}
}

// Locked is why what is kept by Object Lock is not removed.
func Locked(until time.Time) error {
	return salvor.Errorf(salvor.Conflict, "the location keeps it locked until %s", until.UTC().Format(time.RFC3339)).
		WithHint("it can be deleted from then on")
}

// manifest is the backup's as its events leave it, once it is recorded there that the backup goes: should the catalog be
// lost now, the bucket alone tells. Nil: there is none, or it is damaged and
// there is nothing else that it names.
func (r Remover) manifest(ctx context.Context, repo *repository.Repository, b *salvor.Backup) (*archive.Manifest, error) {
	m, _, err := repo.Manifest(ctx, b.Name)
	if errors.Is(err, location.ErrNotFound) {
		return nil, nil
	}
	if salvor.Is(err, salvor.Corrupt) {
		return nil, r.unreadable(b, err)
	}
	if err != nil {
		return nil, err
	}
	events, err := repo.Events(ctx, b.Name)
	if err != nil && !salvor.Is(err, salvor.Corrupt) {
		return nil, err
	}
	state := archive.Fold(m, events)
	if state.Expired == nil {
		e := archive.NewEvent(archive.EventExpired, metav1.NewMicroTime(r.Now()))
		e.By, e.Reason = r.By, r.Reason
		if err := repo.PutEvent(ctx, b.Name, e); err != nil {
			return nil, err
		}
	}
	m.Volumes = state.Volumes
	return m, nil
}

// unreadable is why a backup whose manifest is damaged does not go by itself: nobody knows its snapshots any more. Nil: it had none.
func (r Remover) unreadable(b *salvor.Backup, damage error) error {
	if b.Status.Volumes.Cut == 0 || r.Volumes == nil || b.Annotations[KeepSnapshots] != "" {
		return nil
	}
	return salvor.Errorf(salvor.Corrupt, "it has %d volume snapshots, which only its manifest names: %w", b.Status.Volumes.Cut, damage).
		WithHint("delete it with --keep-snapshots, and the snapshots at their storage")
}

// KeepSnapshots is the annotation of a backup whose snapshots stay when it is deleted.
const KeepSnapshots = "salvor.io/keep-snapshots"

// RequestKeep has the snapshots of the backup stay when it is deleted.
func RequestKeep(ctx context.Context, c catalog.Backups, id salvor.BackupID) error {
	_, err := catalog.MutateBackup(ctx, c, id, func(b *salvor.Backup) error {
		if b.Annotations == nil {
			b.Annotations = map[string]string{}
		}
		b.Annotations[KeepSnapshots] = "true"
		return nil
	})
	return err
}
