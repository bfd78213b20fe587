package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"salvor.io/salvor/cmd/salvor/internal/home"
	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/salvor"
)

// deletion is how objects are deleted, and how what was deleted is printed.
type deletion struct {
	force, keep bool
	out         output
}

func (a *app) delete() *cobra.Command {
	var yes bool
	d := deletion{out: outTable}
	cmd := &cobra.Command{
		Use:   "delete KIND NAME...",
		Short: "Delete objects",
		Long: `Delete objects. Deleting a cluster or a location forgets how to reach it; its backups stay. What a backup needs that is
unfinished or owes a thaw is not deleted.

Deleting a backup deletes its volume snapshots, by way of its cluster, then its manifest and reports from the location, so
that it can't be restored any more, and then forgets it. Its segments stay: other backups may share them. Where the cluster
can't be reached it stays Deleting: do it again when it can, or with --keep-snapshots, which leaves the snapshots and lists
them, on standard error where -o asks for objects.`,
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
			var gone []salvor.Object
			for _, o := range objects {
				if err := a.deleteOne(cmd.Context(), h, o, d); err != nil {
					errs = append(errs, err)
				} else {
					gone = append(gone, o)
				}
			}
			if !d.out.table() && len(gone) > 0 {
				errs = append(errs, a.print(d.out, gone, len(objects) == 1))
			}
			return errors.Join(errs...)
		}),
	}
	d.out.add(cmd)
	cmd.Flags().BoolVar(&yes, "yes", false, "don't ask")
	cmd.Flags().BoolVar(&d.force, "force", false, "delete also what schedules or unfinished backups need, and backups that owe a thaw or that a restore reads")
	cmd.Flags().BoolVar(&d.keep, "keep-snapshots", false, "leave the volume snapshots of backups with their drivers, and list them")
	return cmd
}

// keptSnapshots are the snapshots that stay when the backup is deleted. Where its manifest can't be read they are not known.
func (a *app) keptSnapshots(ctx context.Context, h *home.Home, b *salvor.Backup, keep bool) ([]archive.Volume, error) {
	if !keep || h.Remote != nil || b.Status.RootDigest == "" {
		return nil, nil
	}
	m, err := manifest(ctx, h, b)
	if salvor.Is(err, salvor.Corrupt) || salvor.Is(err, salvor.NotFound) {
		a.warn("warning: which snapshots stay can't be told: %v", err)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return m.Volumes, nil
}

func (a *app) listKept(volumes []archive.Volume, out output) error {
	w := a.sys.Stdout
	if !out.table() {
		w = a.sys.Stderr
	}
	for _, v := range volumes {
		if v.Snapshot == nil || v.Snapshot.Handle == "" {
			continue
		}
		if _, err := fmt.Fprintf(w, "kept: snapshot %s of driver %s, of claim %s/%s, %s\n", v.Snapshot.Handle, v.Snapshot.Driver, v.Namespace, v.Claim, size(v.Capacity)); err != nil {
			return err
		}
	}
	return nil
}

func referenceList(objects []salvor.Object) string {
	var names []string
	for _, o := range objects {
		names = append(names, reference(o))
	}
	return strings.Join(names, ", ")
}

func (a *app) deleteOne(ctx context.Context, h *home.Home, o salvor.Object, d deletion) error {
	if b, ok := o.(*salvor.Backup); ok {
		return a.deleteBackup(ctx, h, b, d)
	}
	if !d.force {
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
	if r, ok := o.(*salvor.Restore); ok && r.Status.Phase == salvor.PhaseRestoring && !d.force {
		return salvor.Errorf(salvor.Conflict, "%s is running, or was killed", reference(o)).WithHint("cancel it first, or pass --force")
	}
	if err := h.Catalog.Delete(ctx, o.GetKind(), o.Meta().Name, o.Meta().ResourceVersion); err != nil {
		return err
	}
	return a.gone(d.out, reference(o)+" deleted")
}

func (a *app) deleteBackup(ctx context.Context, h *home.Home, b *salvor.Backup, d deletion) error {
	kept, err := a.keptSnapshots(ctx, h, b, d.keep)
	if err != nil {
		return err
	}
	if err := h.DeleteBackup(ctx, b.ID(), d.force, d.keep); err != nil {
		return err
	}
	if err := a.listKept(kept, d.out); err != nil {
		return err
	}
	if b.Spec.Location == "" {
		return a.gone(d.out, reference(b)+" deleted")
	}
	return a.gone(d.out, fmt.Sprintf("%s deleted: manifest and reports are gone; its segments stay at location %s until no backup can need them", reference(b), b.Spec.Location))
}

// gone tells people that an object was deleted.
func (a *app) gone(out output, sentence string) error {
	if !out.table() {
		return nil // all that are gone are printed at the end
	}
	_, err := fmt.Fprintln(a.sys.Stdout, sentence)
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
