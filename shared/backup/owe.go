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

// mostPods is how many pods are noted with a thaw that is owed: a record has bounds, and without them it runs everywhere.
const mostPods = 1000

// thaws reports whether anything may have to run in pods after it.
func (r *run) thaws(post salvor.RuleSpec) bool { return len(post.SubRules) > 0 || r.spec.VeleroHooks }

// noBackground refuses a rule after the cut that would only work before it.
func noBackground(post salvor.RuleSpec) error {
	for _, s := range post.SubRules {
		for _, a := range s.Actions {
			if a.Background != nil {
				return salvor.Errorf(salvor.Invalid, "spec.postExecRule: sub-rule %q, action %q: a background action has no place after the cut", s.Name, a.Name)
			}
		}
	}
	return nil
}

// take holds the group's namespaces, writes down what has to run to let their applications go on, and sees to it that
// somebody looks after that. With an error, nothing was sent and nothing is held.
func (g *group) take(ctx context.Context) (err error) {
	if !g.spec.Freezes() && !g.thaws(g.post) {
		return nil
	}
	if g.freezes, err = g.lock(ctx, g.namespaces); err != nil {
		return err
	}
	if err = g.owe(ctx); err == nil {
		err = g.confirm(ctx, g.freezes)
	}
	if err == nil {
		err = g.callWatch(ctx)
	}
	if err != nil {
		return errors.Join(err, g.release(ctx))
	}
	return nil
}

// release takes the group off what is owed, and then lets go of its namespaces. Those stay held while it can't be told
// whether anything is owed: that is how it is found.
func (g *group) release(ctx context.Context) error {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), finishTime)
	defer stop()
	if err := g.strike(ctx, g.namespaces, 0); err != nil {
		return err
	}
	return g.unlock(ctx, g.freezes)
}

// owe writes down, before the first action, what has to run to let the group's applications go on.
func (g *group) owe(ctx context.Context) error {
	return g.record.update(ctx, func(s *salvor.BackupStatus) {
		if g.spec.Freezes() {
			s.Phase = salvor.PhaseQuiescing
		}
		if !g.thaws(g.post) || len(g.namespaces) == 0 {
			return
		}
		if s.Thaw == nil {
			s.Thaw = &salvor.OwedThaw{Rule: g.post, Since: metav1.NewTime(g.Now())}
		}
		for _, ns := range g.namespaces {
			if !slices.Contains(s.Thaw.Namespaces, ns) {
				s.Thaw.Namespaces = append(s.Thaw.Namespaces, ns)
			}
		}
	})
}

// afterLease is how long after the end of a lease somebody looks: clocks differ.
const afterLease = 5 * time.Second

// callWatch has somebody look when this worker's lease has expired, unless that is still to happen: whoever looks then
// finds what is owed now.
func (g *group) callWatch(ctx context.Context) error {
	if g.Wake == nil || !g.thaws(g.post) || len(g.namespaces) == 0 {
		return nil
	}
	g.watchMu.Lock()
	defer g.watchMu.Unlock()
	if g.Now().Before(g.watchAt.Add(-afterLease)) {
		return nil
	}
	at := g.record.status().Lease.Expires.Add(afterLease)
	if err := g.Wake(ctx, g.record.id, at); err != nil {
		return fmt.Errorf("nobody would thaw the application if this process died: %w", err)
	}
	g.watchAt = at
	return nil
}

// note writes down in which pods commands are about to run.
func (g *group) note(ctx context.Context, begun, spared []salvor.PodRef) error {
	err := g.record.update(ctx, func(s *salvor.BackupStatus) {
		if s.Thaw == nil {
			return
		}
		s.Thaw.Begun = append(outside(s.Thaw.Begun, g.namespaces), begun...)
		s.Thaw.Spared = append(outside(s.Thaw.Spared, g.namespaces), spared...)
		if len(s.Thaw.Begun)+len(s.Thaw.Spared) > mostPods {
			s.Thaw.Begun, s.Thaw.Spared = nil, nil
		}
	})
	if err == nil {
		g.sent, g.spared = begun, spared
	}
	return err
}

// strike takes the namespaces, which were held for so long, off what is owed.
func (r *run) strike(ctx context.Context, namespaces []string, held time.Duration) error {
	return r.record.update(ctx, func(s *salvor.BackupStatus) {
		s.FrozenFor.Duration = max(s.FrozenFor.Duration, held)
		if s.Thaw == nil {
			return
		}
		s.Thaw.Namespaces = slices.DeleteFunc(s.Thaw.Namespaces, func(ns string) bool { return slices.Contains(namespaces, ns) })
		s.Thaw.Begun, s.Thaw.Spared = outside(s.Thaw.Begun, namespaces), outside(s.Thaw.Spared, namespaces)
		if len(s.Thaw.Namespaces) == 0 {
			s.Thaw = nil
		}
	})
}

// outside keeps the pods of other namespaces.
func outside(pods []salvor.PodRef, namespaces []string) []salvor.PodRef {
	return slices.DeleteFunc(slices.Clone(pods), func(p salvor.PodRef) bool { return slices.Contains(namespaces, p.Namespace) })
}

// keep adds what a rule reported to the run's report.
func (r *run) keep(phase string, out RuleReport) {
	r.report.rule(phase, out)
	for _, w := range out.Warnings {
		r.warn("%s", phase+" rule: "+w)
	}
}

// request is what every run of a rule of this backup has in common.
func (r *run) request(rule salvor.RuleSpec, namespaces []string) RuleRequest {
	return RuleRequest{Rule: rule, Namespaces: namespaces, MaxFreeze: r.maxFreeze(), VeleroHooks: r.spec.VeleroHooks, PodSelectors: HookSelectors(r.spec.Scope)}
}

// HookSelectors select the pods whose annotations a backup of the scope may run: those that it takes by their labels, or all.
func HookSelectors(scope salvor.Scope) []metav1.LabelSelector {
	switch {
	case scope.LabelSelector != nil:
		return []metav1.LabelSelector{*scope.LabelSelector}
	case len(scope.OrLabelSelectors) > 0:
		return scope.OrLabelSelectors
	}
	return []metav1.LabelSelector{{}}
}

func (r *run) maxFreeze() time.Duration {
	if r.spec.MaxFreeze.Duration > 0 {
		return r.spec.MaxFreeze.Duration
	}
	return salvor.DefaultMaxFreeze
}
