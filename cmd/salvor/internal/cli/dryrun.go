package cli

import (
	"context"
	"fmt"
	"strings"

	"salvor.io/salvor/cmd/salvor/internal/home"
	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/rule"
	"salvor.io/salvor/shared/salvor"
)

// preview is what a backup would take and where its rules would run, as it is printed in JSON.
type preview struct {
	Cluster  string `json:"cluster"`
	Location string `json:"location"`
	*backup.Preview
	Rules []ruleResult `json:"rules,omitempty"`
}

// previewBackup prints what a backup would take and where its rules would run.
func (a *app) previewBackup(ctx context.Context, h *home.Home, b *salvor.Backup, out output) error {
	if err := out.withoutNames("salvor scope -o name lists the objects"); err != nil {
		return err
	}
	p, err := h.Backups().Preview(ctx, b)
	if err != nil {
		return err
	}
	rules, ruleErr, err := a.previewRules(ctx, h, b, p.Namespaces)
	if err != nil {
		return err
	}
	if out.table() {
		err = a.printPreview(b, p, rules)
	} else {
		err = a.value(out, preview{b.Spec.Cluster, b.Spec.Location, p, rules})
	}
	if err != nil {
		return err
	}
	return ruleErr
}

func (a *app) printPreview(b *salvor.Backup, p *backup.Preview, rules []ruleResult) error {
	var f facts
	f.add("cluster", "%s", b.Spec.Cluster)
	f.add("location", "%s", b.Spec.Location)
	f.addList("namespaces", orNone(p.Namespaces), len(p.Namespaces))
	f.addList("missing", p.Missing, len(p.Missing))
	var kinds []string
	for _, k := range p.Kinds {
		kinds = append(kinds, k.String())
	}
	f.addList("kinds", orNone(kinds), len(kinds))
	var excluded []string
	for _, x := range p.Excluded {
		excluded = append(excluded, x.Kind+": "+x.Reason)
	}
	f.addList("left out", excluded, len(excluded))
	f.addList("volumes", plannedLines(p.Volumes), len(p.Volumes))
	f.addList("failures", failureLines(p.Failures), len(p.Failures))
	f.addList("warnings", p.Warnings, len(p.Warnings))
	for _, r := range rules {
		f.addList(strings.TrimSpace(r.Phase+" "+r.Rule), choiceLines(r.Explanation), mostShown)
	}
	return f.write(a, "")
}

func orNone(names []string) []string {
	if len(names) == 0 {
		return []string{"none"}
	}
	return names
}

// previewRules finds the containers that each rule, and the hooks of pods, would run in; wrong is why a rule can't run.
func (a *app) previewRules(ctx context.Context, h *home.Home, b *salvor.Backup, namespaces []string) (rules []ruleResult, wrong, err error) {
	pre, err := ruleSpec(ctx, h.Catalog, b.Spec.PreExecRule)
	if err != nil {
		return nil, nil, err
	}
	post, err := ruleSpec(ctx, h.Catalog, b.Spec.PostExecRule)
	if err != nil {
		return nil, nil, err
	}
	named := *b
	named.Spec.Scope.Namespaces = namespaces
	result, wrong, err := a.explainRules(ctx, h, &named, pre, post)
	return result.Rules, wrong, err
}

func choiceLines(x rule.Explanation) []string {
	var lines []string
	for _, s := range x.SubRules {
		var containers []string
		for _, action := range s.Actions {
			for _, t := range action.Targets {
				containers = append(containers, fmt.Sprintf("action %s in %s/%s (%s)", action.Name, t.Namespace, t.Pod, t.Container))
			}
		}
		lines = append(lines, fmt.Sprintf("sub-rule %s: %s", s.Name, dash(strings.Join(containers, ", "))))
		for _, l := range s.LeftOut {
			lines = append(lines, fmt.Sprintf("sub-rule %s: pod %s/%s is left out: %s", s.Name, l.Namespace, l.Pod, l.Reason))
		}
		lines = append(lines, s.Warnings...)
	}
	return lines
}
