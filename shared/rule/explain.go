package rule

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/labels"

	"salvor.io/salvor/shared/salvor"
)

// Explanation is where a rule would run now, and why not elsewhere.
type Explanation struct {
	Namespaces []string `json:"namespaces"`
	// Pods is how many there are in the namespaces, whatever state they are in.
	Pods int `json:"pods"`
	// SubRules of the rule; then those that stand for the hooks of pods, if these are asked for.
	SubRules []SubRuleExplanation `json:"subRules"`
}

// SubRuleExplanation is where a sub-rule would run.
type SubRuleExplanation struct {
	Name string `json:"name"`
	// NotSelected is how many pods none of its selectors selects.
	NotSelected int `json:"notSelected"`
	// LeftOut are pods that are selected and can't be run in, whatever the action.
	LeftOut []LeftOut           `json:"leftOut,omitempty"`
	Actions []ActionExplanation `json:"actions,omitempty"`
	// Warnings are those that the report of a run would have.
	Warnings []string `json:"warnings,omitempty"`
	// Error is why the rule would fail before its first command.
	Error string `json:"error,omitempty"`
}

// ActionExplanation is where an action would run.
type ActionExplanation struct {
	Name string `json:"name"`
	// Runs is the shell line, or the argv.
	Runs string `json:"runs"`
	// Targets it would run in; with Leader, in the first of them that says it is the leader, which is asked when the action begins.
	Targets []Target `json:"targets,omitempty"`
	Leader  bool     `json:"leader,omitempty"`
	// Background says that it stays up until the cut.
	Background bool      `json:"background,omitempty"`
	LeftOut    []LeftOut `json:"leftOut,omitempty"`
}

// LeftOut is a pod that is not run in.
type LeftOut struct {
	Namespace string `json:"namespace"`
	Pod       string `json:"pod"`
	Reason    string `json:"reason"`
}

func (p *pod) leftOut(format string, args ...any) LeftOut {
	return LeftOut{Namespace: p.Metadata.Namespace, Pod: p.Metadata.Name, Reason: fmt.Sprintf(format, args...)}
}

// Explain finds the pods and containers that the rule, and the hooks of pods, would run in now. It runs nothing. The error is
// one that lists could not be made for, or that of Check, beside which the explanation is whole.
func (e *Engine) Explain(ctx context.Context, req Request) (x Explanation, err error) {
	r := e.newRun(req, PreExec)
	if r.req.Spec, r.req.Namespaces, err = prepare(req.Spec, req.Namespaces); err != nil {
		return x, err
	}
	all, err := e.everyPod(ctx, r.req.Namespaces)
	if err != nil {
		return x, err
	}
	x = Explanation{Namespaces: r.req.Namespaces, Pods: len(all)}
	var errs []error
	for _, s := range r.req.Spec.SubRules {
		sub, err := r.explain(s, all)
		x.SubRules, errs = append(x.SubRules, sub), append(errs, err)
	}
	if len(req.Hooks) > 0 {
		for _, phase := range []string{PreExec, PostExec} {
			sub, err := e.explainHooks(ctx, r.req, phase)
			x.SubRules, errs = append(x.SubRules, sub), append(errs, err)
		}
	}
	return x, join(errs)
}

// everyPod lists the pods of the namespaces, sorted.
func (e *Engine) everyPod(ctx context.Context, namespaces []string) ([]pod, error) {
	var mu sync.Mutex
	found := map[string]pod{}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(e.parallel())
	for _, ns := range namespaces {
		group.Go(func() error {
			return e.list(ctx, ns, "", func(p pod) {
				mu.Lock()
				defer mu.Unlock()
				found[p.key()] = p
			})
		})
	}
	err := group.Wait()
	all := make([]pod, 0, len(found))
	for _, p := range found {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b pod) int { return strings.Compare(a.key(), b.key()) })
	return all, err
}

func (r *run) explain(s salvor.SubRule, all []pod) (x SubRuleExplanation, err error) {
	x.Name = s.Name
	var open []pod
	for _, p := range all {
		chosen, err := p.selectedBy(s)
		switch {
		case err != nil:
			return x, err
		case !chosen:
			x.NotSelected++
		case p.Metadata.DeletionTimestamp != nil:
			x.LeftOut = append(x.LeftOut, p.leftOut("it is being deleted"))
		case !p.running():
			x.LeftOut = append(x.LeftOut, p.leftOut("it is %s, not Running", cmp.Or(p.Status.Phase, "without a phase")))
		default:
			open = append(open, p)
		}
	}
	c := Choice{SubRule: s.Name}
	var errs []error
	if len(open) == 0 {
		errs = append(errs, c.none(s, fmt.Sprintf("sub-rule %q: its selectors choose no running pod", s.Name)))
	}
	for _, a := range s.Actions {
		action, err := r.explainAction(&c, s, a, open)
		x.Actions, errs = append(x.Actions, action), append(errs, err)
	}
	x.Warnings = c.Warnings
	if err = join(errs); err != nil {
		x.Error = err.Error()
	}
	return x, err
}

func (p *pod) selectedBy(s salvor.SubRule) (bool, error) {
	for i := range s.PodSelectors {
		selector, err := salvor.Selector(&s.PodSelectors[i])
		if err != nil {
			return false, err
		}
		if selector.Matches(labels.Set(p.Metadata.Labels)) {
			return true, nil
		}
	}
	return false, nil
}

func (r *run) explainAction(c *Choice, s salvor.SubRule, a salvor.Action, open []pod) (ActionExplanation, error) {
	x := ActionExplanation{Name: a.Name, Runs: runs(a), Background: a.Background != nil}
	x.Leader = a.RunInSinglePod && a.SinglePod != nil && a.SinglePod.Leader != nil
	where := fmt.Sprintf("sub-rule %q, action %q", s.Name, a.Name)
	targets, err := r.targets(c, where, a, open)
	if err == nil && len(targets) == 0 && len(open) > 0 {
		err = c.none(s, where+": its container runs in none of the pods")
	}
	x.Targets = targets
	labelled, _ := selected(where, a.SinglePod, open)
	for _, p := range open {
		is := func(q pod) bool { return q.key() == p.key() }
		name, containerErr := p.container(a.Container)
		switch why := p.why(name); {
		case slices.ContainsFunc(targets, func(t Target) bool { return t.key() == p.key() }):
		case !slices.ContainsFunc(labelled, is):
			x.LeftOut = append(x.LeftOut, p.leftOut("singlePod.selector does not select it"))
		case containerErr != nil:
			x.LeftOut = append(x.LeftOut, p.leftOut("%v", containerErr))
		case why != "":
			x.LeftOut = append(x.LeftOut, p.leftOut("its container %s is not running (%s)", name, why))
		default:
			x.LeftOut = append(x.LeftOut, p.leftOut("the action runs in a single pod"))
		}
	}
	return x, err
}

// runs is what an action runs, for people.
func runs(a salvor.Action) string {
	if a.Shell != "" {
		return Mask(a.Shell)
	}
	return Mask(strings.Join(a.Command, " "))
}

// explainHooks finds the pods whose annotations ask for a command in the phase.
func (e *Engine) explainHooks(ctx context.Context, req Request, phase string) (x SubRuleExplanation, err error) {
	r := e.newRun(req, phase)
	x.Name = hookNames[phase]
	targets, actions, err := r.hooked(ctx, x.Name)
	for i, t := range targets {
		x.Actions = append(x.Actions, ActionExplanation{Name: actions[i].Name, Runs: runs(actions[i]), Targets: []Target{t}})
	}
	x.Warnings = r.report.Warnings
	if err != nil {
		err = fmt.Errorf("%s: %w", x.Name, err)
		x.Error = Mask(err.Error())
	}
	return x, err
}
