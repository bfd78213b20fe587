package cli

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"salvor.io/salvor/cmd/salvor/internal/home"
	"salvor.io/salvor/shared/cluster/access"
	"salvor.io/salvor/shared/salvor"
)

// whoIsTrusted stands for the ARN of who signs in, where this program can't tell it: with --api it is a function.
const whoIsTrusted = "ARN_OF_WHO_MAY_ASSUME_THE_ROLE"

// howToGiveAccess prints the commands that give the level of access to an EKS cluster.
func (a *app) howToGiveAccess(ctx context.Context, h *home.Home, c *salvor.Cluster, level access.Level, trust []string) error {
	spec := c.Spec.EKS
	at, err := arn.Parse(spec.ARN)
	if err != nil {
		return fmt.Errorf("reading the cluster's ARN: %w", err)
	}
	me := whoIsTrusted
	if sign, err := h.EKS(ctx); err == nil && h.Remote == nil {
		if who, err := sign.Identity(ctx, salvor.EKSCluster{}); err == nil {
			me = who.Principal
		}
	}
	if len(trust) == 0 {
		trust = []string{me}
	}
	name := strings.TrimPrefix(at.Resource, "cluster/")
	grant := entryCommand(spec, at.Region, name, me, level)
	if spec.RoleARN != "" {
		grant = stackCommand(spec, at.Region, name, trust, level)
	}
	_, err = fmt.Fprintf(a.sys.Stdout, `To give it access, run once, as an administrator of account %s and of the cluster:

%s
  aws eks update-kubeconfig --region %s --name %s
  kubectl apply -f infra/kubernetes/rbac.yaml

`, at.AccountID, grant, at.Region, name)
	return err
}

// entryCommand maps the identity in use to the groups.
func entryCommand(spec *salvor.EKSCluster, region, name, principal string, level access.Level) string {
	return fmt.Sprintf("  aws eks create-access-entry --region %s --cluster-name %s \\\n    --principal-arn %s \\\n    --kubernetes-groups %s\n",
		region, name, principal, strings.Join(level.Groups(), " "))
}

// stackCommand makes the role and maps it.
func stackCommand(spec *salvor.EKSCluster, region, name string, trust []string, level access.Level) string {
	path, role := splitRole(spec.RoleARN)
	return fmt.Sprintf(`  aws cloudformation deploy --region %s --stack-name %s \
    --template-file infra/cluster-access.yaml --capabilities CAPABILITY_NAMED_IAM \
    --parameter-overrides ClusterName=%s RolePath=%s RoleName=%s \
      TrustedPrincipals=%s \
      ExternalId=%s Level=%s
`, region, stackName(role), name, path, role, strings.Join(trust, ","), spec.ExternalID, level)
}

var notOfStacks = regexp.MustCompile(`[^0-9A-Za-z-]`)

// stackName names the stack after the role: a cluster may have one for backups, and another for restores.
func stackName(role string) string {
	return "salvor-access-" + notOfStacks.ReplaceAllString(strings.TrimPrefix(role, "salvor-cluster-access-"), "-")
}

// splitRole splits arn:aws:iam::ACCOUNT:role/PATH/NAME into /PATH/ and NAME.
func splitRole(roleARN string) (path, name string) {
	_, full, _ := strings.Cut(roleARN, ":role/")
	i := strings.LastIndexByte(full, '/') + 1
	return "/" + full[:i], full[i:]
}
