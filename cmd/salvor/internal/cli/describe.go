package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"salvor.io/salvor/cmd/salvor/internal/home"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/schedule"
)

func (a *app) describe() *cobra.Command {
	var outcomes, report bool
	cmd := &cobra.Command{
		Use:   "describe KIND NAME",
		Short: "Explain an object: what it is, what came of it, what to do next",
		Example: "  salvor describe backup before-upgrade\n  salvor describe backup before-upgrade --report\n" +
			"  salvor describe restore r1 --outcomes",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeKindAndName,
		RunE: a.do(func(cmd *cobra.Command, args []string) error {
			kind, err := salvor.ParseKind(args[0])
			if err != nil {
				return err
			}
			h, err := a.home()
			if err != nil {
				return err
			}
			o, err := find(cmd.Context(), h, kind, args[1])
			if err != nil {
				return err
			}
			b, isBackup := o.(*salvor.Backup)
			r, isRestore := o.(*salvor.Restore)
			switch {
			case outcomes && !isRestore:
				return salvor.Errorf(salvor.Invalid, "--outcomes is for a restore")
			case report && !isBackup:
				return salvor.Errorf(salvor.Invalid, "--report is for a backup")
			case outcomes:
				return h.Outcomes(cmd.Context(), r, a.sys.Stdout)
			case report:
				return a.printReport(cmd.Context(), h, b)
			}
			return a.explain(cmd.Context(), h, o)
		}),
	}
	cmd.Flags().BoolVar(&outcomes, "outcomes", false, "print the outcome of every object of a restore, as JSON lines")
	cmd.Flags().BoolVar(&report, "report", false, "print a backup's report: steps, rule output, failures, as JSON")
	return cmd
}

// explain prints who asked for the object, its spec, and what came of it.
func (a *app) explain(ctx context.Context, h *home.Home, o salvor.Object) error {
	m := o.Meta()
	var f facts
	f.add("name", "%s", reference(o))
	f.add("labels", "%s", labelList(m.Labels))
	f.add("created", "%s (%s ago)", a.time(m.CreationTimestamp.Time), a.age(m.CreationTimestamp.Time))
	f.add("requested by", "%s", dash(m.RequestedBy))
	if b, ok := o.(*salvor.Backup); ok {
		f.add("root digest", "%s", dash(b.Status.RootDigest))
	}
	if err := f.write(a, ""); err != nil {
		return err
	}
	spec, err := specOf(o)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprint(a.sys.Stdout, spec); err != nil {
		return err
	}
	switch o := o.(type) {
	case *salvor.Backup:
		return a.explainBackup(ctx, h, o)
	case *salvor.Restore:
		return a.summarizeRestore(o, 0)
	case *salvor.Cluster:
		var f facts
		f.add("uid", "%s", dash(o.Status.UID))
		f.add("version", "%s", dash(o.Status.Version))
		f.add("checked", "%s", a.time(o.Status.CheckedAt.Time))
		return f.write(a, "")
	case *salvor.BackupSchedule:
		return a.explainSchedule(ctx, h, o)
	}
	return nil
}

// nextRuns is how many of a schedule's next runs are shown.
const nextRuns = 3

// explainSchedule prints when the schedule runs next.
func (a *app) explainSchedule(ctx context.Context, h *home.Home, s *salvor.BackupSchedule) error {
	var f facts
	if s.Spec.Suspend {
		f.add("next runs", "none: it is suspended")
		return f.write(a, "")
	}
	o, err := h.Catalog.Get(ctx, salvor.KindSchedulePolicy, s.Spec.Policy)
	if err != nil {
		return err
	}
	policy := o.(*salvor.SchedulePolicy).Spec
	plan, err := schedule.Compile(policy, s.CreationTimestamp.Time)
	if err != nil {
		return err
	}
	f.add("runs", "%s", schedule.Words(policy))
	if last := s.Status.LastRun.Time; !last.IsZero() {
		f.add("last run", "%s", a.time(last))
	}
	var times []string
	for at := plan.Next(a.sys.Now()); len(times) < nextRuns && !at.IsZero(); at = plan.Next(at) {
		times = append(times, a.time(at))
	}
	f.addList("next runs", orNone(times), nextRuns)
	return f.write(a, "")
}

// specOf returns the object's spec as YAML.
func specOf(o salvor.Object) (string, error) {
	text, err := salvor.Encode(o, salvor.FormatYAML)
	if err != nil {
		return "", err
	}
	var lines []string
	inSpec := false
	for line := range strings.Lines(string(text)) {
		if line[0] != ' ' {
			inSpec = line == "spec:\n"
		}
		if inSpec {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, ""), nil
}

func (a *app) explainBackup(ctx context.Context, h *home.Home, b *salvor.Backup) error {
	if b.Status.Phase.Done() || b.Status.Phase == salvor.PhaseSettling {
		return errors.Join(a.summarize(ctx, h, b, 0), a.explainRan(ctx, h, b))
	}
	s := b.Status
	var f facts
	f.add("phase", "%s", a.phaseText(b))
	f.add("worker", "%s (lease until %s)", dash(s.Lease.Holder), a.time(s.Lease.Expires.Time))
	f.add("progress", "%d of %s, %s, %s", s.Progress.KindsDone, count(s.Progress.Kinds, "kind"), count(s.Progress.Objects, "object"), size(s.Progress.Bytes))
	if s.CancelRequested {
		f.add("cancel", "requested")
	}
	if s.Thaw != nil {
		a.addOwed(&f, b)
	}
	if a.abandoned(b) {
		f.add("next", "nobody works on it any more: salvor backup resume %s takes it over, and thaws first; salvor serve does so by itself", b.ID())
	}
	return f.write(a, "")
}
