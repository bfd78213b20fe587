package rule

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/salvor"
)

// run is one run of a rule.
type run struct {
	*Engine
	req    Request
	phase  string
	report Report
	// failed are the pods, by namespace/name, whose chain of actions has ended in this sub-rule.
	failed map[string]bool
	// chosen and begun are what a pre-exec rule has chosen and sent commands to; owed and spared what an earlier one had.
	chosen, begun, owed, spared pods
	// places are where files for background commands go, by target.
	places map[Target]place
	// held are the background commands that were begun; goneAt is when all others that were left behind have ended.
	heldMu sync.Mutex
	held   []*held
	goneAt time.Time
}

func (e *Engine) newRun(req Request, phase string) *run {
	if req.MaxFreeze <= 0 {
		req.MaxFreeze = salvor.DefaultMaxFreeze
	}
	r := &run{Engine: e, req: req, phase: phase, failed: map[string]bool{}, owed: podsOf(req.Begun), spared: podsOf(req.Spared)}
	r.report.StartedAt = e.now()
	return r
}

// end completes the report.
func (r *run) end() Report {
	r.report.EndedAt = r.now()
	return r.report
}

// subRule runs a sub-rule in the pods that it chooses now, or has just chosen.
func (r *run) subRule(ctx context.Context, s salvor.SubRule, known *Choice) error {
	clear(r.failed)
	began := r.now()
	choice, err := Choice{}, error(nil)
	if known != nil {
		choice = *known
	} else {
		choice, err = r.choose(ctx, s, r.req.Namespaces)
		r.note(choice)
	}
	r.warn(choice.Warnings...)
	r.report.SubRules = append(r.report.SubRules, SubRuleReport{Name: s.Name, Pods: choice.Pods, StartedAt: began})
	report := &r.report.SubRules[len(r.report.SubRules)-1]
	defer func() { report.Duration = r.since(began) }()
	if err != nil {
		report.Error = Mask(err.Error())
		if r.phase == PreExec {
			return err
		}
	}
	errs := []error{err} // in post-exec, what could be told is thawed all the same
	for i, targets := range choice.Actions {
		a := s.Actions[i]
		began := r.now()
		results, err := r.action(ctx, a, targets)
		report.Actions = append(report.Actions, ActionReport{Name: a.Name, Pods: results, StartedAt: began, Duration: r.since(began)})
		if err != nil {
			err = fmt.Errorf("sub-rule %q, action %q: %w", s.Name, a.Name, err)
		}
		if err != nil && a.OnError == salvor.OnErrorContinue && ctx.Err() == nil {
			r.warn(err.Error())
			continue
		}
		errs = append(errs, err)
		if err != nil && r.phase == PreExec || ctx.Err() != nil {
			break
		}
	}
	return join(errs)
}

// since is the time from then on.
func (r *run) since(began metav1.MicroTime) metav1.Duration {
	return metav1.Duration{Duration: r.Now().Sub(began.Time)}
}

func (r *run) warn(what ...string) { r.report.Warnings = append(r.report.Warnings, what...) }

// action runs one action in its targets, except in pods whose chain has ended, and returns the first error.
func (r *run) action(ctx context.Context, a salvor.Action, targets []Target) ([]PodResult, error) {
	var open []Target
	for _, t := range targets {
		if !r.failed[t.key()] {
			open = append(open, t)
		}
	}
	open, err := r.lead(ctx, a, open)
	if err != nil {
		return nil, err
	}
	results, errs := r.inAll(ctx, open, func(int) salvor.Action { return a })
	return results, first(errs)
}

// inAll runs in each target the action of its index, and returns what came of each.
func (r *run) inAll(ctx context.Context, open []Target, action func(int) salvor.Action) ([]PodResult, []error) {
	if err := r.begin(ctx, open); err != nil {
		return nil, []error{err}
	}
	results := make([]PodResult, len(open))
	errs := make([]error, len(open))
	var stop atomic.Bool // pre-exec: what isn't frozen yet need not be
	var group errgroup.Group
	group.SetLimit(r.parallel())
	for i, t := range open {
		a := action(i)
		group.Go(func() error {
			if stop.Load() {
				results[i] = result(t, "not run, because the action failed in another pod")
				return nil
			}
			errs[i] = r.pod(ctx, a, t, &results[i])
			if errs[i] != nil && r.phase == PostExec && r.gone(ctx, t) {
				results[i].Error += "; the pod is gone, and there is nothing to let go on in it"
				errs[i] = nil
			}
			if errs[i] != nil && r.phase == PreExec && a.OnError != salvor.OnErrorContinue {
				stop.Store(true)
			}
			return nil
		})
	}
	group.Wait()
	for i, err := range errs {
		if action(i).OnError != salvor.OnErrorContinue {
			r.failed[open[i].key()] = err != nil
		}
	}
	return results, errs
}

func result(t Target, err string) PodResult {
	return PodResult{Namespace: t.Namespace, Pod: t.Pod, UID: t.UID, Container: t.Container, Error: err}
}

// pod runs an action in one pod.
func (r *run) pod(ctx context.Context, a salvor.Action, t Target, p *PodResult) error {
	if ctx.Err() != nil {
		err := fmt.Errorf("not run: %w", ended(ctx, ctx, context.Cause(ctx)))
		*p = result(t, err.Error())
		return err
	}
	if a.Background == nil {
		return r.attempts(ctx, a, t, p)
	}
	if err := r.goOn(ctx, t, p); err != nil {
		return err
	}
	return r.hold(ctx, a, t, p)
}

// goOn asks whether a command may be sent.
func (r *run) goOn(ctx context.Context, t Target, p *PodResult) error {
	if r.req.GoOn == nil {
		return nil
	}
	err := r.req.GoOn(ctx)
	if err != nil && p.StartedAt.IsZero() {
		*p = result(t, "not run: "+Mask(err.Error()))
	}
	return err
}
