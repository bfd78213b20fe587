package backup

import (
	"context"
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

// owe writes down, before the first action, what has to run to let the group's applications go on.
func (g *group) owe(ctx context.Context) error {
	return g.record.update(ctx, func(s *salvor.BackupStatus) {
		if g.spec.Freezes() {
			s.Phase = salvor.PhaseQuiescing
		}
		if !g.thaws(g.post) {
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

// note writes down in which pods commands are about to run. Without new ones it only makes sure, where the lease may be
// lost, that this process may go on.
func (g *group) note(ctx context.Context, begun, spared []salvor.PodRef) error {
	known := len(begun) == len(g.sent)
	if known && !g.record.expired() {
		return nil
	}
	err := g.record.update(ctx, func(s *salvor.BackupStatus) {
		if s.Thaw == nil || known {
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

// strike takes the namespaces off what is owed.
func (r *run) strike(ctx context.Context, namespaces []string) error {
	return r.record.update(ctx, func(s *salvor.BackupStatus) {
		if s.Thaw == nil {
			return
		}
		s.Thaw.Namespaces = slices.DeleteFunc(s.Thaw.Namespaces, func(ns string) bool { return slices.Contains(namespaces, ns) })
		s.Thaw.Begun, s.Thaw.Spared = outside(s.Thaw.Begun, namespaces), outside(s.Thaw.Spared, namespaces)
		s.FrozenFor.Duration = max(s.FrozenFor.Duration, r.Now().Sub(s.Thaw.Since.Time))
		if len(s.Thaw.Namespaces) == 0 {
			s.Thaw = nil
		}
	})
}

// outside keeps the pods of other namespaces.
func outside(pods []salvor.PodRef, namespaces []string) []salvor.PodRef {
	return slices.DeleteFunc(slices.Clone(pods), func(p salvor.PodRef) bool { return slices.Contains(namespaces, p.Namespace) })
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
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
	q := RuleRequest{Rule: rule, Namespaces: namespaces, MaxFreeze: r.maxFreeze(), VeleroHooks: r.spec.VeleroHooks}
	switch scope := r.spec.Scope; {
	case scope.LabelSelector != nil:
		q.PodSelectors = []metav1.LabelSelector{*scope.LabelSelector}
	case len(scope.OrLabelSelectors) > 0:
		q.PodSelectors = scope.OrLabelSelectors
	default:
		q.PodSelectors = []metav1.LabelSelector{{}}
	}
	return q
}

func (r *run) maxFreeze() time.Duration {
	if r.spec.MaxFreeze.Duration > 0 {
		return r.spec.MaxFreeze.Duration
	}
	return salvor.DefaultMaxFreeze
}
