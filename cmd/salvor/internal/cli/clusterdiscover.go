package cli

import (
	"context"

	"github.com/spf13/cobra"

	"salvor.io/salvor/cmd/salvor/internal/home"
	"salvor.io/salvor/shared/cluster/eks"
	"salvor.io/salvor/shared/salvor"
)

// discovered is a cluster of the account, and under which name it was added.
type discovered struct {
	eks.Cluster
	Added string `json:"added,omitempty"`
}

func (a *app) clusterDiscover() *cobra.Command {
	var regions []string
	out := output(outTable)
	cmd := &cobra.Command{
		Use:   "discover",
		Short: "List the EKS clusters of the AWS account in use, and which of them are added",
		Long: `List the EKS clusters of the AWS account in use, and which of them are added. It needs the permissions eks:ListClusters
and eks:DescribeCluster.`,
		Example: "  salvor cluster discover --region eu-central-1,us-east-1",
		Args:    cobra.NoArgs,
		RunE: a.do(func(cmd *cobra.Command, _ []string) error {
			if out != outTable && out != outJSON && out != outWide {
				return salvor.Errorf(salvor.Invalid, "clusters of AWS are printed as %s, %s or %s", outTable, outWide, outJSON)
			}
			h, err := a.home()
			if err != nil {
				return err
			}
			found, err := discover(cmd.Context(), h, regions)
			if err != nil {
				return err
			}
			if out == outJSON {
				return a.json(list[discovered]{Items: found})
			}
			if len(found) == 0 {
				a.warn("the account in use has no EKS cluster there; --region looks elsewhere, AWS_PROFILE chooses another account")
				return nil
			}
			return a.printDiscovered(found, out == outWide)
		}),
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&regions, "region", nil, "region to look in; may be repeated (default that of the AWS configuration)")
	flags.VarP(&out, "output", "o", "how to print: table, wide, json")
	return cmd
}

func discover(ctx context.Context, h *home.Home, regions []string) ([]discovered, error) {
	sign, err := h.EKS(ctx)
	if err != nil {
		return nil, err
	}
	if len(regions) == 0 {
		if sign.Region() == "" {
			return nil, salvor.Errorf(salvor.Invalid, "in which region?").WithHint("pass --region, or set AWS_REGION")
		}
		regions = []string{sign.Region()}
	}
	found, err := sign.Clusters(ctx, regions...)
	if err != nil {
		return nil, err
	}
	added, err := addedARNs(ctx, h)
	if err != nil {
		return nil, err
	}
	all := make([]discovered, len(found))
	for i, c := range found {
		all[i] = discovered{c, added[c.ARN]}
	}
	return all, nil
}

// addedARNs maps the ARNs of the clusters that were added to their names.
func addedARNs(ctx context.Context, h *home.Home) (map[string]string, error) {
	objects, err := all(ctx, h, salvor.KindCluster)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, o := range objects {
		if e := o.(*salvor.Cluster).Spec.EKS; e != nil {
			names[e.ARN] = o.Meta().Name
		}
	}
	return names, nil
}

func (a *app) printDiscovered(found []discovered, wide bool) error {
	t := table{head: []string{"NAME", "REGION", "KUBERNETES", "STATUS", "ENDPOINT", "ADDED AS"}, colours: a.sys.colours(a.sys.Stdout)}
	if wide {
		t.head = append(t.head, "ARN")
	}
	for _, c := range found {
		endpoint, added := "public", c.Added
		if c.Private {
			endpoint = "private"
		}
		if added == "" {
			added = "-"
		}
		row := plain(c.Name, c.Region, c.Version, c.Status, endpoint, added)
		if wide {
			row = append(row, cell{text: c.ARN})
		}
		t.rows = append(t.rows, row)
	}
	return t.write(a.sys.Stdout)
}
