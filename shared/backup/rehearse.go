package backup

import (
	"context"
	"errors"
	"fmt"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/salvor"
)

// Rehearsal is what came of freezing and thawing without a backup.
type Rehearsal struct {
	// Record is the backup that stood for it; it is gone when nothing is owed.
	Record     *salvor.Backup
	Namespaces []string
	// Freezes are how long what was held was.
	Freezes  []salvor.FreezeTime
	Rules    []RuleReport
	Warnings []string
}

// Rehearse holds the applications as the backup would, notes a revision, lets them go on, and stores nothing. While it goes
// on it is recorded as a backup that is to be canceled: others wait for their turn, and if this process dies, whoever pays
// thaws pays this one too, and makes no backup of it. The record needs no location.
// The error is why a rule failed, or why the rehearsal could not begin; without a Rehearsal, nothing was recorded.
func (e *Engine) Rehearse(ctx context.Context, b *salvor.Backup) (*Rehearsal, error) {
	b, err := e.beginRehearsal(ctx, b)
	if err != nil {
		return nil, err
	}
	r := e.newRun(b)
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	var beating sync.WaitGroup
	beatCtx, stopBeat := context.WithCancel(context.WithoutCancel(ctx))
	beating.Go(func() {
		r.record.beat(beatCtx, func(why error) {
			if !errors.Is(why, errCanceled) { // so it is recorded from the start
				end(why)
			}
		}, func(*salvor.BackupStatus) {})
	})
	err = r.rehearse(ctx)
	if err != nil && ctx.Err() != nil {
		err = cause(ctx, err)
	}
	stopBeat()
	beating.Wait()
	out := &Rehearsal{Namespaces: r.namespaces, Freezes: r.freezeTimes(), Rules: r.report.r.Rules, Warnings: r.manifest.Warnings}
	err = errors.Join(err, r.endRehearsal(ctx, err))
	out.Record = r.record.b
	return out, err
}

// beginRehearsal records it and takes its lease.
func (e *Engine) beginRehearsal(ctx context.Context, b *salvor.Backup) (*salvor.Backup, error) {
	b.Default()
	o, err := e.Catalog.Get(ctx, salvor.KindCluster, b.Spec.Cluster)
	if err != nil {
		return nil, missing(err, "spec.cluster", "cluster", b.Spec.Cluster)
	}
	b.Status = salvor.BackupStatus{Phase: salvor.PhasePending, ClusterID: o.(*salvor.Cluster).ID(), CancelRequested: true}
	b.CreationTimestamp = metav1.NewTime(e.Now())
	if err := e.Catalog.CreateBackup(ctx, b); err != nil {
		return nil, fmt.Errorf("recording rehearsal %q: %w", b.Name, err)
	}
	return e.acquire(ctx, b.ID())
}

func (r *run) rehearse(ctx context.Context) (err error) {
	if r.site.Site, err = r.Open(ctx, r.begun); err != nil {
		return err
	}
	if err := r.plan(ctx); err != nil {
		return err
	}
	_, err = r.cutQuiesced(ctx)
	return err
}

// endRehearsal forgets the rehearsal, unless it owes a thaw: then it ends as a backup that failed.
func (r *run) endRehearsal(ctx context.Context, failed error) error {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), finishTime)
	defer stop()
	err := r.record.update(ctx, func(s *salvor.BackupStatus) {
		s.Phase, s.CompletedAt = salvor.PhaseCanceled, metav1.NewTime(r.Now())
		s.Lease.Holder, s.Lease.Expires = "", metav1.Time{}
		s.Message = "a rehearsal of its rules"
		if failed != nil {
			s.Phase, s.Message = salvor.PhaseFailed, "a rehearsal of its rules: "+failed.Error()
		}
	})
	if b := r.record.b; err == nil && b.Status.Thaw == nil {
		err = r.Catalog.DeleteBackup(ctx, b.ID(), b.ResourceVersion)
	}
	if err != nil {
		return fmt.Errorf("recording how rehearsal %q ended: %w", r.name, err)
	}
	return nil
}
