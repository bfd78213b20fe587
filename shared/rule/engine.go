package rule

import (
	"context"
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
const DefaultParallel = 10

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

// Check finds the pods and containers that the rule would run in now, and changes nothing. The error names every
// mistake: Invalid for a container that isn't there or can't be told, NotFound for a sub-rule that chooses no pod
// and wants one.
func (e *Engine) Check(ctx context.Context, spec salvor.RuleSpec, namespaces []string) ([]Choice, error) {
	spec, namespaces, err := prepare(spec, namespaces)
	if err != nil {
		return nil, err
	}
	var choices []Choice
	var errs []error
	for _, s := range spec.SubRules {
		c, err := e.choose(ctx, s, namespaces)
		choices, errs = append(choices, c), append(errs, err)
	}
	return choices, join(errs)
}

// Run runs the rule in the pods of the namespaces, and nowhere else. Sub-rules run in order, each in the pods that it
// chooses when it begins. The report is complete also when there is an error. Error codes are those of Check,
// Canceled and DeadlineExceeded; a command that ended with another code than 0 is a *cluster.ExitError.
//
// When ctx ends, no command is begun any more, and those that run are left behind.
func (e *Engine) Run(ctx context.Context, spec salvor.RuleSpec, namespaces []string, phase string) (report Report, err error) {
	r := &run{Engine: e, phase: phase, failed: map[string]bool{}}
	r.report.StartedAt = e.now()
	defer func() { r.report.EndedAt = e.now(); report = r.report }()
	if phase != PreExec && phase != PostExec {
		return report, salvor.Errorf(salvor.Invalid, "a rule can't run in phase %q", phase)
	}
	spec, namespaces, err = prepare(spec, namespaces)
	if err != nil {
		return report, err
	}
	if phase == PreExec && len(spec.SubRules) > 1 { // a single one is checked as it is chosen
		if _, err := e.Check(ctx, spec, namespaces); err != nil {
			return report, err
		}
	}
	var errs []error
	for _, s := range spec.SubRules {
		err := r.subRule(ctx, s, namespaces)
		errs = append(errs, err)
		if err != nil && phase == PreExec || ctx.Err() != nil {
			break
		}
	}
	return report, join(errs)
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
