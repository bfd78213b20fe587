// Package inpods lets the backup engine run rules in pods: it joins shared/rule to shared/backup, which know nothing of
// each other.
package inpods

import (
	"context"

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/rule"
)

// Rules runs the rules of backups by the engine. What is kept of each with the backup is its rule.Report.
func Rules(e *rule.Engine) backup.Rules { return rules{e} }

type rules struct{ engine *rule.Engine }

// Freeze runs the rule before the cut.
func (r rules) Freeze(ctx context.Context, q backup.RuleRequest) (backup.Frozen, error) {
	hold, err := r.engine.Freeze(ctx, request(q))
	return backup.Frozen{Lost: hold.Lost, Failed: hold.Failed, End: func(ctx context.Context) (backup.RuleReport, error) {
		report, err := hold.End(ctx)
		return kept(report), err
	}}, err
}

// Thaw runs the rule after the cut.
func (r rules) Thaw(ctx context.Context, q backup.RuleRequest) (backup.RuleReport, error) {
	report, err := r.engine.Thaw(ctx, request(q))
	return kept(report), err
}

func kept(report rule.Report) backup.RuleReport {
	return backup.RuleReport{Report: report, Warnings: report.Warnings}
}

func request(q backup.RuleRequest) rule.Request {
	out := rule.Request{Spec: q.Rule, After: q.After, Namespaces: q.Namespaces, MaxFreeze: q.MaxFreeze, Begin: q.Begin, GoOn: q.GoOn, Begun: q.Begun, Spared: q.Spared}
	if q.VeleroHooks {
		out.Hooks = q.PodSelectors
	}
	return out
}
