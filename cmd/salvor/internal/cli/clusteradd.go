package cli

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/spf13/cobra"

	"salvor.io/salvor/cmd/salvor/internal/home"
	"salvor.io/salvor/shared/cluster/access"
	"salvor.io/salvor/shared/salvor"
)

// clusterFlags are what a new cluster is made of.
type clusterFlags struct {
	path, context, id string
	eks               salvor.EKSCluster
	level             string
	trust             []string
	noCheck           bool
	out               output
}

func (a *app) clusterAdd() *cobra.Command {
	f := &clusterFlags{out: outTable}
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Name a context of a kubeconfig, or an EKS cluster, as a cluster, and see that it answers",
		Long: `Name a context of a kubeconfig, or an EKS cluster, as a cluster, and see that it answers.

Without flags it is the current context of $KUBECONFIG or ~/.kube/config; file and context are written down, so that a
later change of either means nothing.

With --arn it is an EKS cluster, signed in to with the AWS credentials that the SDK finds: environment, shared
configuration, instance role. With --role-arn, which may be in another account and need not exist yet, that role is
assumed first; an external id is made up unless --external-id gives one. What to run to give Salvor access is printed,
and then checked; salvor cluster check does that again.`,
		Example: "  salvor cluster add prod\n" +
			"  salvor cluster add prod --arn arn:aws:eks:eu-central-1:111122223333:cluster/prod\n" +
			"  salvor cluster add prod --arn arn:aws:eks:eu-central-1:111122223333:cluster/prod --role-arn arn:aws:iam::111122223333:role/salvor-cluster-access-prod",
		Args: cobra.ExactArgs(1),
		RunE: a.do(func(cmd *cobra.Command, args []string) error {
			c := salvor.New(salvor.KindCluster).(*salvor.Cluster)
			c.Name, c.Spec.ID = args[0], f.id
			if f.eks.ARN != "" {
				return a.addEKS(cmd.Context(), c, f)
			}
			return a.addKubeconfig(cmd.Context(), c, f)
		}),
	}
	f.out.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.path, "kubeconfig", "", "kubeconfig file (default $KUBECONFIG, then ~/.kube/config)")
	flags.StringVar(&f.context, "context", "", "context in the file (default its current one)")
	flags.StringVar(&f.eks.ARN, "arn", "", "ARN of an EKS cluster")
	flags.StringVar(&f.eks.RoleARN, "role-arn", "", "role to assume, in the cluster's account (default the AWS identity in use)")
	flags.StringVar(&f.eks.ExternalID, "external-id", "", "external id that the role asks for (default the one it was added with, or a new one)")
	flags.StringVar(&f.level, "level", string(access.Backup), "what it is for: backup; restore, which includes backup; or settle, to look after snapshots and no more")
	flags.StringArrayVar(&f.trust, "trust", nil, "ARN that may assume the role, such as that of a function's role; may be repeated (default the AWS identity in use)")
	flags.StringVar(&f.id, "id", "", "id under which its backups are stored; it never changes (default NAME)")
	flags.BoolVar(&f.noCheck, "no-check", false, "don't see whether it answers")
	flags.BoolVar(&a.force, "force", false, forceHelp)
	cmd.MarkFlagsMutuallyExclusive("arn", "kubeconfig")
	cmd.MarkFlagsMutuallyExclusive("arn", "context")
	return cmd
}

func (a *app) addKubeconfig(ctx context.Context, c *salvor.Cluster, f *clusterFlags) error {
	if f.eks.RoleARN != "" || f.eks.ExternalID != "" || len(f.trust) > 0 {
		return salvor.Errorf(salvor.Invalid, "--role-arn, --external-id and --trust go with --arn")
	}
	if err := absolute(&f.path); err != nil {
		return err
	}
	pinned, err := home.PinKubeconfig(salvor.KubeconfigCluster{Path: f.path, Context: f.context})
	if err != nil {
		return err
	}
	c.Spec.Kubeconfig = &pinned
	return a.add(ctx, c, f.out, func(ctx context.Context) (string, error) {
		if f.noCheck {
			return "", nil
		}
		h, err := a.home()
		if err != nil {
			return "", err
		}
		err = h.CheckCluster(ctx, c)
		return "Kubernetes " + c.Status.Version, err
	})
}

// addEKS stores the cluster before it is checked: the access that is missing is made from what it holds. What people are told
// goes to standard error where a program gets the cluster from standard output.
func (a *app) addEKS(ctx context.Context, c *salvor.Cluster, f *clusterFlags) (err error) {
	level, err := access.ParseLevel(f.level)
	if err != nil {
		return err
	}
	h, err := a.home()
	if err != nil {
		return err
	}
	if c.Spec.EKS = &f.eks; f.eks.RoleARN != "" && f.eks.ExternalID == "" {
		if f.eks.ExternalID, err = externalID(ctx, h, c); err != nil {
			return err
		}
	}
	c.Default()
	if err := salvor.Check(c); err != nil {
		return err
	}
	done, err := a.store(ctx, h, c)
	if err != nil {
		return err
	}
	if !f.out.table() {
		stdout := a.sys.Stdout
		a.sys.Stdout = a.sys.Stderr
		defer func() {
			a.sys.Stdout = stdout
			if printErr := a.print(f.out, []salvor.Object{c}, true); err == nil {
				err = printErr
			}
		}()
	}
	if _, err := fmt.Fprintf(a.sys.Stdout, "%s %s\n\n", reference(c), done); err != nil {
		return err
	}
	if err := a.howToGiveAccess(ctx, h, c, level, f.trust); err != nil || f.noCheck {
		return err
	}
	return a.checkAccess(ctx, h, c, access.Options{Level: level}, outTable)
}

// externalID returns the one that the cluster has with this role, or a new one: it is written into the role's trust
// policy and must not change when the cluster is added again.
func externalID(ctx context.Context, h *home.Home, c *salvor.Cluster) (string, error) {
	there, err := h.Catalog.Get(ctx, salvor.KindCluster, c.Name)
	if err != nil && !salvor.Is(err, salvor.NotFound) {
		return "", err
	}
	if err == nil {
		if e := there.(*salvor.Cluster).Spec.EKS; e != nil && e.RoleARN == c.Spec.EKS.RoleARN && e.ExternalID != "" {
			return e.ExternalID, nil
		}
	}
	return rand.Text(), nil
}
