package rule

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
)

// run is one run of a rule.
type run struct {
	*Engine
	phase  string
	report Report
	// failed are the pods, by namespace/name, whose chain of actions has ended in this sub-rule.
	failed map[string]bool
}

func (r *run) subRule(ctx context.Context, s salvor.SubRule, namespaces []string) error {
	clear(r.failed)
	choice, err := r.choose(ctx, s, namespaces)
	r.warn(choice.Warnings...)
	report := SubRuleReport{Name: s.Name, Pods: choice.Pods}
	defer func() { r.report.SubRules = append(r.report.SubRules, report) }()
	if err != nil {
		report.Error = Mask(err.Error())
		if r.phase == PreExec {
			return err
		}
	}
	errs := []error{err} // in post-exec, what could be told is thawed all the same
	for i, targets := range choice.Actions {
		a := s.Actions[i]
		results, err := r.action(ctx, a, targets)
		report.Actions = append(report.Actions, ActionReport{Name: a.Name, Pods: results})
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

func (r *run) warn(what ...string) { r.report.Warnings = append(r.report.Warnings, what...) }

// action runs one action in its targets, except in pods whose chain has ended, and returns the first error.
func (r *run) action(ctx context.Context, a salvor.Action, targets []Target) ([]PodResult, error) {
	var open []Target
	for _, t := range targets {
		if !r.failed[t.key()] {
			open = append(open, t)
		}
	}
	results := make([]PodResult, len(open))
	errs := make([]error, len(open))
	var stop atomic.Bool // pre-exec: what isn't frozen yet need not be
	var group errgroup.Group
	group.SetLimit(r.parallel())
	for i, t := range open {
		group.Go(func() error {
			if stop.Load() {
				results[i] = result(t, "not run, because the action failed in another pod")
				return nil
			}
			results[i], errs[i] = r.pod(ctx, a, t)
			if errs[i] != nil && r.phase == PreExec && a.OnError != salvor.OnErrorContinue {
				stop.Store(true)
			}
			return nil
		})
	}
	group.Wait()
	if a.OnError != salvor.OnErrorContinue {
		for i, err := range errs {
			r.failed[open[i].key()] = err != nil
		}
	}
	return results, first(errs)
}

func result(t Target, err string) PodResult {
	return PodResult{Namespace: t.Namespace, Pod: t.Pod, UID: t.UID, Container: t.Container, Error: err}
}

// pod runs an action in one pod.
func (r *run) pod(ctx context.Context, a salvor.Action, t Target) (PodResult, error) {
	if ctx.Err() != nil {
		err := fmt.Errorf("not run: %w", ended(ctx, ctx, context.Cause(ctx)))
		return result(t, err.Error()), err
	}
	bounded, cancel := context.WithTimeoutCause(ctx, a.Timeout.Duration, fmt.Errorf("timed out after %v", a.Timeout.Duration))
	defer cancel()
	var stdout, stderr tail
	req := cluster.ExecRequest{Namespace: t.Namespace, Pod: t.Pod, Container: t.Container,
		Command: a.Command, Stdout: &stdout, Stderr: &stderr}
	if a.Shell != "" {
		open, end := io.Pipe() // nothing ever comes, until the shell is to end
		defer end.Close()
		req.Command, req.Stdin = shell(a.Shell), open
	}
	started := r.now()
	err := retry(bounded, unstarted, func() error { return r.Cluster.Exec(bounded, req) })
	p := result(t, "")
	p.StartedAt, p.Duration = started, metav1.Duration{Duration: r.Now().Sub(started.Time)}
	p.Stdout, p.StdoutBytes = stdout.text(), stdout.total
	p.Stderr, p.StderrBytes = stderr.text(), stderr.total
	if exit := new(cluster.ExitError); err == nil || errors.As(err, &exit) {
		p.ExitCode = &exit.Code
	}
	if err != nil {
		err = fail(t, ended(ctx, bounded, err), p.Stderr, a.Shell != "")
		p.Error = err.Error()
	}
	return p, err
}
