package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"salvor.io/salvor/cmd/salvor/internal/home"
	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/salvor"
)

func (a *app) schedule() *cobra.Command {
	return a.parent("schedule", "See when a schedule runs, suspend and resume it, run it now",
		a.scheduleNext(), a.scheduleSuspend(true), a.scheduleSuspend(false), a.scheduleRun())
}

func (a *app) scheduleSuspend(suspend bool) *cobra.Command {
	cmd := &cobra.Command{Use: "suspend NAME", Short: "Stop further runs of a schedule",
		Long: "Stop further runs of a schedule, until salvor schedule resume. What runs already goes on."}
	if !suspend {
		cmd = &cobra.Command{Use: "resume NAME", Short: "Let a suspended schedule run again",
			Long: "Let a suspended schedule run again. The runs of the meantime are not made up for."}
	}
	cmd.Args, cmd.ValidArgsFunction = cobra.ExactArgs(1), a.completeOne(salvor.KindBackupSchedule)
	cmd.RunE = a.do(func(cmd *cobra.Command, args []string) error {
		h, err := a.home()
		if err != nil {
			return err
		}
		done := map[bool]string{true: "suspended", false: "resumed"}[suspend]
		for {
			was, err := h.Catalog.Get(cmd.Context(), salvor.KindBackupSchedule, args[0])
			if err != nil {
				return err
			}
			b := *was.(*salvor.BackupSchedule)
			if b.Spec.Suspend == suspend {
				_, err = fmt.Fprintln(a.sys.Stdout, reference(&b), done, "already")
				return err
			}
			b.Spec.Suspend = suspend
			salvor.KeepStatus(&b, was, a.sys.Now())
			if err = h.Catalog.Update(cmd.Context(), &b); salvor.Is(err, salvor.Conflict) && cmd.Context().Err() == nil {
				continue // a run was noted meanwhile
			}
			if err == nil {
				_, err = fmt.Fprintln(a.sys.Stdout, reference(&b), done)
			}
			return err
		}
	})
	return cmd
}

func (a *app) scheduleRun() *cobra.Command {
	var wait bool
	cmd := &cobra.Command{
		Use:   "run NAME",
		Short: "Make the backups of a schedule now and wait for them",
		Long: `Make the backups of a schedule now, one of each of its clusters, and wait for them. They are called after the schedule and the
time, as its other runs are. A suspended schedule runs too. While an earlier run has not ended, the schedule's overlap says
what becomes of this one.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeOne(salvor.KindBackupSchedule),
	}
	out := addOutput(cmd)
	cmd.Flags().BoolVar(&wait, "wait", true, "make the backups; with --wait=false they are recorded, and salvor serve, or the service behind --api, makes them")
	cmd.RunE = a.do(func(cmd *cobra.Command, args []string) error {
		h, err := a.home()
		if err != nil {
			return err
		}
		runs, failed := a.askForRuns(cmd.Context(), h, args[0])
		if len(runs) == 0 {
			return failed
		}
		if !wait {
			var objects []salvor.Object
			for _, b := range runs {
				objects = append(objects, b)
			}
			return errors.Join(a.print(*out, objects, false), failed)
		}
		a.limitMemory()
		errs := []error{failed}
		for _, b := range runs {
			if b.Status.Phase.Done() {
				errs = append(errs, a.ended(cmd.Context(), h, b, nil, 0, *out))
				continue
			}
			if err := a.awaitTurn(cmd.Context(), h, b.ID()); err != nil {
				errs = append(errs, err)
				continue
			}
			errs = append(errs, a.runBackup(cmd.Context(), h, b.ID(), *out))
		}
		return errors.Join(errs...)
	})
	return cmd
}

// turnAgain is how often it is looked whether a run's turn has come.
const turnAgain = 2 * time.Second

// awaitTurn waits for the end of an earlier run that this one is queued behind; the service behind --api does so itself.
func (a *app) awaitTurn(ctx context.Context, h *home.Home, id salvor.BackupID) error {
	for said := ""; h.Remote == nil; {
		b, err := h.Catalog.GetBackup(ctx, id)
		if err != nil {
			return err
		}
		until, why, err := backup.Waits(ctx, h.Catalog, b, a.sys.Now())
		if err != nil || until.IsZero() {
			return err
		}
		if why != said {
			a.warn("%s: %s", reference(b), why)
			said = why
		}
		if err := pause(ctx, turnAgain); err != nil {
			return fmt.Errorf("%s was not begun, for %s: %w", reference(b), why, err)
		}
	}
	return nil
}

// askForRuns records the runs of a schedule as of now. The error says of which clusters that could not be done.
func (a *app) askForRuns(ctx context.Context, h *home.Home, name string) ([]*salvor.Backup, error) {
	if h.Remote != nil {
		return h.Remote.RunSchedule(ctx, name, a.sys.Now())
	}
	schedules := h.Backups().Schedules(h.Catalog, func(context.Context, *salvor.Backup) error { return nil })
	f, err := schedules.Ask(ctx, name, a.sys.Now(), a.sys.User)
	if f == nil {
		return nil, err
	}
	return f.Runs, err
}

// scheduledClusters are the clusters of a schedule; none where it names what is not there.
func scheduledClusters(ctx context.Context, h *home.Home, s *salvor.BackupSchedule) ([]*salvor.Cluster, error) {
	clusters, err := backup.ScheduledClusters(ctx, h.Catalog, s)
	if salvor.Is(err, salvor.NotFound) {
		return nil, nil
	}
	return clusters, err
}
