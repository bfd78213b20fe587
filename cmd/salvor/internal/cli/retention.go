package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"salvor.io/salvor/cmd/salvor/internal/home"
	"salvor.io/salvor/shared/expire"
	"salvor.io/salvor/shared/retention"
	"salvor.io/salvor/shared/salvor"
)

func (a *app) retention() *cobra.Command {
	return a.parent("retention", "Show and delete what schedules need no more", a.retentionPlan(), a.retentionApply())
}

func (a *app) retentionPlan() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "plan [SCHEDULE]",
		Short: "Show which backups would stay and which would go, and why",
		Long: `Show what retention makes of the backups of a schedule, or of all schedules: which stay, which would go, and why. Nothing
is changed. Days and weeks are those of the policy's time zone.`,
		Example:           "  salvor retention plan nightly\n  salvor retention plan -o json | jq '.[].remove[].backup'",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeOne(salvor.KindBackupSchedule),
	}
	addJSONOutput(cmd, &asJSON)
	cmd.RunE = a.do(func(cmd *cobra.Command, args []string) error {
		h, err := a.home()
		if err != nil {
			return err
		}
		name := ""
		if len(args) > 0 {
			name = args[0]
		}
		return a.planRetention(cmd.Context(), h, name, asJSON)
	})
	return cmd
}

// addJSONOutput adds -o, which takes table and json.
func addJSONOutput(cmd *cobra.Command, asJSON *bool) {
	cmd.Flags().VarP(&jsonOutput{asJSON}, "output", "o", "how to print: table, json")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{outTable, outJSON}, cobra.ShellCompDirectiveNoFileComp))
}

// jsonOutput is the value of -o where there is only one other.
type jsonOutput struct{ json *bool }

func (o *jsonOutput) String() string {
	if o.json != nil && *o.json {
		return "json"
	}
	return "table"
}

// Set takes table or json.
func (o *jsonOutput) Set(s string) error {
	if s != "table" && s != "json" {
		return fmt.Errorf("%q is not one of table and json", s)
	}
	*o.json = s == "json"
	return nil
}

// Type is the word for the value in help.
func (*jsonOutput) Type() string { return "string" }

func (a *app) planRetention(ctx context.Context, h *home.Home, name string, asJSON bool) error {
	plans, failed := h.Expiry(a.sys.User).Plan(ctx, name)
	if asJSON {
		out := []retentionPlan{}
		for _, p := range plans {
			out = append(out, retentionPlan{p.Schedule, p.Policy, p.TimeZone, p.Locked, decisions(p.Keep), decisions(p.Remove)})
		}
		return errors.Join(a.json(out), failed)
	}
	for i, p := range plans {
		if i > 0 {
			fmt.Fprintln(a.sys.Stdout)
		}
		if err := a.printRetention(p); err != nil {
			return err
		}
	}
	return failed
}

// retentionPlan is a plan as -o json prints it.
type retentionPlan struct {
	Schedule string              `json:"schedule"`
	Policy   string              `json:"policy"`
	TimeZone string              `json:"timeZone"`
	Locked   int                 `json:"locked"`
	Keep     []retentionDecision `json:"keep"`
	Remove   []retentionDecision `json:"remove"`
}

type retentionDecision struct {
	Cluster string       `json:"cluster"`
	Backup  string       `json:"backup"`
	Date    time.Time    `json:"date"`
	Phase   salvor.Phase `json:"phase"`
	Reasons []string     `json:"reasons"`
}

func decisions(ds []retention.Decision) []retentionDecision {
	out := []retentionDecision{}
	for _, d := range ds {
		b := d.Backup
		out = append(out, retentionDecision{b.Status.ClusterID, b.Name, b.Date().UTC(), b.Status.Phase, d.Reasons})
	}
	return out
}

func (a *app) printRetention(p *expire.Plan) error {
	t := table{head: []string{"BACKUP", "DATE", "PHASE", "PLAN", "WHY"}, colours: a.sys.colours(a.sys.Stdout)}
	for _, part := range []struct {
		what string
		ds   []retention.Decision
	}{{"stays", p.Keep}, {"would go", p.Remove}} {
		for _, d := range part.ds {
			t.rows = append(t.rows, plain(d.Backup.ID().String(), a.time(d.Backup.Date()), string(d.Backup.Status.Phase), part.what, d.Reason()))
		}
	}
	if len(t.rows) > 0 {
		if err := t.write(a.sys.Stdout); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(a.sys.Stdout, "schedule %s by policy %s (%s): %s would stay, %d of them only for their lock; %d would go\n",
		p.Schedule, p.Policy, p.TimeZone, count(len(p.Keep), "backup"), p.Locked, len(p.Remove))
	return err
}

func (a *app) retentionApply() *cobra.Command {
	var dryRun, yes bool
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "Delete what no rule keeps, and what no backup needs any more",
		Long: `Delete the backups of schedules that no rule of their policy keeps, finish deletions that were interrupted, and remove
segments that no backup needs any more. Such segments are only marked at first, and go with a later run, a day after: salvor serve
does all this by itself. With --dry-run it shows the plan, as salvor retention plan does.`,
		Args: cobra.NoArgs,
		RunE: a.do(func(cmd *cobra.Command, _ []string) error {
			h, err := a.home()
			if err != nil {
				return err
			}
			if dryRun {
				return a.planRetention(cmd.Context(), h, "", false)
			}
			if h.Remote != nil {
				return salvor.Errorf(salvor.Invalid, "the service behind the API expires backups by itself").WithHint("salvor retention plan shows what it will delete")
			}
			if err := a.confirm("delete for good what salvor retention plan names?", yes); err != nil {
				return err
			}
			return a.applyRetention(cmd.Context(), h.Expiry(a.sys.User))
		}),
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "show what would be done, and do nothing")
	cmd.Flags().BoolVar(&yes, "yes", false, "don't ask")
	return cmd
}

func (a *app) applyRetention(ctx context.Context, p *expire.Pass) error {
	e, err1 := p.Expire(ctx)
	finished, err2 := p.Finish(ctx)
	for _, d := range append(e.Deleted, finished.Deleted...) {
		fmt.Fprintf(a.sys.Stdout, "%s deleted: %s\n", reference(d.Backup), d.Reason())
	}
	c, err3 := p.Collect(ctx)
	_, err := fmt.Fprintf(a.sys.Stdout, "%s deleted, %d kept, %d of them only for their lock; %s removed (%s), %d locked, %d wait for their time\n",
		count(len(e.Deleted)+len(finished.Deleted), "backup"), e.Kept, e.Locked, count(c.Removed, "unused segment"), size(c.RemovedBytes), c.Locked, c.Pending+c.Marked)
	return errors.Join(err1, err2, err3, err)
}
