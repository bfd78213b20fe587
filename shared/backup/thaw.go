package backup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

// thawTime bounds the post-exec rule when the run itself has ended already.
const thawTime = 10 * time.Minute

// reportTime is what storing the report of a thaw that was paid may take: the thaw itself needs no location.
const reportTime = 20 * time.Second

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

// ThawDue is when somebody has to see to the thaw that a backup owes: when that is due, and not while a worker may still
// live, who does it itself. What a clock noted that was wrong is not waited for.
func ThawDue(b *salvor.Backup, now time.Time) time.Time {
	at := NextThaw(b.Status.Thaw)
	if at.After(now.Add(mostPause + salvor.ClockAhead)) {
		at = now
	}
	if l := b.Status.Lease; l.Holder != "" && l.Live(now) && l.Expires.After(at) {
		at = l.Expires.Time
	}
	return at
}

// Owing returns the backups that owe a thaw, whoever is due first in front. They are found by what they hold, however
// many backups there are.
func (e *Engine) Owing(ctx context.Context) ([]*salvor.Backup, error) {
	var owing []*salvor.Backup
	seen := map[salvor.BackupID]bool{}
	for cursor := ""; ; {
		page, next, err := e.Catalog.List(ctx, salvor.KindFreeze, cursor, catalog.MaxLimit)
		if err != nil {
			return nil, fmt.Errorf("looking for thaws that are owed: %w", err)
		}
		for _, o := range page {
			id := o.(*salvor.Freeze).Spec.Backup
			if seen[id] {
				continue
			}
			seen[id] = true
			b, err := e.Catalog.GetBackup(ctx, id)
			if err != nil && !salvor.Is(err, salvor.NotFound) {
				return nil, fmt.Errorf("looking for thaws that are owed: %w", err)
			}
			if err == nil && b.Status.Thaw != nil {
				owing = append(owing, b)
			}
		}
		if cursor = next; next == "" {
			break
		}
	}
	now := e.Now()
	slices.SortStableFunc(owing, func(a, b *salvor.Backup) int { return ThawDue(a, now).Compare(ThawDue(b, now)) })
	return owing, nil
}

// PayThaw runs the thaw that a backup owes whose worker has ended, and strikes it once it has succeeded. It needs the
// cluster and nothing else; an attempt that did not succeed is recorded with the thaw. A backup that has not ended is
// left for the next worker to go on with; one that somebody asked to cancel is Canceled.
// Conflict: it owes none, or another process is at it; then the backup is returned as it is, and ThawDue says when to
// look again.
func (e *Engine) PayThaw(ctx context.Context, id salvor.BackupID) (*salvor.Backup, error) {
	var there *salvor.Backup
	b, err := catalog.MutateBackup(ctx, e.Catalog, id, func(b *salvor.Backup) error {
		there = b
		if b.Status.Thaw == nil {
			return salvor.Errorf(salvor.Conflict, "backup %q is %s and owes no thaw", b.Name, b.Status.Phase)
		}
		return e.leaseAnew(b, e.Now())
	})
	if salvor.Is(err, salvor.Conflict) {
		return there, err
	}
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
	if s := r.record.status(); s.Thaw == nil && s.CancelRequested && !s.Phase.Done() {
		r.discard(ctx, r.record.epoch, nil) // what owed a thaw has stored no manifest
	}
	released := r.record.update(ctx, func(s *salvor.BackupStatus) {
		s.Lease.Holder, s.Lease.Expires = "", metav1.Time{}
		if s.Thaw == nil && s.CancelRequested && !s.Phase.Done() {
			canceled(s)
			s.CompletedAt = metav1.NewTime(r.Now())
		}
	})
	if err = errors.Join(err, released); err != nil {
		return nil, fmt.Errorf("backup %q: %w", b.Name, err)
	}
	r.reportPayment(ctx)
	return r.record.b, nil
}

// reportPayment keeps what the thaw put out, where the location can be reached.
func (r *run) reportPayment(ctx context.Context) {
	ctx, stop := context.WithTimeout(ctx, reportTime)
	defer stop()
	var err error
	if r.site.Repository, err = r.Store(ctx, r.begun); err == nil {
		r.storeReport(ctx, nil)
	}
}

// canceled ends a backup that nobody works on.
func canceled(s *salvor.BackupStatus) {
	s.Phase, s.Checkpoint = salvor.PhaseCanceled, ""
	s.Message = "canceled while nobody worked on it"
	if s.FrozenFor.Duration > 0 {
		s.Message += "; the application is thawed"
	}
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
	mine, others, err := r.owedFreezes(ctx, owed.Namespaces)
	if err != nil {
		return err
	}
	if len(others) > 0 { // nothing was sent there: the worker had lost them before it could
		if err := r.strike(ctx, others, 0); err != nil {
			return err
		}
	}
	owed = withoutNamespaces(owed, others)
	if len(owed.Namespaces) > 0 {
		owed.Rule = forgiving(owed.Rule)
		r.warn("an earlier attempt ended while the application was frozen, at %s at the latest; it was thawed when this one began", owed.Since.UTC().Format(time.RFC3339))
		if err := r.thaw(ctx, owed, func() time.Duration { return r.Now().Sub(owed.Since.Time) }); err != nil {
			return err
		}
	}
	return r.unlock(ctx, mine)
}

// forgiving is the rule for a thaw that another worker owed: an application that is gone by now is owed nothing, and the
// thaw would never be paid.
func forgiving(rule salvor.RuleSpec) salvor.RuleSpec {
	rule.SubRules = slices.Clone(rule.SubRules)
	for i := range rule.SubRules {
		rule.SubRules[i].OnNoPods = salvor.OnNoPodsWarn
	}
	return rule
}

// owedFreezes finds the Freezes of namespaces that are this backup's, and those namespaces that another backup holds.
func (r *run) owedFreezes(ctx context.Context, namespaces []string) (mine []*salvor.Freeze, others []string, err error) {
	for _, ns := range namespaces {
		f, err := freezeOf(ctx, r.Catalog, r.record.id.ClusterID, ns)
		switch {
		case err != nil:
			return nil, nil, err
		case f == nil:
		case f.Spec.Backup != r.record.id:
			others = append(others, ns)
		case f.Spec.Epoch <= r.record.epoch:
			mine = append(mine, f)
		}
	}
	return mine, others, nil
}

// withoutNamespaces is what is owed elsewhere.
func withoutNamespaces(owed *salvor.OwedThaw, namespaces []string) *salvor.OwedThaw {
	rest := *owed
	rest.Namespaces = slices.DeleteFunc(slices.Clone(owed.Namespaces), func(ns string) bool { return slices.Contains(namespaces, ns) })
	rest.Begun, rest.Spared = outside(owed.Begun, namespaces), outside(owed.Spared, namespaces)
	return &rest
}

// thaw runs the post-exec rule even when ctx has ended, and strikes the thaw that was owed once it has succeeded.
func (r *run) thaw(ctx context.Context, owed *salvor.OwedThaw, held func() time.Duration) error {
	if !r.thaws(owed.Rule) {
		return nil
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), thawTime)
	defer stop()
	goOn := func(ctx context.Context) error { // whoever took over may have thawed already, and others frozen again
		if err := r.record.confirm(ctx); salvor.Is(err, salvor.Fenced) {
			return err
		}
		return nil // a catalog that is away keeps nothing frozen
	}
	if err := goOn(ctx); err != nil {
		return err
	}
	q := r.request(owed.Rule, owed.Namespaces)
	q.GoOn, q.Begun, q.Spared = goOn, owed.Begun, owed.Spared
	out, err := r.site.Rules.Thaw(ctx, q)
	r.keep(postExec, out)
	if err != nil {
		err = fmt.Errorf("%s rule: %w", postExec, err)
		return errors.Join(err, r.tried(context.WithoutCancel(ctx), err))
	}
	return r.strike(ctx, owed.Namespaces, held())
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
