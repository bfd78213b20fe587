package cli

import (
	"fmt"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/salvor"
)

func (a *app) hold() *cobra.Command {
	var reason string
	out := output(outTable)
	cmd := &cobra.Command{
		Use:   "hold BACKUP",
		Short: "Keep a backup from being deleted until it is released",
		Long: `Keep a backup from being deleted, by retention or by hand, until salvor release. It is recorded beside the backup's
manifest, too, so that it outlives the catalog. BACKUP is a name, or cluster/name.`,
		Example:           "  salvor hold prod/before-upgrade --reason 'audit 2026'",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeOne(salvor.KindBackup),
		RunE: a.do(func(cmd *cobra.Command, args []string) error {
			h, b, err := a.openBackup(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			b, err = h.Hold(cmd.Context(), b, salvor.Hold{By: a.sys.User, Since: metav1.NewTime(a.sys.Now().UTC()), Reason: reason})
			if err != nil {
				return err
			}
			return a.outcome(out, b, fmt.Sprintf("%s is held: nothing deletes it until salvor release %s", reference(b), b.ID()))
		}),
	}
	out.add(cmd)
	cmd.Flags().StringVar(&reason, "reason", "", "why, for people")
	return cmd
}

func (a *app) release() *cobra.Command {
	out := output(outTable)
	cmd := &cobra.Command{
		Use:               "release BACKUP",
		Short:             "Let go of a backup that is held",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeOne(salvor.KindBackup),
		RunE: a.do(func(cmd *cobra.Command, args []string) error {
			h, b, err := a.openBackup(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if b, err = h.Release(cmd.Context(), b, a.sys.User); err != nil {
				return err
			}
			return a.outcome(out, b, reference(b)+" released")
		}),
	}
	out.add(cmd)
	return cmd
}
