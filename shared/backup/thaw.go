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

// thawTime bounds the post-exec rule when the run itself has ended already.
const thawTime = 10 * time.Minute

// The first and the longest pause between two attempts to pay a thaw.
const (
	firstPause = 5 * time.Second
	mostPause  = time.Minute
)

// NextThaw is when a thaw that is owed is due to be tried: at once, and after an attempt that did not succeed, after a
// pause that grows up to a minute.
func NextThaw(owed *salvor.OwedThaw) time.Time {
	if owed.Attempts == 0 {
		return owed.Since.Time
	}
	return owed.LastAttempt.Add(min(firstPause<<min(owed.Attempts-1, 8), mostPause))
}

// PayThaw runs the thaw that a backup still owes though it has ended, and strikes it once it has succeeded. It needs the
// cluster and nothing else; an attempt that did not succeed is recorded with the thaw.
// Conflict: it owes none, another process is at it, or the backup has not ended, and Run pays before anything else.
func (e *Engine) PayThaw(ctx context.Context, id salvor.BackupID) (*salvor.Backup, error) {
	b, err := catalog.MutateBackup(ctx, e.Catalog, id, func(b *salvor.Backup) error {
		if b.Status.Thaw == nil || !b.Status.Phase.Done() {
			return salvor.Errorf(salvor.Conflict, "backup %q is %s and owes no thaw of its own", b.Name, b.Status.Phase)
		}
		return e.lease(b, e.Now())
	})
	if err != nil {
		return nil, err
	}
	r := e.newRun(b)
	var beating sync.WaitGroup
	beatCtx, stopBeat := context.WithCancel(context.WithoutCancel(ctx))
	// A thaw goes on whatever the beat finds: that somebody canceled the backup is most often why it is owed.
	beating.Go(func() { r.record.beat(beatCtx, func(error) {}, func(*salvor.BackupStatus) {}) })
	err = r.payOwed(ctx)
	stopBeat()
	beating.Wait()
	if salvor.Is(err, salvor.Fenced) {
		return nil, err
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), finishTime)
	defer stop()
	released := r.record.update(ctx, func(s *salvor.BackupStatus) { s.Lease.Holder, s.Lease.Expires = "", metav1.Time{} })
	if err = errors.Join(err, released); err != nil {
		return nil, fmt.Errorf("backup %q: %w", b.Name, err)
	}
	return r.record.b, nil
}

// payOwed reaches the cluster and runs the thaw that an earlier worker of this backup owed, if any.
func (r *run) payOwed(ctx context.Context) (err error) {
	owed := r.begun.Status.Thaw
	r.site.Site, err = r.Open(ctx, r.begun)
	if err != nil {
		if owed != nil {
			err = errors.Join(err, r.tried(context.WithoutCancel(ctx), err))
		}
		return err
	}
	if owed == nil {
		return nil
	}
	r.warn("an earlier attempt ended while the application was frozen, at %s at the latest; it was thawed when this one began", owed.Since.UTC().Format(time.RFC3339))
	if err := r.thaw(ctx, owed); err != nil {
		return err
	}
	return r.unlock(context.WithoutCancel(ctx), owed.Namespaces)
}

// thaw runs the post-exec rule even when ctx has ended, and strikes the thaw that was owed once it has succeeded.
func (r *run) thaw(ctx context.Context, owed *salvor.OwedThaw) error {
	if !r.thaws(owed.Rule) {
		return nil
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), thawTime)
	defer stop()
	if r.record.expired() { // whoever took over may have thawed already, and frozen again
		if err := r.record.update(ctx, func(*salvor.BackupStatus) {}); salvor.Is(err, salvor.Fenced) {
			return err
		}
	}
	q := r.request(owed.Rule, owed.Namespaces)
	q.Begun, q.Spared = owed.Begun, owed.Spared
	out, err := r.site.Rules.Thaw(ctx, q)
	r.keep(postExec, out)
	if err != nil {
		err = fmt.Errorf("%s rule: %w", postExec, err)
		return errors.Join(err, r.tried(context.WithoutCancel(ctx), err))
	}
	return r.strike(ctx, owed.Namespaces)
}

// tried records that the thaw did not succeed, and why.
func (r *run) tried(ctx context.Context, why error) error {
	ctx, stop := context.WithTimeout(ctx, finishTime)
	defer stop()
	return r.record.update(ctx, func(s *salvor.BackupStatus) {
		if s.Thaw != nil {
			s.Thaw.Attempts++
			s.Thaw.LastAttempt, s.Thaw.LastError = metav1.NewTime(r.Now()), why.Error()
		}
	})
}
