package cli

import (
	"context"
	"fmt"
	"strings"

	"salvor.io/salvor/cmd/salvor/internal/home"
	"salvor.io/salvor/shared/rule"
	"salvor.io/salvor/shared/salvor"
)

// previewBackup prints what a backup would take and where its rules would run.
func (a *app) previewBackup(ctx context.Context, h *home.Home, b *salvor.Backup) error {
	p, err := h.Backups().Preview(ctx, b)
	if err != nil {
		return err
	}
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
	f.addList("failures", failureLines(p.Failures), len(p.Failures))
	f.addList("warnings", p.Warnings, len(p.Warnings))
	ruleErr := a.previewRules(ctx, h, b, p.Namespaces, &f)
	if err := f.write(a, ""); err != nil {
		return err
	}
	return ruleErr
}

func orNone(names []string) []string {
	if len(names) == 0 {
		return []string{"none"}
	}
	return names
}

// previewRules adds the containers that each rule would run in.
func (a *app) previewRules(ctx context.Context, h *home.Home, b *salvor.Backup, namespaces []string, f *facts) error {
	_, client, err := h.NamedCluster(ctx, b.Spec.Cluster)
	if err != nil {
		return err
	}
	engine := rule.Engine{Cluster: client, Now: a.sys.Now}
	var first error
	for _, r := range [][2]string{{rule.PreExec, b.Spec.PreExecRule}, {rule.PostExec, b.Spec.PostExecRule}} {
		if r[1] == "" {
			continue
		}
		o, err := h.Catalog.Get(ctx, salvor.KindRule, r[1])
		if err != nil {
			return err
		}
		choices, err := engine.Check(ctx, o.(*salvor.Rule).Spec, namespaces)
		if err != nil && first == nil {
			first = fmt.Errorf("%s rule %q: %w", r[0], r[1], err)
		}
		f.addList(r[0]+" "+r[1], choiceLines(choices), mostShown)
	}
	return first
}

func choiceLines(choices []rule.Choice) []string {
	var lines []string
	for _, c := range choices {
		var containers []string
		for i, targets := range c.Actions {
			for _, t := range targets {
				containers = append(containers, fmt.Sprintf("action %d in %s/%s (%s)", i+1, t.Namespace, t.Pod, t.Container))
			}
		}
		lines = append(lines, fmt.Sprintf("sub-rule %s: %s", c.SubRule, dash(strings.Join(containers, ", "))))
		lines = append(lines, c.Warnings...)
	}
	return lines
}
