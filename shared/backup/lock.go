package backup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/salvor"
)

// Two backups of one namespace may run at once, but only one of them holds its applications at a time: otherwise the
// first that is done would let go on what the other still needs held.
const (
	// lockWait is how long a backup waits for its turn.
	lockWait = 5 * time.Minute
	// lockPause is the time between two looks.
	lockPause = time.Second
	// lockAfter is how long after the longest freeze a lock lasts of which no thaw is owed: background commands have ended by then.
	lockAfter = time.Minute
)

// lock takes the namespaces, each when it is free. Conflict: somebody else held one all the time.
func (r *run) lock(ctx context.Context, namespaces []string) error {
	waiting, stop := context.WithTimeoutCause(ctx, r.tuning.LockWait, salvor.Errorf(salvor.Conflict, "its turn did not come within %s", r.tuning.LockWait))
	defer stop()
	for i, ns := range slices.Sorted(slices.Values(namespaces)) {
		began := r.Now()
		holder, err := r.lockOne(waiting, ns)
		if err != nil {
			r.unlock(context.WithoutCancel(ctx), namespaces[:i])
			if holder != "" {
				err = fmt.Errorf("namespace %s is held by backup %s: %w", ns, holder, err)
			}
			return err
		}
		if holder != "" {
			r.warn("waited %s until backup %s let go of namespace %s", r.Now().Sub(began).Round(time.Millisecond), holder, ns)
		}
	}
	return nil
}

// lockOne takes one namespace. holder is who held it when it was not free.
func (r *run) lockOne(ctx context.Context, ns string) (holder string, err error) {
	for {
		by, err := r.tryLock(ctx, ns)
		if by != "" {
			holder = by
		}
		if err != nil || by == "" {
			return holder, err
		}
		select {
		case <-ctx.Done():
			return holder, context.Cause(ctx)
		case <-time.After(r.tuning.LockPause):
		}
	}
}

// tryLock takes the namespace or says who holds it.
func (r *run) tryLock(ctx context.Context, ns string) (holder string, err error) {
	mine := salvor.New(salvor.KindFreeze).(*salvor.Freeze)
	mine.Name = salvor.FreezeName(r.record.id.ClusterID, ns)
	mine.CreationTimestamp = metav1.NewTime(r.Now())
	mine.Spec = salvor.FreezeSpec{Backup: r.record.id, Namespace: ns, Until: metav1.NewTime(r.Now().Add(r.maxFreeze() + lockAfter))}
	err = r.Catalog.Create(ctx, mine)
	if !salvor.Is(err, salvor.Exists) {
		return "", err
	}
	o, err := r.Catalog.Get(ctx, salvor.KindFreeze, mine.Name)
	if salvor.Is(err, salvor.NotFound) {
		return r.tryLock(ctx, ns)
	}
	if err != nil {
		return "", err
	}
	there := o.(*salvor.Freeze)
	if there.Spec.Backup != r.record.id {
		held, err := r.holds(ctx, there)
		if held || err != nil {
			return there.Spec.Backup.Name, err
		}
	}
	mine.ResourceVersion = there.ResourceVersion
	if err := r.Catalog.Update(ctx, mine); salvor.Is(err, salvor.Conflict) || salvor.Is(err, salvor.NotFound) {
		return there.Spec.Backup.Name, nil // somebody else was quicker
	} else if err != nil {
		return "", err
	}
	return "", nil
}

// holds reports whether the backup that took a namespace still holds it: one that died may not have let go.
func (r *run) holds(ctx context.Context, f *salvor.Freeze) (bool, error) {
	b, err := r.Catalog.GetBackup(ctx, f.Spec.Backup)
	switch {
	case salvor.Is(err, salvor.NotFound):
		return false, nil
	case err != nil:
		return false, err
	case b.Status.Thaw != nil:
		return true, nil
	}
	return !b.Status.Phase.Done() && r.Now().Before(f.Spec.Until.Time), nil
}

// unlock lets go of the namespaces, as far as they are this backup's. What can't be let go of is found out by whoever
// wants it next.
func (r *run) unlock(ctx context.Context, namespaces []string) error {
	ctx, stop := context.WithTimeout(ctx, finishTime)
	defer stop()
	var errs []error
	for _, ns := range namespaces {
		errs = append(errs, unlock(ctx, r.Catalog, r.record.id, ns))
	}
	return errors.Join(errs...)
}

func unlock(ctx context.Context, c Catalog, id salvor.BackupID, ns string) error {
	name := salvor.FreezeName(id.ClusterID, ns)
	o, err := c.Get(ctx, salvor.KindFreeze, name)
	if salvor.Is(err, salvor.NotFound) || err == nil && o.(*salvor.Freeze).Spec.Backup != id {
		return nil
	}
	if err != nil {
		return err
	}
	err = c.Delete(ctx, salvor.KindFreeze, name, o.Meta().ResourceVersion)
	if salvor.Is(err, salvor.NotFound) || salvor.Is(err, salvor.Conflict) {
		return nil
	}
	return err
}
