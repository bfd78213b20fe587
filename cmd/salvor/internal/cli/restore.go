package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"salvor.io/salvor/cmd/salvor/internal/home"
	"salvor.io/salvor/shared/restore"
	"salvor.io/salvor/shared/salvor"
)

func (a *app) restore() *cobra.Command {
	var f restoreFlags
	var dryRun, yes bool
	cmd := &cobra.Command{
		Use:   "restore [BACKUP]",
		Short: "Bring objects back: from one backup, or as of a date",
		Long: `Bring objects back. BACKUP is a name, or cluster/name. With --as-of, each namespace comes from its newest good backup at
or before that time; a date alone means the end of that day.

Every byte is checked against its digest before it is applied. What exists is left as it is, unless --on-conflict says
otherwise. Running the same restore again finds what is there already, so that an interrupted one is completed by another.

It asks before it begins; where nobody can answer, in a script or a pipe, it needs --yes.`,
		Example: "  salvor restore before-upgrade\n" +
			"  salvor restore --as-of '2026-11-20 18:00' --namespaces 'shop-*'\n" +
			"  salvor restore --as-of yesterday -n shop --map shop=shop-copy --to-cluster test",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeOne(salvor.KindBackup),
	}
	f.add(a, cmd)
	out := addOutput(cmd)
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "show which backup each namespace comes from and what it holds, and do nothing")
	cmd.Flags().BoolVar(&yes, "yes", false, "don't ask")
	cmd.RunE = a.do(func(cmd *cobra.Command, args []string) error {
		h, err := a.home()
		if err != nil {
			return err
		}
		r, named, err := f.restore(cmd, a, h, args)
		if err != nil {
			return err
		}
		r.RequestedBy = a.sys.User
		r.Default()
		if err := salvor.Check(r); err != nil {
			return err
		}
		plan := &restore.Plan{}
		if h.Remote == nil || dryRun { // a service plans by itself; who asks it need not be able to read backups
			if plan, err = h.Restores().Plan(cmd.Context(), r.Spec); err != nil {
				return err
			}
		}
		unfit := a.checkTarget(cmd.Context(), h, plan)
		if dryRun {
			return errors.Join(a.printPlan(r, plan, *out), unfit)
		}
		if unfit != nil {
			return unfit
		}
		if err := a.confirmRestore(r, plan, yes); err != nil {
			return err
		}
		return a.runRestore(cmd.Context(), h, r, named, *out)
	})
	return cmd
}

// confirmRestore shows where everything comes from, and asks.
func (a *app) confirmRestore(r *salvor.Restore, plan *restore.Plan, yes bool) error {
	for _, line := range a.sourceLines(plan.Status()) {
		fmt.Fprintln(a.sys.Stderr, "from", line)
	}
	for _, w := range plan.Warnings {
		a.warn("warning: %s", w)
	}
	if line := plannedVolumes(plan.Volumes); line != "" {
		fmt.Fprintln(a.sys.Stderr, "volumes", line)
	}
	question := fmt.Sprintf("restore into cluster %s, on conflict %s?", r.Spec.TargetCluster, r.Spec.Conflict)
	return a.confirm(question, yes)
}

// runRestore records and does the restore.
func (a *app) runRestore(ctx context.Context, h *home.Home, r *salvor.Restore, named bool, out output) error {
	e := h.Restores()
	recorded, created, err := a.beginRestore(ctx, e, r, named)
	if err != nil {
		return err
	}
	if !created {
		if !sameSpec(r.Spec, recorded.Spec) {
			return salvor.Errorf(salvor.Exists, "restore %q exists already and brings back something else", r.Name).WithHint("choose another --name")
		}
		fmt.Fprintf(a.sys.Stderr, "restore %q exists already: asked for by %s, %s ago, %s\n", recorded.Name, dash(recorded.RequestedBy), a.age(recorded.CreationTimestamp.Time), recorded.Status.Phase)
		recorded.Spec.AsOf = r.Spec.AsOf // the catalog keeps whole seconds
	}
	p := a.progress("restoring")
	step := ""
	e.Progress = func(s restore.Progress) {
		if s.Step != step {
			step = s.Step
			a.log.Info("step", "restore", recorded.Name, "step", step)
		}
		p.show(s.Done, s.Total, fmt.Sprintf("%s of %s, %s", humanize.Comma(s.Done), count(s.Total, "object"), s.Step))
	}
	began := a.sys.Now()
	done := recorded.Status.Phase.Done()
	if h.Remote == nil && !done {
		a.restores(recorded.Name)
	}
	if h.Remote != nil {
		err = h.Remote.AwaitRestore(ctx, recorded, func(s salvor.RestoreStatus) {
			e.Progress(restore.Progress{Step: string(s.Phase), Outcomes: s.Outcomes})
		})
	} else {
		err = e.Run(ctx, recorded)
	}
	p.end()
	measured := a.sys.Now().Sub(began)
	if done {
		measured = 0
	}
	var printErr error
	if out == outTable || out == outWide {
		printErr = a.summarizeRestore(recorded, measured)
	} else {
		printErr = a.print(out, []salvor.Object{recorded}, true)
	}
	switch s := recorded.Status; {
	case err != nil && !s.Phase.Done():
		return err // it names the restore, which was not begun
	case err != nil:
		return fmt.Errorf("restore %q: %w", recorded.Name, err)
	case printErr != nil:
		return printErr
	case s.Phase == salvor.PhasePartiallyFailed && s.DamagedSegments > 0:
		return salvor.Errorf(salvor.Corrupt, "restore %q is PartiallyFailed: %s damaged, and nothing of it was applied: %s", recorded.Name, count(s.DamagedSegments, "stored segment"), oneLine(s.Message)).
			WithHint("salvor verify says what each backup has lost, and has the next backup store that anew")
	case s.Phase == salvor.PhasePartiallyFailed:
		return &partialError{fmt.Sprintf("restore %q is PartiallyFailed: %s", recorded.Name, oneLine(s.Message))}
	case s.Phase == salvor.PhaseCanceled:
		return salvor.Errorf(salvor.Canceled, "restore %q was canceled", recorded.Name).
			WithHint("another of the same spec, under another --name, goes on from there")
	case !s.Phase.Good():
		return salvor.Errorf(salvor.Internal, "restore %q is %s: %s", recorded.Name, s.Phase, oneLine(s.Message))
	}
	return nil
}

// beginRestore records the restore; for a name that nobody chose, it finds one that is free.
func (a *app) beginRestore(ctx context.Context, e *restore.Engine, r *salvor.Restore, named bool) (*salvor.Restore, bool, error) {
	name := r.Name
	for n := 2; ; n++ {
		recorded, created, err := e.Begin(ctx, r)
		if err != nil || created || named {
			return recorded, created, err
		}
		r.Name = fmt.Sprintf("%s-%d", name, n)
	}
}

// sameSpec reports whether two specs ask for the same.
func sameSpec(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}

// printPlan prints the sources of a restore and how much each holds.
func (a *app) printPlan(r *salvor.Restore, plan *restore.Plan, out output) error {
	totals, err := planTotals(plan)
	if err != nil {
		return err
	}
	switch out {
	case outName:
		for _, s := range plan.Sources {
			if _, err := fmt.Fprintln(a.sys.Stdout, reference(s.Backup)); err != nil {
				return err
			}
		}
		return nil
	case outJSON, outYAML:
		return a.value(out, struct {
			Spec     salvor.RestoreSpec     `json:"spec"`
			Sources  []salvor.RestoreSource `json:"sources"`
			Objects  int64                  `json:"objects"`
			Volumes  []*restore.Volume      `json:"volumes,omitempty"`
			Warnings []string               `json:"warnings,omitempty"`
		}{r.Spec, plan.Status(), totals.objects, plan.Volumes, plan.Warnings})
	}
	t := table{head: []string{"NAMESPACE", "INTO", "BACKUP", "OF", "AGE", "OBJECTS", "KINDS"}}
	for _, row := range totals.rows {
		into := row.namespace
		if to, ok := r.Spec.NamespaceMapping[row.namespace]; ok {
			into = to
		}
		t.rows = append(t.rows, plain(dash(row.namespace), dash(into), row.source.Backup.Name, a.time(row.source.Backup.Date()),
			a.age(row.source.Backup.Date()), fmt.Sprint(row.objects), fmt.Sprint(row.kinds)))
	}
	if err := t.write(a.sys.Stdout); err != nil {
		return err
	}
	if err := a.printVolumePlan(plan.Volumes); err != nil {
		return err
	}
	for _, w := range plan.Warnings {
		a.warn("warning: %s", w)
	}
	what := "at most " + count(totals.objects, "object")
	if r.Spec.LabelSelector != nil {
		what += " before the label selector"
	}
	_, err = fmt.Fprintf(a.sys.Stdout, "%s into cluster %s; on conflict %s; nothing was changed\n", what, r.Spec.TargetCluster, strings.ToLower(string(r.Spec.Conflict)))
	return err
}
