package cli

import (
	"context"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"salvor.io/salvor/cmd/salvor/internal/home"
	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/rule"
	"salvor.io/salvor/shared/salvor"
)

// testResult is what salvor rule test prints as JSON.
type testResult struct {
	Cluster string `json:"cluster"`
	// Rules are the one that is tested, and that of --post-exec, with where each would run.
	Rules []ruleResult `json:"rules"`
	// Run is what came of --run.
	Run *runResult `json:"run,omitempty"`
}

type ruleResult struct {
	Rule  string `json:"rule,omitempty"`
	Phase string `json:"phase"`
	rule.Explanation
	// Error is why the rule would fail before its first command.
	Error string `json:"error,omitempty"`
}

// testRule shows where the rules would run, and runs them if that is asked for.
func (a *app) testRule(ctx context.Context, t *ruleTest, f ruleFlags, out output) error {
	if f.really && t.h.Remote != nil {
		return salvor.Errorf(salvor.Invalid, "--run is for the machine that has the catalog").WithHint("leave --api out, or make a backup")
	}
	if err := t.chooseNamespaces(ctx); err != nil {
		return err
	}
	result, wrong, err := a.explainRules(ctx, t.h, t.backup, t.pre, t.post)
	if err != nil {
		return err
	}
	if out.table() {
		if err := a.printExplanations(result.Rules); err != nil {
			return err
		}
	}
	if f.really && wrong == nil {
		if err := a.confirm(f.question(result), f.yes); err != nil {
			return err
		}
		result.Run, wrong = a.runRule(ctx, t)
		if out.table() {
			if err := a.printRun(result.Run); err != nil {
				return err
			}
		}
	}
	if !out.table() {
		if err := a.value(out, result); err != nil {
			return err
		}
	}
	return wrong
}

// value prints what is no object of Salvor's as JSON or YAML.
func (a *app) value(out output, v any) error {
	if out == outJSON {
		return a.json(v)
	}
	data, err := yaml.Marshal(v)
	if err != nil {
		return err
	}
	_, err = a.sys.Stdout.Write(data)
	return err
}

// chooseNamespaces replaces patterns by the names that they match now.
func (t *ruleTest) chooseNamespaces(ctx context.Context) error {
	scope := &t.backup.Spec.Scope
	b := *t.backup
	chosen, missing, err := t.engine.Namespaces(ctx, &b)
	switch {
	case err != nil:
		return err
	case len(missing) > 0:
		return salvor.Errorf(salvor.NotFound, "cluster %s has no namespace %s", b.Spec.Cluster, strings.Join(missing, ", "))
	case len(chosen) == 0:
		return salvor.Errorf(salvor.NotFound, "cluster %s has no namespace like %s", b.Spec.Cluster, strings.Join(scope.Namespaces, ", "))
	}
	scope.Namespaces = chosen
	return nil
}

// explainRules finds where the rules of a backup would run in its namespaces. wrong is why one would fail.
func (a *app) explainRules(ctx context.Context, h *home.Home, b *salvor.Backup, pre, post salvor.RuleSpec) (result testResult, wrong, err error) {
	_, client, err := h.NamedCluster(ctx, b.Spec.Cluster)
	if err != nil {
		return result, nil, err
	}
	engine := rule.Engine{Cluster: client, Now: a.sys.Now}
	result.Cluster = b.Spec.Cluster
	var hooks []metav1.LabelSelector
	if b.Spec.VeleroHooks {
		hooks = backup.HookSelectors(b.Spec.Scope)
	}
	for _, r := range []struct {
		phase, name string
		spec        salvor.RuleSpec
		hooks       []metav1.LabelSelector
	}{{rule.PreExec, b.Spec.PreExecRule, pre, hooks}, {rule.PostExec, b.Spec.PostExecRule, post, nil}} {
		if r.name == "" && r.hooks == nil {
			continue
		}
		x, err := engine.Explain(ctx, rule.Request{Spec: r.spec, Namespaces: b.Spec.Scope.Namespaces, Hooks: r.hooks})
		if err != nil && x.Namespaces == nil {
			return result, nil, err
		}
		one := ruleResult{Rule: r.name, Phase: r.phase, Explanation: x}
		if err == nil && r.phase == rule.PostExec {
			err = rule.CheckPostExec(r.spec)
		}
		if err != nil {
			one.Error = oneLine(err.Error())
			if wrong == nil {
				wrong = fmt.Errorf("%s: %w", strings.TrimSpace(r.phase+" rule "+r.name), err)
			}
		}
		result.Rules = append(result.Rules, one)
	}
	return result, wrong, nil
}

func (a *app) printExplanations(rules []ruleResult) error {
	for i, r := range rules {
		if i > 0 {
			fmt.Fprintln(a.sys.Stdout)
		}
		fmt.Fprintf(a.sys.Stdout, "%s rule %s: %s in %s: %s\n\n", r.Phase, dash(r.Rule), count(r.Pods, "pod"), count(len(r.Namespaces), "namespace"), namespaceList(r.Namespaces))
		where := table{head: []string{"SUB-RULE", "ACTION", "POD", "CONTAINER", "RUNS"}, colours: a.sys.colours(a.sys.Stdout)}
		not := table{head: []string{"SUB-RULE", "ACTION", "LEFT OUT", "WHY"}, colours: where.colours}
		var notes []string
		for _, s := range r.SubRules {
			addExplanation(&where, &not, s)
			for _, w := range s.Warnings {
				notes = append(notes, "warning: "+w)
			}
		}
		if len(where.rows) == 0 {
			where.head, where.rows = []string{"it would run nowhere"}, nil
		}
		if err := where.write(a.sys.Stdout); err != nil {
			return err
		}
		if len(not.rows) > 0 {
			fmt.Fprintln(a.sys.Stdout)
			if err := not.write(a.sys.Stdout); err != nil {
				return err
			}
		}
		for _, n := range notes {
			fmt.Fprintln(a.sys.Stdout, n)
		}
	}
	return nil
}

// addExplanation adds a sub-rule to the tables of where it runs and where not.
func addExplanation(where, not *table, s rule.SubRuleExplanation) {
	for _, l := range s.LeftOut {
		not.rows = append(not.rows, plain(s.Name, "every", l.Namespace+"/"+l.Pod, l.Reason))
	}
	for _, x := range s.Actions {
		for _, t := range x.Targets {
			runs := short(x.Runs)
			if x.Background {
				runs += " (in the background)"
			}
			if x.Leader {
				runs += " (in one of these: the first that says it leads, which is asked then)"
			}
			where.rows = append(where.rows, plain(s.Name, x.Name, t.Namespace+"/"+t.Pod, t.Container, runs))
		}
		for _, l := range x.LeftOut {
			not.rows = append(not.rows, plain(s.Name, x.Name, l.Namespace+"/"+l.Pod, l.Reason))
		}
	}
	if s.NotSelected > 0 {
		not.rows = append(not.rows, plain(s.Name, "every", count(s.NotSelected, "pod"), "its selectors do not select them"))
	}
}

// short is a command in one line that fits beside others.
func short(s string) string {
	const most = 60
	line := []rune(oneLine(s))
	if len(line) <= most {
		return string(line)
	}
	return string(line[:most-1]) + "…"
}
