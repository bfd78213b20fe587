package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/salvor"
)

func (a *app) volumesOrphans() *cobra.Command {
	var cluster string
	var remove, yes bool
	cmd := &cobra.Command{
		Use:   "orphans",
		Short: "Find volume snapshots that belong to no backup",
		Long: `Find VolumeSnapshots, VolumeGroupSnapshots and their contents in a cluster that Salvor made, and that stand for no backup: a
process died, or something could not be removed. Those of backups that are being made, waited for or deleted are none.

With --delete they are removed: with the snapshot itself where no manifest refers to it; where one does, the snapshot stays.
A group goes or stays as a whole. It waits until each is gone. What another catalog made is never touched.`,
		Example: "  salvor volumes orphans --cluster prod\n  salvor volumes orphans --cluster prod --delete",
		Args:    cobra.NoArgs,
	}
	cmd.Flags().StringVar(&cluster, "cluster", "", "cluster to look at (default the only one)")
	cmd.Flags().BoolVar(&remove, "delete", false, "remove what is found, after a question")
	cmd.Flags().BoolVar(&yes, "yes", false, "don't ask")
	a.completeFlag(cmd, "cluster", salvor.KindCluster)
	out := addOutput(cmd)
	cmd.RunE = a.do(func(cmd *cobra.Command, _ []string) error {
		h, err := a.home()
		if err != nil {
			return err
		}
		if h.Remote != nil {
			return salvor.Errorf(salvor.Invalid, "the cluster is looked at from here, and the catalog is behind an API").WithHint("run it where the catalog is: without --api")
		}
		ctx := cmd.Context()
		if cluster == "" {
			if cluster, err = only(ctx, h, salvor.KindCluster, "--cluster"); err != nil {
				return err
			}
		}
		o, err := h.Orphans(ctx, cluster)
		if err != nil {
			return err
		}
		found, unknown := o.Orphans(ctx)
		if err := a.printOrphans(*out, cluster, found); err != nil {
			return err
		}
		if remove && len(found) > 0 {
			unknown = errors.Join(unknown, a.removeOrphans(ctx, o, found, yes))
		}
		return unknown
	})
	return cmd
}

func (a *app) printOrphans(out output, cluster string, found []backup.Orphan) error {
	if !out.table() {
		return a.json(list[backup.Orphan]{Items: append([]backup.Orphan{}, found...)})
	}
	if len(found) == 0 {
		_, err := fmt.Fprintf(a.sys.Stderr, "there are no orphans in cluster %s\n", cluster)
		return err
	}
	t := table{head: []string{"OBJECT", "SNAPSHOT", "SIZE", "AGE", "BACKUP", "REMOVED", "REASON"}, colours: a.sys.colours(a.sys.Stdout)}
	for _, o := range found {
		object, removed := o.Object, "with its snapshot"
		if object == "" {
			object = o.Content
		}
		if o.Group {
			removed = "with its " + count(len(o.Members), "snapshot")
		}
		if o.Kept {
			removed = "object only"
		}
		t.rows = append(t.rows, plain(object, dash(o.Handle), size(o.Bytes), a.age(o.Created), o.Backup.String(), removed, o.Reason))
	}
	return t.write(a.sys.Stdout)
}

func (a *app) removeOrphans(ctx context.Context, o *backup.Orphanage, found []backup.Orphan, yes bool) error {
	lost := 0
	for _, orphan := range found {
		if !orphan.Kept && orphan.Handle != "" {
			lost += max(len(orphan.Members), 1)
		}
	}
	if err := a.confirm(fmt.Sprintf("remove %s, and with them %s for good?", count(len(found), "object"), count(lost, "snapshot")), yes); err != nil {
		return err
	}
	var errs []error
	for _, orphan := range found {
		errs = append(errs, o.Remove(ctx, orphan))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.sys.Stdout, "%s removed\n", count(len(found), "orphan"))
	return err
}
