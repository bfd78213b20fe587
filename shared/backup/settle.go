package backup

import (
	"context"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/volume"
)

// Snapshots is what settling needs of the cluster that the volumes are in.
type Snapshots interface {
	// Look tells what has become of volumes that are Cut.
	Look(ctx context.Context, backup salvor.BackupID, volumes []archive.Volume) (volume.Sight, error)
	// Release removes what stands for the snapshots in the cluster; they themselves stay.
	Release(ctx context.Context, backup salvor.BackupID, volumes []archive.Volume) error
}

// Settler brings backups that are Settling to their end. It holds nothing from one look to the next, and no lease: two that
// look after the same backup come to the same end, and one that is killed at any step is followed by the next.
type Settler struct {
	Catalog catalog.Backups
	// Open reaches the cluster that the backup names, Store its location.
	Open  func(ctx context.Context, b *salvor.Backup) (Snapshots, error)
	Store func(ctx context.Context, b *salvor.Backup) (*repository.Repository, error)
	// Now is the clock.
	Now func() time.Time
	// By is who settles, in events.
	By string
	// OnStep, if set, is called as each step begins.
	OnStep func(Step)
}

// The steps of settling, in their order.
const (
	StepLook    Step = "look"    // ask the cluster what has become of the snapshots
	StepSettled Step = "settled" // store the event that says how it ended
	StepRelease Step = "release" // remove from the cluster what stands for the snapshots
	StepRecord  Step = "record"  // record in the catalog how it ended
)

// SettleSteps lists every step of settling, in order.
func SettleSteps() []Step { return []Step{StepLook, StepSettled, StepRelease, StepRecord} }

// Settle looks once at a backup that is Settling, and ends it when each snapshot is ready, or given up: because it is
// gone, because status.settleBy is over, or because somebody asked to cancel. It returns the backup as it is then; while
// that is Settling, NextLook says when to look again. One that has ended is returned as it is.
// Conflict: it is in another phase, or another catalog's.
func (s *Settler) Settle(ctx context.Context, id salvor.BackupID) (*salvor.Backup, error) {
	b, err := s.Catalog.GetBackup(ctx, id)
	if err != nil || b.Status.Phase.Done() {
		return b, err
	}
	if err := ours(b, "settle"); err != nil {
		return b, err
	}
	if b.Status.Phase != salvor.PhaseSettling {
		return b, salvor.Errorf(salvor.Conflict, "backup %s is %s, and waits for no snapshots", id, b.Status.Phase)
	}
	repo, err := s.Store(ctx, b)
	if err != nil {
		return nil, fmt.Errorf("backup %s: %w", id, err)
	}
	m, err := repo.RecordedManifest(ctx, b.Name, b.Status.RootDigest)
	if err != nil && s.over(b) && salvor.Is(err, salvor.Corrupt) {
		return s.giveUp(ctx, id, err)
	}
	if err != nil {
		return nil, fmt.Errorf("backup %s: %w", id, err)
	}
	w := &settling{Settler: s, id: id, b: b, repo: repo, manifest: m}
	ended, err := w.outcome(ctx)
	if err != nil || ended == nil {
		return w.b, err
	}
	return w.end(ctx, ended)
}

// over reports whether nobody wants to wait any longer.
func (s *Settler) over(b *salvor.Backup) bool {
	return b.Status.CancelRequested || !s.Now().Before(b.Status.SettleBy.Time)
}

// giveUp ends a backup whose manifest is gone or damaged: what it has of volumes nobody can tell any more.
func (s *Settler) giveUp(ctx context.Context, id salvor.BackupID, why error) (*salvor.Backup, error) {
	return catalog.MutateBackup(ctx, s.Catalog, id, func(b *salvor.Backup) error {
		if b.Status.Phase == salvor.PhaseSettling {
			b.Status.Phase, b.Status.CompletedAt = salvor.PhaseFailed, metav1.NewTime(s.Now())
			b.Status.Message = fmt.Sprintf("its snapshots were not ready when its manifest was lost: %v", why)
		}
		return nil
	})
}

// settling is one look at one backup.
type settling struct {
	*Settler
	id        salvor.BackupID
	b         *salvor.Backup
	repo      *repository.Repository
	manifest  *archive.Manifest
	snapshots Snapshots
}

func (w *settling) step(s Step) {
	if w.OnStep != nil {
		w.OnStep(s)
	}
}

// outcome is how the backup settled, as it is stored from now on; nil: it has not yet.
func (w *settling) outcome(ctx context.Context) (*archive.Event, error) {
	if e, err := w.stored(ctx); e != nil || err != nil {
		return e, err
	}
	w.step(StepLook)
	sight, looking := w.look(ctx)
	if looking != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	over := w.over(w.b)
	if len(sight.Waiting()) > 0 && !over {
		return nil, w.goOn(ctx, sight, looking)
	}
	w.step(StepSettled)
	e := w.event(sight, looking)
	if err := w.repo.PutEvent(ctx, w.b.Name, e); err != nil && !salvor.Is(err, salvor.Exists) {
		return nil, fmt.Errorf("backup %s: %w", w.id, err)
	}
	return w.stored(ctx) // another one's, if that was there first
}

// stored is the event that says how the backup settled; nil: there is none.
func (w *settling) stored(ctx context.Context) (*archive.Event, error) {
	events, err := w.repo.Events(ctx, w.b.Name)
	if err != nil {
		return nil, err
	}
	id := archive.SettledID(w.manifest)
	if i := slices.IndexFunc(events, func(e archive.Event) bool { return e.ID == id }); i >= 0 {
		return &events[i], nil
	}
	return nil, nil
}

// look asks the cluster. When that can't be reached, the volumes are as they were.
func (w *settling) look(ctx context.Context) (volume.Sight, error) {
	as := volume.Sight{Volumes: w.manifest.Volumes}
	if err := w.reach(ctx); err != nil {
		return as, err
	}
	sight, err := w.snapshots.Look(ctx, w.id, w.manifest.Volumes)
	if err != nil {
		return as, err
	}
	return sight, nil
}

func (w *settling) reach(ctx context.Context) (err error) {
	if w.snapshots == nil {
		w.snapshots, err = w.Open(ctx, w.b)
	}
	return err
}

// goOn records how far the snapshots are.
func (w *settling) goOn(ctx context.Context, sight volume.Sight, looking error) error {
	b, err := w.change(ctx, func(s *salvor.BackupStatus) {
		if looking == nil {
			s.Volumes = archive.Count(sight.Volumes)
		}
		s.LookedAt = metav1.NewTime(w.Now())
		s.Message = settlingMessage(sight, looking)
	})
	if err == nil {
		w.b = b
	}
	return err
}

// change changes the status while the backup is Settling. Conflict: it is not any more.
func (w *settling) change(ctx context.Context, change func(*salvor.BackupStatus)) (*salvor.Backup, error) {
	return catalog.MutateBackup(ctx, w.Catalog, w.id, func(b *salvor.Backup) error {
		if b.Status.Phase != salvor.PhaseSettling {
			return salvor.Errorf(salvor.Conflict, "backup %s is %s meanwhile", w.id, b.Status.Phase)
		}
		change(&b.Status)
		return nil
	})
}

// event is how the backup settles. Snapshots that are still not ready are given up.
func (w *settling) event(sight volume.Sight, looking error) archive.Event {
	e := archive.SettledEvent(w.manifest, metav1.NewMicroTime(w.Now().UTC()))
	e.By, e.Phase = w.By, salvor.PhaseCompleted
	gaveUp := false
	for i, v := range sight.Volumes {
		if w.manifest.Volumes[i].State != archive.VolumeCut {
			continue
		}
		if v.State == archive.VolumeCut {
			v.State, v.Reason, gaveUp = archive.VolumeFailed, w.givenUp(v, sight.Notes[v.Namespace+"/"+v.Claim], looking), true
		}
		e.Volumes = append(e.Volumes, v)
		if v.State == archive.VolumeFailed {
			e.Failures = append(e.Failures, salvor.Failure{Kind: volume.ClaimKind, Namespace: v.Namespace,
				Reason: fmt.Sprintf("the data of claim %q is not in the backup: %s", v.Claim, v.Reason)})
		}
	}
	switch {
	case gaveUp && w.b.Status.CancelRequested:
		e.Phase, e.Reason = salvor.PhaseCanceled, "somebody asked to cancel it"
	case len(e.Failures)+len(w.manifest.Failures) > 0:
		e.Phase = salvor.PhasePartiallyFailed
	}
	return e
}

// givenUp says why a snapshot that is not ready is not waited for any more.
func (w *settling) givenUp(v archive.Volume, note string, looking error) string {
	text := fmt.Sprintf("its snapshot %s was not ready by %s", v.Snapshot.Handle, w.b.Status.SettleBy.UTC().Format(time.RFC3339))
	if w.b.Status.CancelRequested {
		text = fmt.Sprintf("its snapshot %s was not ready when the backup was canceled", v.Snapshot.Handle)
	}
	switch {
	case note != "":
		text += ": " + note
	case looking != nil:
		text += ", and the cluster could not be asked: " + looking.Error()
	}
	return text
}

// end removes what stands for the snapshots in the cluster, and records how the backup settled.
func (w *settling) end(ctx context.Context, e *archive.Event) (*salvor.Backup, error) {
	state := archive.Fold(w.manifest, []archive.Event{*e})
	w.step(StepRelease)
	err := w.reach(ctx)
	if err == nil {
		err = w.snapshots.Release(ctx, w.id, state.Volumes)
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	w.step(StepRecord)
	b, failed := w.change(ctx, func(s *salvor.BackupStatus) {
		s.Phase, s.Volumes, s.Failures = state.Phase, archive.Count(state.Volumes), firstFailures(state.Failures)
		s.DataConsistency = state.DataConsistency
		s.CompletedAt, s.SettleBy, s.LookedAt = metav1.NewTime(e.At.Time), metav1.Time{}, metav1.Time{}
		settled := *w.manifest
		settled.Failures = state.Failures
		s.Message = summary(&settled)
		if err != nil {
			s.Warnings = append(s.Warnings, leftBehind(err))
		}
	})
	if salvor.Is(failed, salvor.Conflict) { // another one recorded it, or it is being deleted
		return w.Catalog.GetBackup(ctx, w.id)
	}
	return b, failed
}

// leftBehind warns that something stays in the cluster.
func leftBehind(err error) string {
	return fmt.Sprintf("what stands for its snapshots could not be removed from the cluster; salvor volumes orphans finds it: %v", err)
}
