package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"salvor.io/salvor/cmd/salvor/internal/home"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/schedule"
)

const (
	nextDefault = 10
	nextMost    = 1000
)

func (a *app) scheduleNext() *cobra.Command {
	var n int
	var from string
	cmd := &cobra.Command{
		Use:   "next NAME",
		Short: "List the next runs of a schedule, in words and in UTC",
		Long: `List the next runs of a schedule, in words and in UTC. It also says what is not as on other days: a time that does not exist
because clocks go forward, one that exists twice, a day that a month lacks, a blackout; and how much later each cluster begins
by the jitter.`,
		Example:           "  salvor schedule next nightly\n  salvor schedule next nightly --from 2027-03-26 --count 4 -o json",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeOne(salvor.KindBackupSchedule),
	}
	out := addOutput(cmd)
	cmd.Flags().IntVar(&n, "count", nextDefault, "how many runs to list")
	cmd.Flags().StringVar(&from, "from", "", "list the runs from this date on (default now)")
	cmd.RunE = a.do(func(cmd *cobra.Command, args []string) error {
		if n < 1 || n > nextMost {
			return salvor.Errorf(salvor.Invalid, "--count %d is not between 1 and %d", n, nextMost)
		}
		if !out.table() && *out != outJSON {
			return salvor.Errorf(salvor.Invalid, "--output %s: the runs are printed as table or json", *out)
		}
		after := a.sys.Now()
		if from != "" {
			span, err := parseDate("--from", from, after, a.sys.Zone)
			if err != nil {
				return err
			}
			after = span.Start.Add(-time.Second)
		}
		h, err := a.home()
		if err != nil {
			return err
		}
		next, err := a.nextOf(cmd.Context(), h, args[0], after, n)
		if err != nil {
			return err
		}
		if *out == outJSON {
			return a.json(next)
		}
		return a.printNext(next)
	})
	return cmd
}

// next is what is printed of a schedule's next runs.
type next struct {
	Schedule string `json:"schedule"`
	Policy   string `json:"policy"`
	// When says the policy's times in words.
	When      string        `json:"when"`
	TimeZone  string        `json:"timeZone"`
	Suspended bool          `json:"suspended"`
	Runs      []nextRun     `json:"runs"`
	LeftOut   []nextRun     `json:"leftOut,omitempty"`
	Clusters  []nextCluster `json:"clusters,omitempty"`

	rows []schedule.Occurrence
	zone *time.Location
}

type nextRun struct {
	At     time.Time `json:"at"`
	Local  string    `json:"local"`
	Note   string    `json:"note,omitempty"`
	Reason string    `json:"reason,omitempty"`
	Times  int       `json:"times,omitempty"`
}

type nextCluster struct {
	Name string `json:"name"`
	ID   string `json:"id"`
	// Later is how much later than its time a run of the cluster begins.
	Later string `json:"later"`
}

// localTime is a time as people say it.
const localTime = "Monday, 2 January 2006, 15:04 MST"

func (a *app) nextOf(ctx context.Context, h *home.Home, name string, after time.Time, n int) (*next, error) {
	o, err := h.Catalog.Get(ctx, salvor.KindBackupSchedule, name)
	if err != nil {
		return nil, err
	}
	s := o.(*salvor.BackupSchedule)
	if o, err = h.Catalog.Get(ctx, salvor.KindSchedulePolicy, s.Spec.Policy); err != nil {
		return nil, err
	}
	policy := o.(*salvor.SchedulePolicy).Spec
	plan, err := schedule.Compile(policy, s.CreationTimestamp.Time)
	if err != nil {
		return nil, err
	}
	out := &next{Schedule: name, Policy: s.Spec.Policy, When: schedule.Words(policy), TimeZone: plan.Zone().String(), Suspended: s.Spec.Suspend,
		Runs: []nextRun{}, rows: plan.List(after, n, n+mostLeftOut), zone: plan.Zone()}
	for _, r := range out.rows {
		run := nextRun{At: r.At.UTC(), Local: r.At.In(plan.Zone()).Format(localTime), Note: r.Note, Reason: r.LeftOut, Times: r.Times}
		if r.LeftOut == "" {
			out.Runs = append(out.Runs, run)
		} else {
			out.LeftOut = append(out.LeftOut, run)
		}
	}
	if policy.Jitter.Duration == 0 {
		return out, nil
	}
	clusters, err := scheduledClusters(ctx, h, s)
	for _, c := range clusters {
		out.Clusters = append(out.Clusters, nextCluster{Name: c.Name, ID: c.ID(), Later: schedule.Jitter(policy.Jitter.Duration, name, c.ID()).String()})
	}
	return out, err
}

// mostLeftOut is how many lines may tell of what is left out, beside the runs.
const mostLeftOut = 20

func (a *app) printNext(n *next) error {
	head := n.When
	if n.Suspended {
		head += " - suspended: nothing runs until salvor schedule resume " + n.Schedule
	}
	if _, err := fmt.Fprintf(a.sys.Stdout, "%s: %s\n", n.Schedule, head); err != nil {
		return err
	}
	t := table{head: []string{"RUN", "UTC", "IN", "NOTE"}, colours: a.sys.colours(a.sys.Stdout)}
	for _, r := range n.rows {
		local := r.At.In(n.zone).Format(localTime)
		switch {
		case r.LeftOut == "":
			t.rows = append(t.rows, plain(local, r.At.UTC().Format(time.RFC3339), in(r.At.Sub(a.sys.Now())), dash(r.Note)))
		case r.Times > 1:
			t.rows = append(t.rows, plain("none", "-", "-", fmt.Sprintf("%s: %d runs from %s on", r.LeftOut, r.Times, local)))
		default:
			t.rows = append(t.rows, plain("none", "-", "-", r.LeftOut+leftOutAt(r, local)))
		}
	}
	if len(n.Runs) == 0 {
		t.rows = append(t.rows, plain("none", "-", "-", "the policy never runs again"))
	}
	if err := t.write(a.sys.Stdout); err != nil {
		return err
	}
	for _, c := range n.Clusters {
		if _, err := fmt.Fprintf(a.sys.Stdout, "cluster %s begins %s later\n", c.Name, c.Later); err != nil {
			return err
		}
	}
	return nil
}

// leftOutAt says when a blackout leaves a run out; a short month says it itself.
func leftOutAt(r schedule.Occurrence, local string) string {
	if r.LeftOut == schedule.InBlackout {
		return ": " + local
	}
	return ""
}

// in says how far ahead a time is.
func in(d time.Duration) string {
	if d < 0 {
		return "past"
	}
	return humanize.CustomRelTime(time.Time{}, time.Time{}.Add(d), "", "", inSteps)
}

var inSteps = []humanize.RelTimeMagnitude{
	{D: time.Minute, Format: "%d s", DivBy: time.Second},
	{D: 2 * time.Hour, Format: "%d min", DivBy: time.Minute},
	{D: 48 * time.Hour, Format: "%d h", DivBy: time.Hour},
	{D: 1<<63 - 1, Format: "%d days", DivBy: 24 * time.Hour},
}
