package backup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/salvor"
)

// Two backups of one namespace may run at once, but only one of them holds its applications at a time: otherwise the
// first that is done would let go on what the other still needs held. The Freeze of a namespace says which; it is there
// before a thaw is owed and goes after that was struck, so that whoever looks for thaws finds them by it.
const (
	// lockWait is how long a backup waits for its turn.
	lockWait = 5 * time.Minute
	// lockPause is the time between two looks.
	lockPause = time.Second
	// lockAfter is how long after the longest freeze a lock lasts of which no thaw is owed: background commands have ended by then.
	lockAfter = time.Minute
	// lockWrites is how many Freezes are written at once.
	lockWrites = 16
)

// lock takes the namespaces, each when it is free, and returns their Freezes. Everybody takes them in the same order, so
// that no two wait for each other. Conflict: somebody else held one all the time; then none is taken.
func (r *run) lock(ctx context.Context, namespaces []string) ([]*salvor.Freeze, error) {
	waiting, stop := context.WithTimeoutCause(ctx, r.tuning.LockWait, salvor.Errorf(salvor.Conflict, "its turn did not come within %s", r.tuning.LockWait).
		WithHint("let backups of the same application begin at different times; salvor get thaws shows what is owed"))
	defer stop()
	mine, err := r.lockFree(waiting, namespaces)
	if len(mine) == len(namespaces) || err != nil {
		return mine, err
	}
	mine = nil
	for _, ns := range slices.Sorted(slices.Values(namespaces)) {
		began := r.Now()
		f, holder, err := r.lockOne(waiting, ns)
		if err != nil {
			if holder != "" {
				err = fmt.Errorf("namespace %s is held by backup %s: %w", ns, holder, err)
			}
			return nil, errors.Join(err, r.unlock(ctx, mine))
		}
		if holder != "" {
			r.warn("waited %s until backup %s let go of namespace %s", r.Now().Sub(began).Round(time.Millisecond), holder, ns)
		}
		mine = append(mine, f)
	}
	return mine, nil
}

// lockFree takes the namespaces, all at once, if all of them are free.
func (r *run) lockFree(ctx context.Context, namespaces []string) ([]*salvor.Freeze, error) {
	found := make([]*salvor.Freeze, len(namespaces))
	var group errgroup.Group
	group.SetLimit(lockWrites)
	for i, ns := range namespaces {
		group.Go(func() (err error) {
			found[i], _, err = r.tryLock(ctx, ns)
			return err
		})
	}
	err := group.Wait()
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	mine := slices.DeleteFunc(found, func(f *salvor.Freeze) bool { return f == nil })
	if err == nil && len(mine) == len(namespaces) {
		return mine, nil
	}
	return nil, errors.Join(err, r.unlock(ctx, mine))
}

// lockOne takes one namespace. holder is who held it when it was not free.
func (r *run) lockOne(ctx context.Context, ns string) (mine *salvor.Freeze, holder string, err error) {
	for {
		mine, by, err := r.tryLock(ctx, ns)
		if by != "" {
			holder = by
		}
		if err != nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err != nil || mine != nil {
			return mine, holder, err
		}
		select {
		case <-ctx.Done():
			return nil, holder, context.Cause(ctx)
		case <-time.After(r.tuning.LockPause):
		}
	}
}

// tryLock takes the namespace or says who holds it.
func (r *run) tryLock(ctx context.Context, ns string) (mine *salvor.Freeze, holder string, err error) {
	mine = salvor.New(salvor.KindFreeze).(*salvor.Freeze)
	mine.Name = salvor.FreezeName(r.record.id.ClusterID, ns)
	mine.CreationTimestamp = metav1.NewTime(r.Now())
	mine.Spec = salvor.FreezeSpec{Backup: r.record.id, Epoch: r.record.epoch, Namespace: ns, Until: r.until()}
	err = r.Catalog.Create(ctx, mine)
	if err == nil {
		return mine, "", nil
	}
	if !salvor.Is(err, salvor.Exists) {
		return nil, "", err
	}
	there, err := freezeOf(ctx, r.Catalog, r.record.id.ClusterID, ns)
	if err != nil || there == nil { // it went meanwhile: the next look finds it free
		return nil, "", err
	}
	if there.Spec.Backup != r.record.id {
		held, err := r.holds(ctx, there)
		if held || err != nil {
			return nil, there.Spec.Backup.Name, err
		}
	}
	mine.ResourceVersion = there.ResourceVersion
	err = r.Catalog.Update(ctx, mine)
	if salvor.Is(err, salvor.Conflict) || salvor.Is(err, salvor.NotFound) { // somebody else was quicker
		return nil, there.Spec.Backup.Name, nil
	}
	if err != nil {
		return nil, "", err
	}
	return mine, "", nil
}

// until is when a freeze that begins now is over, whatever happens, if no thaw is owed.
func (r *run) until() metav1.Time { return metav1.NewTime(r.Now().Add(r.maxFreeze() + lockAfter)) }

// holds reports whether the backup that took a namespace still holds it: one that died may not have let go. What is owed
// and can be paid is paid, so that nobody has to wait for it.
func (r *run) holds(ctx context.Context, f *salvor.Freeze) (bool, error) {
	b, err := r.Catalog.GetBackup(ctx, f.Spec.Backup)
	if salvor.Is(err, salvor.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	now := r.Now()
	if b.Status.Thaw != nil {
		if !now.Before(ThawDue(b, now)) {
			_, _ = r.Engine.PayThaw(ctx, b.ID()) // why it could not be paid is recorded with it
		}
		return true, nil
	}
	if b.Status.Phase.Done() {
		return false, nil
	}
	return now.Before(f.Spec.Until.Time) || b.Status.Phase == salvor.PhaseQuiescing && b.Status.Lease.Live(now), nil
}

// confirm makes sure, when what is owed is written down, that the namespaces are still this backup's: whoever took one
// over before that saw nothing owed. Conflict: somebody did.
func (r *run) confirm(ctx context.Context, mine []*salvor.Freeze) error {
	return each(mine, func(f *salvor.Freeze) error {
		f.Spec.Until = r.until()
		err := r.Catalog.Update(ctx, f)
		if salvor.Is(err, salvor.Conflict) || salvor.Is(err, salvor.NotFound) {
			return salvor.Errorf(salvor.Conflict, "another backup took namespace %s over, because this one was away for too long", f.Spec.Namespace).WithHint("try again")
		}
		return err
	})
}

// unlock lets go of the namespaces. What another has taken over is left to it.
func (r *run) unlock(ctx context.Context, mine []*salvor.Freeze) error {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), finishTime)
	defer stop()
	return each(mine, func(f *salvor.Freeze) error {
		err := r.Catalog.Delete(ctx, salvor.KindFreeze, f.Name, f.ResourceVersion)
		if salvor.Is(err, salvor.NotFound) || salvor.Is(err, salvor.Conflict) {
			return nil
		}
		return err
	})
}

// each writes several Freezes at once.
func each(list []*salvor.Freeze, do func(*salvor.Freeze) error) error {
	var group errgroup.Group
	group.SetLimit(lockWrites)
	for _, f := range list {
		group.Go(func() error { return do(f) })
	}
	return group.Wait()
}

// freezeOf returns the Freeze of a namespace; nil, if there is none.
func freezeOf(ctx context.Context, c Catalog, clusterID, ns string) (*salvor.Freeze, error) {
	o, err := c.Get(ctx, salvor.KindFreeze, salvor.FreezeName(clusterID, ns))
	if salvor.Is(err, salvor.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return o.(*salvor.Freeze), nil
}
