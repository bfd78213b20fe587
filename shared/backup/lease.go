package backup

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

// errCanceled is why a run's context ends when somebody asked for it.
var errCanceled = salvor.Errorf(salvor.Canceled, "canceled on request")

// acquire takes the lease with the next epoch. Conflict: the backup is done, or somebody else is working on it.
func (e *Engine) acquire(ctx context.Context, id salvor.BackupID) (*salvor.Backup, error) {
	return catalog.MutateBackup(ctx, e.Catalog, id, func(b *salvor.Backup) error {
		now := e.Now()
		s := &b.Status
		if s.Phase.Done() || s.Phase == salvor.PhaseDeleting || s.Phase == salvor.PhaseSettling {
			return salvor.Errorf(salvor.Conflict, "backup %q is %s already", b.Name, s.Phase)
		}
		if err := e.lease(b, now); err != nil {
			return err
		}
		if s.StartedAt.IsZero() {
			s.StartedAt = metav1.NewTime(now)
		}
		return nil
	})
}

// lease makes this process the backup's worker. Conflict: another one is, and may still live.
func (e *Engine) lease(b *salvor.Backup, now time.Time) error {
	l := &b.Status.Lease
	if l.Holder != "" && l.Holder != e.Holder && l.Live(now) {
		return salvor.Errorf(salvor.Conflict, "backup %q is being made by %s", b.Name, l.Holder).
			WithHint("wait for it, or try again after %s, when its lease has expired", l.Expires.UTC().Format(time.RFC3339))
	}
	*l = salvor.Lease{Holder: e.Holder, Epoch: l.Epoch + 1}
	l.Renew(now, e.Tuning.withDefaults().LeaseTime)
	return nil
}

// leaseAnew is lease where this process may be at the backup already.
func (e *Engine) leaseAnew(b *salvor.Backup, now time.Time) error {
	if l := b.Status.Lease; l.Holder == e.Holder && l.Live(now) {
		return salvor.Errorf(salvor.Conflict, "this process is at backup %q already", b.Name)
	}
	return e.lease(b, now)
}

// begunIn is what a worker that has only just recorded a backup gets to begin it.
const begunIn = time.Minute

// Abandoned reports whether nobody works on an unfinished backup any more: its worker's lease has expired, or nobody has
// ever begun it.
func Abandoned(b *salvor.Backup, now time.Time) bool {
	if b.Status.Lease.Expires.IsZero() {
		return now.Sub(b.CreationTimestamp.Time) > begunIn
	}
	return !b.Status.Lease.Live(now)
}

// Released reports whether the last worker of a backup has let go of it, or whoever paid its thaw: the next one may begin
// at once.
func Released(b *salvor.Backup) bool {
	return b.Status.Lease.Epoch > 0 && b.Status.Lease.Holder == ""
}

// record is the backup as this worker writes it: every write checks that the lease is still this worker's.
type record struct {
	engine *Engine
	id     salvor.BackupID
	epoch  int64

	mu sync.Mutex
	b  *salvor.Backup
	// fenced says that another worker took over.
	fenced bool
}

// update changes the status and saves it. Fenced: another worker took over, and nothing was written.
func (r *record) update(ctx context.Context, change func(*salvor.BackupStatus)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	b, err := catalog.MutateBackup(ctx, r.engine.Catalog, r.id, func(b *salvor.Backup) error {
		if b.Status.Lease.Epoch != r.epoch {
			return salvor.Errorf(salvor.Fenced, "backup %q was taken over by %s", b.Name, b.Status.Lease.Holder)
		}
		b.Status.Lease.Renew(r.engine.Now(), r.engine.Tuning.withDefaults().LeaseTime)
		change(&b.Status)
		return nil
	})
	if err != nil {
		r.fenced = r.fenced || salvor.Is(err, salvor.Fenced)
		return err
	}
	r.b = b
	r.engine.tell(b.Status)
	return nil
}

// confirm makes sure, where others may have taken over, that nobody has. Fenced: somebody did.
func (r *record) confirm(ctx context.Context) error {
	if !r.expired() {
		return nil
	}
	return r.update(ctx, func(*salvor.BackupStatus) {})
}

func (r *record) status() salvor.BackupStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.Status
}

// expired reports whether others may have taken over: the lease could not be renewed in time, or the machine slept.
func (r *record) expired() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fenced || r.engine.Now().After(r.b.Status.Lease.Expires.Time)
}

func (e *Engine) tell(s salvor.BackupStatus) {
	if e.Progress != nil {
		e.Progress(s)
	}
}

// beat renews the lease and saves the progress until ctx ends. It ends the run when the lease is lost or somebody
// asked to cancel; while the catalog can't be reached it goes on until the lease has expired.
func (r *record) beat(ctx context.Context, end context.CancelCauseFunc, progress func(*salvor.BackupStatus)) {
	tuning := r.engine.Tuning.withDefaults()
	tick := time.NewTicker(tuning.Beat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := r.update(ctx, progress)
		status := r.status()
		switch {
		case errors.Is(err, context.Canceled):
			return
		case salvor.Is(err, salvor.Fenced), salvor.Is(err, salvor.NotFound):
			end(err)
			return
		case err != nil && r.engine.Now().After(status.Lease.Expires.Time):
			end(fmt.Errorf("renewing the lease: %w", err))
			return
		case err == nil && status.CancelRequested:
			end(errCanceled)
		}
	}
}
