package expire

import (
	"context"
	"errors"
	"fmt"

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/retention"
	"salvor.io/salvor/shared/salvor"
)

// Expired is what a pass over the backups did.
type Expired struct {
	// Deleted are the backups that are gone, with the reasons.
	Deleted []retention.Decision
	// Kept counts those that stay, Locked those of them that only their location's lock keeps.
	Kept, Locked int
}

// Expire deletes what retention lets go, and finishes deletions that were killed. The error joins what could not be done,
// which the next pass tries again; what could be is done all the same.
func (p *Pass) Expire(ctx context.Context) (*Expired, error) {
	done := &Expired{}
	plans, err := p.Plan(ctx, "")
	var failed problems
	failed.add(err)
	for _, plan := range plans {
		done.Kept += len(plan.Keep)
		done.Locked += plan.Locked
		if len(plan.Remove) == 0 {
			continue
		}
		if err := p.checkKept(ctx, plan); err != nil {
			failed.add(fmt.Errorf("retention of schedule %q: nothing is deleted: %w", plan.Schedule, err))
			continue
		}
		for _, d := range plan.Remove {
			if ctx.Err() != nil {
				failed.add(context.Cause(ctx))
				return done, failed.join()
			}
			if err := p.delete(ctx, d); err != nil {
				failed.add(err)
				continue
			}
			done.Deleted = append(done.Deleted, d)
		}
	}
	return done, failed.join()
}

func (p *Pass) delete(ctx context.Context, d retention.Decision) error {
	err := backup.Delete(ctx, p.Catalog, d.Backup.ID(), p.remover(d.Reason()))
	if salvor.Is(err, salvor.NotFound) {
		return nil // somebody else was first
	}
	return err
}

// Finish deletes the backups whose deletion has begun, also those that no schedule has any more.
func (p *Pass) Finish(ctx context.Context) (*Expired, error) {
	done := &Expired{}
	var begun []*salvor.Backup
	if err := p.each(ctx, catalog.Query{Phases: []salvor.Phase{salvor.PhaseDeleting}}, func(b *salvor.Backup) {
		if !b.Foreign() {
			begun = append(begun, b)
		}
	}); err != nil {
		return done, err
	}
	var failed problems
	for _, b := range begun {
		failed.add(p.finish(ctx, b, done))
	}
	return done, failed.join()
}

// FinishOne deletes one backup whose deletion has begun. One that is gone is deleted already. Conflict: nobody has asked
// for it to be deleted.
func (p *Pass) FinishOne(ctx context.Context, id salvor.BackupID) (*Expired, error) {
	done := &Expired{}
	b, err := p.Catalog.GetBackup(ctx, id)
	if salvor.Is(err, salvor.NotFound) {
		return done, nil
	}
	if err != nil {
		return done, err
	}
	if b.Status.Phase != salvor.PhaseDeleting {
		return done, salvor.Errorf(salvor.Conflict, "backup %s is %s, and nobody has asked to delete it", id, b.Status.Phase).WithHint("delete it by way of the API")
	}
	return done, p.finish(ctx, b, done)
}

func (p *Pass) finish(ctx context.Context, b *salvor.Backup, done *Expired) error {
	d := retention.Decision{Backup: b, Reasons: []string{"its deletion has begun"}}
	err := p.delete(ctx, d)
	if err == nil {
		done.Deleted = append(done.Deleted, d)
	}
	return err
}

// checkKept makes sure that the manifests are there of the backups that the plan relies on: where the last good backup of a
// namespace was lost, an older one is the last.
func (p *Pass) checkKept(ctx context.Context, plan *Plan) error {
	for _, d := range plan.Keep {
		if !retention.LastOfSomething(d) || d.Backup.Spec.Location == "" {
			continue
		}
		repo, err := p.Open(ctx, d.Backup.Spec.Location, d.Backup.Status.ClusterID)
		if err != nil {
			return err
		}
		if _, err := repo.RecordedManifest(ctx, d.Backup.Name, d.Backup.Status.RootDigest); err != nil {
			return fmt.Errorf("backup %s %s: %w", d.Backup.ID(), d.Reason(), err)
		}
	}
	return nil
}

// open opens the repository that a backup is in.
func (p *Pass) open(ctx context.Context, b *salvor.Backup) (*repository.Repository, error) {
	return p.Open(ctx, b.Spec.Location, b.Status.ClusterID)
}

// problems are errors that don't end a pass.
type problems []error

func (s *problems) add(err error) {
	if err != nil {
		*s = append(*s, err)
	}
}

func (s problems) join() error { return errors.Join(s...) }

// nobodys reports whether the error says that nobody has written to a repository.
func nobodys(err error) bool { return errors.Is(err, location.ErrNotFound) }
