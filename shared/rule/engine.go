package rule

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
)

// The phases of a backup that run a rule.
const (
	PreExec  = "pre-exec"
	PostExec = "post-exec"
)

// DefaultParallel is how many commands run at once when Engine.Parallel is not set.
const DefaultParallel = 20

// Cluster is what the engine needs of a Kubernetes cluster.
type Cluster interface {
	List(ctx context.Context, r cluster.ListRequest, each func(cluster.Item) error) (cluster.ListResult, error)
	Exec(ctx context.Context, r cluster.ExecRequest) error
}

// Engine runs rules in one cluster.
type Engine struct {
	Cluster Cluster
	// Now is the clock of reports.
	Now func() time.Time
	// Parallel bounds the commands that run at once, and the lists.
	Parallel int
}

func (e *Engine) parallel() int {
	if e.Parallel > 0 {
		return e.Parallel
	}
	return DefaultParallel
}

// Request is a rule to run, and where.
type Request struct {
	Spec salvor.RuleSpec
	// Namespaces whose pods the rule may choose.
	Namespaces []string
	// After, of a pre-exec rule, is what will run after the cut: what can't be done then is not begun.
	After salvor.RuleSpec
	// MaxFreeze is how long the application may be held; background commands that do not say how long they live end by
	// themselves half a minute later. Default: salvor.DefaultMaxFreeze.
	MaxFreeze time.Duration
	// Hooks, if any, are label selectors of the pods whose Velero annotations are run: before the cut after the rule, after
	// it before the rule.
	Hooks []metav1.LabelSelector
	// Begin, if set, is told before the first command of a pre-exec rule is sent, and whenever one is about to be sent to
	// pods that had none before: the pods that may be frozen from then on, and those that the rule has chosen and surely
	// sent nothing to yet. An error stops the rule, with nothing sent.
	Begin func(ctx context.Context, begun, spared []salvor.PodRef) error
	// GoOn, if set, is asked before each command is sent, in post-exec too. An error: it is not sent.
	GoOn func(ctx context.Context) error
	// Begun and Spared, in post-exec, are what Begin was last told. Spared pods are passed over; of Begun pods each has to
	// be reached, unless it is gone.
	Begun, Spared []salvor.PodRef
}

// Check finds the pods and containers that the rule would run in now, and changes nothing. The error names every
// mistake: Invalid for a container that isn't there or can't be told, NotFound for a sub-rule that chooses no pod
// and wants one.
func (e *Engine) Check(ctx context.Context, spec salvor.RuleSpec, namespaces []string) ([]Choice, error) {
	spec, namespaces, err := prepare(spec, namespaces)
	if err != nil {
		return nil, err
	}
	r := &run{Engine: e}
	var choices []Choice
	var errs []error
	for _, s := range spec.SubRules {
		c, err := r.choose(ctx, s, namespaces)
		choices, errs = append(choices, c), append(errs, err)
	}
	return choices, join(errs)
}

// Run runs a rule whose background commands, if any, end as soon as all are ready.
func (e *Engine) Run(ctx context.Context, spec salvor.RuleSpec, namespaces []string, phase string) (Report, error) {
	switch phase {
	case PreExec:
		h, err := e.Freeze(ctx, Request{Spec: spec, Namespaces: namespaces})
		report, endErr := h.End(ctx)
		return report, join([]error{err, endErr})
	case PostExec:
		return e.Thaw(ctx, Request{Spec: spec, Namespaces: namespaces})
	}
	return Report{}, salvor.Errorf(salvor.Invalid, "a rule can't run in phase %q", phase)
}

// Freeze runs the rule before a cut, in the pods of the namespaces, and nowhere else. Sub-rules run in order, each in the
// pods that it chooses when it begins. It returns a Hold always, also with an error, and the caller has to end it.
// Error codes are those of Check, Canceled and DeadlineExceeded; a command that ended with another code than 0 is a
// *cluster.ExitError.
//
// When ctx ends, no command is begun any more, and those that run are left behind.
func (e *Engine) Freeze(ctx context.Context, req Request) (*Hold, error) {
	r := e.newRun(req, PreExec)
	h := &Hold{run: r}
	var err error
	if r.req.Spec, r.req.Namespaces, err = prepare(req.Spec, req.Namespaces); err != nil {
		return h, err
	}
	if r.req.After, _, err = prepare(req.After, nil); err != nil {
		return h, fmt.Errorf("after the cut: %w", err)
	}
	choices, err := r.checkAll(ctx)
	if err != nil {
		return h, err
	}
	for i, s := range r.req.Spec.SubRules {
		var known *Choice
		if i == 0 { // it was chosen just now
			known = &choices[0]
		}
		if err := r.subRule(ctx, s, known); err != nil {
			return h, err
		}
		if ctx.Err() != nil {
			return h, ended(ctx, ctx, context.Cause(ctx))
		}
	}
	return h, join([]error{r.hooks(ctx), h.Lost()})
}

// checkAll checks the rule as a whole before its first command, and that every background command can be had.
func (r *run) checkAll(ctx context.Context) ([]Choice, error) {
	var choices []Choice
	var errs []error
	for _, s := range r.req.Spec.SubRules {
		c, err := r.choose(ctx, s, r.req.Namespaces)
		choices, errs = append(choices, c), append(errs, err)
		r.note(c)
	}
	if len(r.req.Hooks) > 0 {
		known := len(r.report.Warnings)
		targets, _, err := r.hooked(ctx, hookNames[PreExec])
		r.report.Warnings = r.report.Warnings[:known] // it is said again when they run
		r.note(Choice{Actions: [][]Target{targets}})
		errs = append(errs, err)
	}
	after, err := r.checkAfter(ctx)
	if err := join(append(errs, err)); err != nil {
		return nil, err
	}
	return choices, r.preflight(ctx, choices, after)
}

// checkAfter checks as a whole what will run after the cut.
func (r *run) checkAfter(ctx context.Context) ([]Choice, error) {
	a := r.newRun(Request{Spec: r.req.After, Namespaces: r.req.Namespaces, Hooks: r.req.Hooks}, PostExec)
	var choices []Choice
	var errs []error
	for _, s := range a.req.Spec.SubRules {
		c, err := a.choose(ctx, s, a.req.Namespaces)
		choices, errs = append(choices, c), append(errs, err)
	}
	if len(a.req.Hooks) > 0 {
		_, _, err := a.hooked(ctx, hookNames[PostExec])
		errs = append(errs, err)
	}
	if err := join(errs); err != nil {
		return nil, fmt.Errorf("after the cut, %w", err)
	}
	return choices, nil
}

// Thaw runs the rule after a cut. What failed in one pod keeps it from no other.
func (e *Engine) Thaw(ctx context.Context, req Request) (Report, error) {
	r := e.newRun(req, PostExec)
	var err error
	if r.req.Spec, r.req.Namespaces, err = prepare(req.Spec, req.Namespaces); err != nil {
		return r.end(), err
	}
	if err := CheckPostExec(r.req.Spec); err != nil {
		return r.end(), err
	}
	errs := []error{r.hooks(ctx)}
	for _, s := range r.req.Spec.SubRules {
		errs = append(errs, r.subRule(ctx, s, nil))
		if ctx.Err() != nil {
			break
		}
	}
	return r.end(), join(errs)
}

// CheckPostExec refuses what a rule may have only before a cut. Invalid: a background action.
func CheckPostExec(spec salvor.RuleSpec) error {
	for _, s := range spec.SubRules {
		for _, a := range s.Actions {
			if a.Background != nil {
				return salvor.Errorf(salvor.Invalid, "sub-rule %q, action %q: a background action has no place after the cut", s.Name, a.Name)
			}
		}
	}
	return nil
}

func (e *Engine) now() metav1.MicroTime { return metav1.NewMicroTime(e.Now()) }

// prepare fills in defaults, and refuses what would reach beyond the backup.
func prepare(spec salvor.RuleSpec, namespaces []string) (salvor.RuleSpec, []string, error) {
	namespaces = slices.Compact(slices.Sorted(slices.Values(namespaces)))
	if slices.Contains(namespaces, "") { // to an API server, all of them
		return spec, nil, salvor.Errorf(salvor.Invalid, "a rule can't run in a namespace without name")
	}
	spec.SubRules = slices.Clone(spec.SubRules)
	for i := range spec.SubRules {
		s := &spec.SubRules[i]
		if s.Name == "" {
			s.Name = strconv.Itoa(i + 1)
		}
		s.Actions = slices.Clone(s.Actions)
		for j := range s.Actions {
			a := &s.Actions[j]
			if a.Name == "" {
				a.Name = strconv.Itoa(j + 1)
			}
			if a.Timeout.Duration <= 0 {
				a.Timeout.Duration = salvor.DefaultActionTimeout
			}
			if (a.Shell == "") == (len(a.Command) == 0) {
				return spec, nil, salvor.Errorf(salvor.Invalid, "sub-rule %q, action %q: it needs exactly one of shell and command", s.Name, a.Name)
			}
		}
	}
	return spec, namespaces, nil
}
