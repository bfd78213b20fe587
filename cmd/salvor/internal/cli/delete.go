package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"salvor.io/salvor/cmd/salvor/internal/home"
	"salvor.io/salvor/shared/salvor"
)

func (a *app) delete() *cobra.Command {
	var yes, force bool
	cmd := &cobra.Command{
		Use:   "delete KIND NAME...",
		Short: "Delete objects",
		Long: `Delete objects. Deleting a cluster or a location forgets how to reach it; its backups stay. What a backup needs that is
unfinished or owes a thaw is not deleted.

Deleting a backup removes its manifest and reports from the location, so that it can't be restored any more, and then
forgets it. Its segments stay: other backups may share them.`,
		Example:           "  salvor delete rule freeze\n  salvor delete backup prod/before-upgrade --yes",
		Args:              cobra.MinimumNArgs(2),
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
			objects, err := named(cmd.Context(), h, kind, args[1:])
			if err != nil {
				return err
			}
			if kind == salvor.KindBackup {
				if err := a.confirm(fmt.Sprintf("delete %s for good?", referenceList(objects)), yes); err != nil {
					return err
				}
			}
			var errs []error
			for _, o := range objects {
				errs = append(errs, a.deleteOne(cmd.Context(), h, o, force))
			}
			return errors.Join(errs...)
		}),
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "don't ask")
	cmd.Flags().BoolVar(&force, "force", false, "delete also what schedules or unfinished backups need, and backups that owe a thaw")
	return cmd
}

func referenceList(objects []salvor.Object) string {
	var names []string
	for _, o := range objects {
		names = append(names, reference(o))
	}
	return strings.Join(names, ", ")
}

func (a *app) deleteOne(ctx context.Context, h *home.Home, o salvor.Object, force bool) error {
	if b, ok := o.(*salvor.Backup); ok {
		if err := h.DeleteBackup(ctx, b.ID(), force); err != nil {
			return err
		}
		if b.Spec.Location == "" {
			_, err := fmt.Fprintln(a.sys.Stdout, reference(o), "deleted")
			return err
		}
		_, err := fmt.Fprintf(a.sys.Stdout, "%s deleted: manifest and reports are gone; its segments stay at location %s until no backup can need them\n", reference(o), b.Spec.Location)
		return err
	}
	if !force {
		if users, err := schedulesUsing(ctx, h, o); err != nil {
			return err
		} else if len(users) > 0 {
			return salvor.Errorf(salvor.Conflict, "%s is used by the schedules %s", reference(o), strings.Join(users, ", ")).
				WithHint("delete these first, or pass --force")
		}
		if err := a.notInHand(ctx, h, o); err != nil {
			return err
		}
	}
	if r, ok := o.(*salvor.Restore); ok && r.Status.Phase == salvor.PhaseRestoring && !force {
		return salvor.Errorf(salvor.Conflict, "%s is running, or was killed", reference(o)).WithHint("cancel it first, or pass --force")
	}
	if err := h.Catalog.Delete(ctx, o.GetKind(), o.Meta().Name, o.Meta().ResourceVersion); err != nil {
		return err
	}
	_, err := fmt.Fprintln(a.sys.Stdout, reference(o), "deleted")
	return err
}

// schedulesUsing names the schedules that can't run without the object.
func schedulesUsing(ctx context.Context, h *home.Home, o salvor.Object) ([]string, error) {
	schedules, err := all(ctx, h, salvor.KindBackupSchedule)
	if err != nil {
		return nil, err
	}
	var users []string
	for _, s := range schedules {
		spec := s.(*salvor.BackupSchedule).Spec
		t, name := spec.Template.Spec, o.Meta().Name
		used := map[string]bool{
			salvor.KindSchedulePolicy: spec.Policy == name,
			salvor.KindCluster:        t.Cluster == name,
			salvor.KindBackupLocation: t.Location == name,
			salvor.KindRule:           t.PreExecRule == name || t.PostExecRule == name,
		}
		if used[o.GetKind()] {
			users = append(users, s.Meta().Name)
		}
	}
	return users, nil
}
