package restore

import (
	"context"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/salvor"
)

// save records the restore's status in the catalog and renews the lease; a request to cancel that came meanwhile is kept.
// Fill, if there is one, brings the status up to date when it is written: what was remembered meanwhile is not lost. Fenced: another
// process has taken over.
func (e *Engine) save(ctx context.Context, r *salvor.Restore, fill func(*salvor.RestoreStatus)) error {
	bring := func() {
		if fill != nil {
			fill(&r.Status)
		}
		e.renew(&r.Status)
	}
	stored, err := mutate(ctx, e.Catalog, r.Name, func(stored *salvor.Restore) error {
		if stored.Status.Lease.Epoch != r.Status.Lease.Epoch {
			return fenced(r, stored.Status.Lease.Holder)
		}
		bring()
		cancel := stored.Status.CancelRequested || r.Status.CancelRequested
		stored.Status = r.Status
		stored.Status.CancelRequested = cancel
		return nil
	})
	if salvor.Is(err, salvor.NotFound) { // somebody deleted it while it runs
		bring()
		return e.Catalog.Create(ctx, r)
	}
	if err != nil {
		return err
	}
	r.ResourceVersion, r.Status.CancelRequested = stored.ResourceVersion, stored.Status.CancelRequested
	return nil
}

// remember writes into the catalog what the next process has to know before this one goes on. Fenced: another process has
// taken over.
func (r *run) remember(ctx context.Context, what string, change func(*salvor.RestoreStatus)) error {
	_, err := mutate(ctx, r.e.Catalog, r.name, func(stored *salvor.Restore) error {
		if stored.Status.Lease.Epoch != r.epoch {
			return fenced(stored, stored.Status.Lease.Holder)
		}
		change(&stored.Status)
		return nil
	})
	if err != nil {
		return fmt.Errorf("recording %s: %w", what, err)
	}
	return nil
}

// beat tells progress, saves the status now and then, and looks for a request to cancel, until it is stopped.
func (e *Engine) beat(ctx context.Context, r *salvor.Restore, t *tally, abort context.CancelCauseFunc) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // putting back takes its time, too, and needs the lease
	done := make(chan struct{})
	snapshot := *r
	go func() {
		defer close(done)
		ticker := time.NewTicker(e.Tuning.withDefaults().Beat)
		defer ticker.Stop()
		for n := 1; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			e.tell(t)
			if err := e.pulse(ctx, &snapshot, t, n%5 == 0); err != nil {
				if abort(err); salvor.Is(err, salvor.Fenced) {
					return
				}
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// pulse saves the status, or only looks for a request to cancel, and returns why the restore has to end. What else goes
// wrong here shows again at the end.
func (e *Engine) pulse(ctx context.Context, r *salvor.Restore, t *tally, save bool) error {
	if save {
		if err := e.save(ctx, r, t.fill); salvor.Is(err, salvor.Fenced) {
			return err
		}
	} else if stored, err := get(ctx, e.Catalog, r.Name); err == nil {
		r.Status.CancelRequested = stored.Status.CancelRequested
	}
	if r.Status.CancelRequested {
		return errStopped
	}
	return nil
}

func (e *Engine) tell(t *tally) {
	if e.Progress != nil {
		e.Progress(t.progress())
	}
}

// finish stores the report, decides the phase and records it. It goes on when ctx has ended.
func (e *Engine) finish(ctx context.Context, r *salvor.Restore, plan *Plan, t *tally, err error) error {
	ended, why := ctx.Err(), context.Cause(ctx)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	report, reportErr := t.close()
	switch {
	case salvor.Is(err, salvor.Fenced):
		return err
	case err != nil && salvor.Is(why, salvor.Suspended):
		if err := errors.Join(reportErr, e.storeCheckpoint(ctx, r, plan, report)); err != nil {
			t.warn("how far it was at the end of a process could not be stored, and all is looked at anew: %v", err)
		}
		return e.suspend(ctx, r, t, why)
	case err == nil:
		ended = nil // it was done before the end was noticed
	}
	if plan != nil {
		r.Status.Sources = plan.Status()
		if reportErr == nil {
			r.Status.Report, reportErr = e.storeReport(ctx, r, plan, report)
		}
	}
	if reportErr != nil {
		t.warn("the outcome of every object could not be stored: %v", reportErr)
	}
	t.fill(&r.Status)
	r.Status.Checkpoint, r.Status.MissingNamespaces = "", nil
	r.Status.CompletedAt = metav1.NewTime(e.Now())
	release(&r.Status)
	err = conclude(&r.Status, err, ended)
	e.tell(t)
	if saveErr := e.save(ctx, r, nil); saveErr != nil {
		return errors.Join(err, fmt.Errorf("restore %q: recording its end: %w", r.Name, saveErr))
	}
	return err
}

// conclude decides phase and message from what happened, and returns the error of the run.
func conclude(s *salvor.RestoreStatus, err, ended error) error {
	const goOn = "; what has been applied stays, and another restore of the same goes on from there"
	switch {
	case errors.Is(err, errStopped):
		s.Phase = salvor.PhaseCanceled
		err = salvor.Errorf(salvor.Canceled, "canceled on request%s", goOn)
	case errors.Is(ended, context.DeadlineExceeded):
		s.Phase = salvor.PhaseFailed
		err = salvor.Errorf(salvor.DeadlineExceeded, "it ran out of time%s", goOn)
	case ended != nil:
		s.Phase = salvor.PhaseCanceled
		err = salvor.Errorf(salvor.Canceled, "stopped%s", goOn)
	case err != nil:
		s.Phase = salvor.PhaseFailed
	case s.Outcomes[salvor.OutcomeFailed] > 0:
		s.Phase = salvor.PhasePartiallyFailed
		s.Message = fmt.Sprintf("%s not restored: %s", salvor.Count(s.Outcomes[salvor.OutcomeFailed], "object"), named(s.Failures))
	default:
		s.Phase, s.Message = salvor.PhaseCompleted, ""
	}
	if err != nil {
		s.Message = err.Error()
	}
	return err
}

// named lists the kinds of failures with their counts.
func named(failures []salvor.Failure) string {
	var list []string
	for _, f := range failures {
		item := fmt.Sprintf("%d %s", f.Objects, f.Kind)
		if f.Namespace != "" {
			item += " in " + f.Namespace
		}
		list = append(list, item)
	}
	return some(list)
}

// storeReport writes the report into the target's repository, at the location of the newest source, and returns its key.
func (e *Engine) storeReport(ctx context.Context, r *salvor.Restore, plan *Plan, report []byte) (string, error) {
	if len(plan.Sources) == 0 {
		return "", nil
	}
	return e.put(ctx, r, plan, r.Name, report)
}

// put stores a report under the name.
func (e *Engine) put(ctx context.Context, r *salvor.Restore, plan *Plan, name string, report []byte) (string, error) {
	repo, err := e.reports(ctx, r, plan)
	if err != nil {
		return "", err
	}
	if err := repo.Claim(ctx, e.CatalogID); err != nil {
		return "", err
	}
	return repo.PutRestoreReport(ctx, name, report)
}
