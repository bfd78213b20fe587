package home

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/cluster/access"
	"salvor.io/salvor/shared/cluster/eks"
	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/shared/salvor"
)

// CheckAccess asks, from the way to the cluster to each right in it, whether all is there that the level needs. It goes
// on as far as it gets: what can't be asked for is no finding. An error is that of a context that ended.
func (h *Home) CheckAccess(ctx context.Context, c *salvor.Cluster, o access.Options) ([]access.Finding, error) {
	k := &check{home: h, cluster: c, options: o}
	k.run(ctx)
	return k.findings, context.Cause(ctx)
}

// check is one run of CheckAccess.
type check struct {
	home     *Home
	cluster  *salvor.Cluster
	options  access.Options
	findings []access.Finding
	// principal is the ARN that an access entry names; empty where there is none.
	principal string
}

func (k *check) run(ctx context.Context) {
	if k.cluster.Spec.EKS != nil && !k.aws(ctx) {
		return
	}
	client, err := k.home.Cluster(ctx, k.cluster)
	if err != nil {
		k.failed("connect", err)
		return
	}
	if !k.reach(ctx, client) {
		return
	}
	user, ok := k.signIn(ctx, client)
	if !ok {
		return
	}
	k.options.Remedy = func(group string) string { return k.remedy(user, group) }
	found, err := access.Check(ctx, client, k.options)
	if err != nil {
		k.failed("permissions", err)
		return
	}
	k.findings = append(k.findings, found...)
}

func (k *check) found(what, detail string) {
	k.findings = append(k.findings, access.Finding{Check: what, OK: true, Detail: detail})
}

// failed notes an error. Its hint is the remedy.
func (k *check) failed(what string, err error) {
	f := access.Finding{Check: what, Detail: strings.TrimPrefix(err.Error(), fmt.Sprintf("cluster %q: ", k.cluster.Name))}
	if e, ok := errors.AsType[*salvor.Error](err); ok && e.Hint != "" {
		f.Detail, f.Remedy = strings.TrimSuffix(f.Detail, "; "+e.Hint), e.Hint
	}
	k.findings = append(k.findings, f)
}

// aws goes the way of AWS: who we are, the role, the cluster.
func (k *check) aws(ctx context.Context) bool {
	spec := *k.cluster.Spec.EKS
	sign, err := k.home.EKS(ctx)
	if err != nil {
		k.failed("AWS credentials", err)
		return false
	}
	me, err := sign.Identity(ctx, salvor.EKSCluster{})
	if err != nil {
		k.failed("AWS credentials", err)
		return false
	}
	k.found("AWS credentials", me.ARN)
	k.principal = me.Principal
	if spec.RoleARN != "" {
		as, err := sign.Identity(ctx, spec)
		if err != nil {
			k.failed("assume the role", err)
			return false
		}
		k.found("assume the role", as.ARN)
		k.principal = spec.RoleARN
	}
	c, err := sign.Describe(ctx, spec)
	if err != nil {
		k.failed("find the cluster", err)
		return false
	}
	k.found("find the cluster", endpoint(c))
	return true
}

func endpoint(c eks.Cluster) string {
	s := fmt.Sprintf("%s, Kubernetes %s, %s", c.Status, c.Version, c.Endpoint)
	if c.Private {
		s += ", reachable inside of its VPC only"
	}
	return s
}

// reach sees whether anybody answers.
func (k *check) reach(ctx context.Context, client *kube.Client) bool {
	version, err := client.Version(ctx)
	switch {
	case err == nil:
		k.found("reach the API server", "Kubernetes "+version+" at "+client.Host())
	case apierrors.IsUnauthorized(err) || apierrors.IsForbidden(err):
		k.found("reach the API server", client.Host())
	default:
		k.failed("reach the API server", err)
		last := &k.findings[len(k.findings)-1]
		last.Remedy = "see that " + client.Host() + " can be reached from here"
		if k.cluster.Spec.EKS != nil {
			last.Remedy += ": a public endpoint may allow few addresses, and a private one answers inside of its VPC only"
		}
		return false
	}
	return true
}

// signIn asks who the cluster takes us for.
func (k *check) signIn(ctx context.Context, client *kube.Client) (cluster.User, bool) {
	user, err := client.WhoAmI(ctx)
	switch {
	case apierrors.IsNotFound(err): // before Kubernetes 1.28; a wrong token would have been refused
		k.found("sign in", "Kubernetes does not say as whom")
	case apierrors.IsUnauthorized(err):
		message, remedy, _ := strings.Cut(err.Error(), "; ")
		k.findings = append(k.findings, access.Finding{Check: "sign in", Detail: message, Remedy: remedy})
		return user, false
	case err != nil:
		k.failed("sign in", err)
		return user, false
	default:
		k.found("sign in", "as "+user.Name+", in the groups "+strings.Join(user.Groups, ", "))
	}
	return user, true
}

// remedy says how the user gets the rights of the group.
func (k *check) remedy(user cluster.User, group string) string {
	apply := "kubectl apply -f infra/kubernetes/rbac.yaml"
	switch {
	case slices.Contains(user.Groups, group):
		return apply + ", which grants it to the group " + group
	case k.principal != "":
		return apply + ", and put the identity into its group: " + UpdateEntry(k.cluster.Spec.EKS.ARN, k.principal, k.options.Level)
	}
	return apply + ", and put " + user.Name + " into its group " + group
}

// UpdateEntry is the command that changes the groups of an access entry to those of the level.
func UpdateEntry(clusterARN, principal string, level access.Level) string {
	p := strings.Split(clusterARN, ":")
	return fmt.Sprintf("aws eks update-access-entry --region %s --cluster-name %s --principal-arn %s --kubernetes-groups %s",
		p[3], strings.TrimPrefix(p[5], "cluster/"), principal, strings.Join(level.Groups(), " "))
}
