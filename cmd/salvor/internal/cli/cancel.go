package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/restore"
	"salvor.io/salvor/shared/salvor"
)

func (a *app) cancel() *cobra.Command {
	return a.parent("cancel", "Ask a backup or a restore that runs elsewhere to stop", a.cancelBackup(), a.cancelRestore())
}

func (a *app) cancelBackup() *cobra.Command {
	out := output(outTable)
	cmd := &cobra.Command{
		Use:               "backup NAME",
		Short:             "Ask a backup to thaw the application and stop",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeOne(salvor.KindBackup),
		RunE: a.do(func(cmd *cobra.Command, args []string) error {
			h, b, err := a.openBackup(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if h.Remote != nil {
				b, err = h.Remote.CancelBackup(cmd.Context(), b.ID())
			} else {
				b, err = backup.RequestCancel(cmd.Context(), h.Catalog, b.ID())
			}
			if err == nil && h.Remote == nil && b.Status.Phase == salvor.PhaseSettling {
				b, err = h.Settler().Settle(cmd.Context(), b.ID())
			}
			if err == nil && h.Remote == nil {
				err = h.Backups().Tidy(cmd.Context(), b)
			}
			if err != nil {
				return err
			}
			return a.outcome(out, b, canceled(b))
		}),
	}
	out.add(cmd)
	return cmd
}

// canceled says how far a backup that was asked to stop has come.
func canceled(b *salvor.Backup) string {
	switch p := b.Status.Phase; {
	case p == salvor.PhaseCompleted || p == salvor.PhasePartiallyFailed:
		return fmt.Sprintf("%s is %s: its snapshots were ready", reference(b), p)
	case p.Done():
		return reference(b) + " canceled"
	case p == salvor.PhaseSettling:
		return reference(b) + " asked to stop: the next look at its snapshots ends it"
	}
	return fmt.Sprintf("%s asked to stop; it thaws first (%s works on it)", reference(b), dash(b.Status.Lease.Holder))
}

func (a *app) cancelRestore() *cobra.Command {
	out := output(outTable)
	cmd := &cobra.Command{
		Use:               "restore NAME",
		Short:             "Ask a restore to stop after the objects in flight",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeOne(salvor.KindRestore),
		RunE: a.do(func(cmd *cobra.Command, args []string) error {
			h, err := a.home()
			if err != nil {
				return err
			}
			var r *salvor.Restore
			if h.Remote != nil {
				r, err = h.Remote.CancelRestore(cmd.Context(), args[0])
			} else {
				r, err = restore.RequestCancel(cmd.Context(), h.Catalog, args[0], a.sys.Now())
			}
			if err != nil {
				return err
			}
			done := "asked to stop"
			switch {
			case r.Status.Phase.Done():
				done = "canceled"
			case restore.Abandoned(r, a.sys.Now()):
				done += "; its process has died: salvor serve, or salvor restore with --name " + r.Name + ", puts back what it had begun"
			}
			return a.outcome(out, r, reference(r)+" "+done)
		}),
	}
	out.add(cmd)
	return cmd
}
