package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"salvor.io/salvor/cmd/salvor/internal/home"
	"salvor.io/salvor/shared/salvor"
)

// checkTime bounds the check of a cluster or a location.
const checkTime = 30 * time.Second

func (a *app) cluster() *cobra.Command {
	return a.parent("cluster", "Name a cluster", a.clusterAdd())
}

func (a *app) clusterAdd() *cobra.Command {
	var path, kubeContext, id string
	var noCheck bool
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Name a context of a kubeconfig as a cluster, and see that it answers",
		Long: `Name a context of a kubeconfig as a cluster, and see that it answers. Without flags it is the current context of
$KUBECONFIG or ~/.kube/config; file and context are written down, so that a later change of either means nothing. For an EKS cluster, aws eks update-kubeconfig writes the context.`,
		Example: "  salvor cluster add prod --context arn:aws:eks:eu-central-1:111122223333:cluster/prod",
		Args:    cobra.ExactArgs(1),
		RunE: a.do(func(cmd *cobra.Command, args []string) error {
			c := salvor.New(salvor.KindCluster).(*salvor.Cluster)
			c.Name, c.Spec.ID = args[0], id
			if err := absolute(&path); err != nil {
				return err
			}
			pinned, err := home.PinKubeconfig(salvor.KubeconfigCluster{Path: path, Context: kubeContext})
			if err != nil {
				return err
			}
			c.Spec.Kubeconfig = &pinned
			return a.add(cmd.Context(), c, func(ctx context.Context) (string, error) {
				if noCheck {
					return "", nil
				}
				h, err := a.home()
				if err != nil {
					return "", err
				}
				err = h.CheckCluster(ctx, c)
				return "Kubernetes " + c.Status.Version, err
			})
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&path, "kubeconfig", "", "kubeconfig file (default $KUBECONFIG, then ~/.kube/config)")
	flags.StringVar(&kubeContext, "context", "", "context in the file (default its current one)")
	flags.StringVar(&id, "id", "", "id under which its backups are stored; it never changes (default NAME)")
	flags.BoolVar(&noCheck, "no-check", false, "don't see whether it answers")
	return cmd
}

// add checks and stores an object that was made from flags.
func (a *app) add(ctx context.Context, o salvor.Object, check func(context.Context) (string, error)) error {
	h, err := a.home()
	if err != nil {
		return err
	}
	o.Default()
	if err := salvor.Check(o); err != nil {
		return err
	}
	checkCtx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	found, err := check(checkCtx)
	if err != nil {
		return fmt.Errorf("%w (--no-check adds it all the same)", err)
	}
	done, err := a.store(ctx, h, o)
	if err != nil {
		return err
	}
	if found != "" {
		done += " (" + found + ")"
	}
	_, err = fmt.Fprintln(a.sys.Stdout, reference(o), done)
	return err
}
