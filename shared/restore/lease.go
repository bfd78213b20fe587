package restore

import (
	"context"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/salvor"
)

// leaseTime is how long the right to work on a restore lasts without being renewed; every fifth beat renews it.
const leaseTime = time.Minute

// errEnded says that another process has ended the restore meanwhile.
var errEnded = errors.New("ended")

// begin takes the lease of the restore with the next epoch and records that it runs. Conflict: another process works on it;
// errEnded: r holds how it ended.
func (e *Engine) begin(ctx context.Context, r *salvor.Restore) (resumed bool, err error) {
	resumed = !r.Status.StartedAt.IsZero()
	now := e.Now()
	stored, err := mutate(ctx, e.Catalog, r.Name, func(stored *salvor.Restore) error {
		lease := stored.Status.Lease
		if stored.Status.Phase.Done() {
			r.Status = stored.Status
			return errEnded
		}
		if lease.Holder != "" && lease.Holder != e.Holder && lease.Live(now) {
			return salvor.Errorf(salvor.Conflict, "restore %q is being done by %s", r.Name, lease.Holder).
				WithHint("wait for it, or try again after %s, when its lease has expired", lease.Expires.UTC().Format(time.RFC3339))
		}
		cancel := stored.Status.CancelRequested || r.Status.CancelRequested
		stored.Status = r.Status
		stored.Status.CancelRequested = cancel
		e.started(&stored.Status, lease.Epoch+1, now)
		return nil
	})
	if salvor.Is(err, salvor.NotFound) {
		e.started(&r.Status, 1, now)
		return resumed, e.Catalog.Create(ctx, r)
	}
	if err != nil {
		return resumed, err
	}
	r.ResourceVersion, r.Status = stored.ResourceVersion, stored.Status
	return resumed, nil
}

func (e *Engine) started(s *salvor.RestoreStatus, epoch int64, now time.Time) {
	s.Phase = salvor.PhaseRestoring
	if s.StartedAt.IsZero() {
		s.StartedAt = metav1.NewTime(now)
	}
	s.Lease = salvor.Lease{Holder: e.Holder, Epoch: epoch}
	e.renew(s)
}

// Abandoned reports whether the restore was begun and nobody works on it any more.
func Abandoned(r *salvor.Restore, now time.Time) bool {
	s := r.Status
	return !s.StartedAt.IsZero() && !s.Phase.Done() && !s.Lease.Live(now)
}

// renew extends the lease. An engine without a holder works without one.
func (e *Engine) renew(s *salvor.RestoreStatus) {
	if s.Lease.Holder != "" {
		s.Lease.Renew(e.Now(), leaseTime)
	}
}

// release lets go of the restore.
func release(s *salvor.RestoreStatus) { s.Lease.Holder, s.Lease.Expires = "", metav1.Time{} }

// fenced is the error of a process that another one has taken the restore from.
func fenced(r *salvor.Restore, by string) error {
	return salvor.Errorf(salvor.Fenced, "restore %q was taken over by %s", r.Name, by)
}

// suspend notes how far the restore is and lets go of it, so that another process may take it up at once: what it has
// applied is found there.
func (e *Engine) suspend(ctx context.Context, r *salvor.Restore, t *tally, why error) error {
	t.fill(&r.Status)
	release(&r.Status)
	if err := e.save(ctx, r, nil); err != nil {
		return fmt.Errorf("restore %q: letting go of it: %w", r.Name, err)
	}
	return fmt.Errorf("restore %q: %w", r.Name, why)
}
