package cli

import (
	"context"
	"errors"
	"fmt"

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/salvor"
)

// runResult is what came of running the rules once.
type runResult struct {
	// Freezes are what was held together and for how long.
	Freezes  []salvor.FreezeTime `json:"freezes,omitempty"`
	Rules    []backup.RuleReport `json:"rules"`
	Warnings []string            `json:"warnings,omitempty"`
	Error    string              `json:"error,omitempty"`
	// Owed says that a thaw is still owed, and what runs it.
	Owed string `json:"owed,omitempty"`
}

// question is what the user has to confirm.
func (f *ruleFlags) question(r testResult) string {
	pods := map[string]bool{}
	for _, x := range r.Rules {
		for _, s := range x.SubRules {
			for _, action := range s.Actions {
				for _, t := range action.Targets {
					pods[t.Namespace+"/"+t.Pod] = true
				}
			}
		}
	}
	after := "and nothing after it but the end of its background commands"
	if f.postExec != "" {
		after = "and " + f.postExec + " after it"
	} else if f.hooks {
		after = "and the hooks of pods"
	}
	return fmt.Sprintf("run it now in %s of cluster %s, %s?", count(len(pods), "pod"), r.Cluster, after)
}

// runRule runs the rules once. The error is why one of them failed.
func (a *app) runRule(ctx context.Context, t *ruleTest) (*runResult, error) {
	cluster, _, err := t.h.NamedCluster(ctx, t.backup.Spec.Cluster)
	if err != nil {
		return &runResult{Error: oneLine(err.Error())}, err
	}
	t.backup.RequestedBy = a.sys.User
	p := a.progress("rule test")
	t.engine.OnStep = func(s backup.Step) { p.show(0, 0, string(s)) }
	done, err := a.rehearse(ctx, t, cluster.ID())
	p.end()
	out := &runResult{}
	if err != nil {
		out.Error = oneLine(err.Error())
	}
	if done == nil {
		return out, err
	}
	out.Freezes, out.Rules, out.Warnings = done.Freezes, done.Rules, done.Warnings
	if done.Record.Status.Thaw != nil {
		out.Owed = a.owedLine(done.Record) + "; " + nextStep(done.Record)
		err = errors.Join(err, salvor.Errorf(salvor.Internal, "a thaw is owed: %s", nextStep(done.Record)))
	}
	return out, err
}

// rehearse runs the rules under a name that no other test of this second has.
func (a *app) rehearse(ctx context.Context, t *ruleTest, clusterID string) (*backup.Rehearsal, error) {
	name := t.backup.Name
	for n := 2; ; n++ {
		a.makes(salvor.BackupID{ClusterID: clusterID, Name: t.backup.Name})
		done, err := t.engine.Rehearse(ctx, t.backup)
		if done != nil || !salvor.Is(err, salvor.Exists) {
			return done, err
		}
		t.backup.Name = fmt.Sprintf("%s-%d", name, n)
	}
}

// printRun prints what came of a run.
func (a *app) printRun(r *runResult) error {
	fmt.Fprintln(a.sys.Stdout)
	if err := a.printRules(r.Rules, tailLines); err != nil {
		return err
	}
	fmt.Fprintln(a.sys.Stdout)
	var f facts
	f.addList("frozen", frozenLines(r.Freezes), mostShown)
	if len(r.Freezes) == 0 {
		f.add("frozen", "nothing: no command was sent")
	}
	if r.Owed != "" {
		f.add("OWED", "%s", r.Owed)
	}
	f.addList("warnings", r.Warnings, mostShown)
	return f.write(a, "")
}
