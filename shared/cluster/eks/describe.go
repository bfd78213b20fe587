package eks

import (
	"context"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"salvor.io/salvor/shared/salvor"
)

// Cluster is what EKS says of a cluster.
type Cluster struct {
	ARN     string `json:"arn"`
	Name    string `json:"name"`
	Region  string `json:"region"`
	Account string `json:"account"`
	// Status is ACTIVE, CREATING, UPDATING, DELETING, PENDING or FAILED.
	Status string `json:"status"`
	// Version of Kubernetes, such as 1.36.
	Version string `json:"version"`
	// Private: its API server answers inside of its VPC only.
	Private   bool      `json:"private"`
	CreatedAt time.Time `json:"createdAt,omitzero"`
	// Endpoint is the URL of the API server, and CA, in PEM, who vouches for it. Both are empty while it is created.
	Endpoint string `json:"endpoint,omitempty"`
	CA       []byte `json:"-"`
}

// describe asks EKS for the cluster and sees that it is the one that is meant, and ready.
func (s *session) describe(ctx context.Context) (Cluster, error) {
	c, err := describe(ctx, eks.NewFromConfig(s.config), s.name)
	switch {
	case salvor.Is(err, salvor.NotFound):
		return c, salvor.Errorf(salvor.NotFound, "there is no EKS cluster %q in %s of account %s", s.name, s.region, s.account).
			WithHint("check its ARN; salvor cluster discover --region %s lists those that there are", s.region)
	case salvor.Is(err, salvor.Forbidden):
		return c, salvor.Errorf(salvor.Forbidden, "%s may not describe EKS cluster %s: %w", s.signer(), s.arn, err).
			WithHint("allow it eks:DescribeCluster on this cluster, as infra/cluster-access.yaml does")
	case err != nil:
		return c, fmt.Errorf("describing EKS cluster %s: %w", s.arn, err)
	case c.ARN != s.arn:
		// EKS looks a name up in the caller's own account: another cluster of that name must not answer.
		return c, salvor.Errorf(salvor.Forbidden, "%s is of account %s, and EKS cluster %s of account %s", s.signer(), accountOf(c.ARN), s.arn, s.account).
			WithHint("set roleARN to a role of account %s, which infra/cluster-access.yaml makes", s.account)
	case c.Endpoint == "" || c.Status != string(types.ClusterStatusActive) && c.Status != string(types.ClusterStatusUpdating):
		return c, salvor.Errorf(salvor.Unavailable, "EKS cluster %s is %s", s.arn, c.Status)
	}
	return c, nil
}

// signer names who asks, for messages.
func (s *session) signer() string {
	if s.spec.RoleARN != "" {
		return "role " + s.spec.RoleARN
	}
	return "the AWS identity in use"
}

func describe(ctx context.Context, client *eks.Client, name string) (Cluster, error) {
	out, err := client.DescribeCluster(ctx, &eks.DescribeClusterInput{Name: aws.String(name)})
	if err != nil {
		return Cluster{}, explain(err)
	}
	if out.Cluster == nil {
		return Cluster{}, salvor.Errorf(salvor.Internal, "EKS says nothing of it")
	}
	return clusterOf(out.Cluster)
}

func clusterOf(in *types.Cluster) (Cluster, error) {
	c := Cluster{ARN: aws.ToString(in.Arn), Name: aws.ToString(in.Name), Status: string(in.Status), Version: aws.ToString(in.Version),
		Endpoint: aws.ToString(in.Endpoint), CreatedAt: aws.ToTime(in.CreatedAt)}
	if p, err := parse(c.ARN); err == nil {
		c.Region, c.Account = p.region, p.account
	}
	if v := in.ResourcesVpcConfig; v != nil {
		c.Private = !v.EndpointPublicAccess
	}
	if in.CertificateAuthority == nil {
		return c, nil
	}
	ca, err := base64.StdEncoding.DecodeString(aws.ToString(in.CertificateAuthority.Data))
	if err != nil {
		return c, fmt.Errorf("decoding the certificate authority: %w", err)
	}
	c.CA = ca
	return c, nil
}
