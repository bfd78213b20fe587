package eks

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"k8s.io/client-go/rest"

	"salvor.io/salvor/shared/salvor"
)

// Access signs in to clusters as the identity of an AWS configuration. It is safe for concurrent use.
type Access struct {
	config aws.Config
	now    func() time.Time

	mu       sync.Mutex
	sessions map[salvor.EKSCluster]*session
}

// New returns the access of the configuration's identity. Calls are retried as the configuration says, by default by
// the SDK's standard retryer. Its region is where roles are assumed; that of a cluster is in the cluster's ARN.
func New(config aws.Config, now func() time.Time) *Access {
	return &Access{config: config, now: now, sessions: map[salvor.EKSCluster]*session{}}
}

// Config signs in to the cluster and returns a connection that stays signed in. Errors have the code
//   - Invalid: the ARN is malformed, or role and cluster are of different accounts;
//   - Unauthorized: there are no AWS credentials, or AWS refuses them;
//   - Forbidden: the role can't be assumed, or the identity may not describe the cluster;
//   - NotFound: there is no such cluster, in this region of this account;
//   - Unavailable: AWS can't be reached, or the cluster is not ready.
//
// An identity that the cluster does not know is told by its first answer: a *errors.StatusError of apimachinery with
// the reason Unauthorized, which says who was refused and what to do.
func (a *Access) Config(ctx context.Context, spec salvor.EKSCluster) (*rest.Config, error) {
	s, err := a.session(ctx, spec)
	if err != nil {
		return nil, err
	}
	c, err := s.describe(ctx)
	if err != nil {
		return nil, err
	}
	return &rest.Config{
		Host:            c.Endpoint,
		TLSClientConfig: rest.TLSClientConfig{CAData: c.CA},
		WrapTransport:   func(base http.RoundTripper) http.RoundTripper { return &transport{base: base, session: s} },
	}, nil
}

// Identity is whose credentials sign the tokens.
type Identity struct {
	// ARN as STS tells it: arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION for a role, arn:aws:iam::ACCOUNT:user/NAME for a user.
	ARN string
	// Principal is the ARN of the role or user itself, as an access entry names it.
	Principal string
}

// Identity asks STS who signs in to the cluster; that needs no permission. With an empty spec it is the identity
// before any role is assumed. Errors as those of Config.
func (a *Access) Identity(ctx context.Context, spec salvor.EKSCluster) (Identity, error) {
	if spec.ARN == "" {
		return identify(ctx, a.config)
	}
	s, err := a.session(ctx, spec)
	if err != nil {
		return Identity{}, err
	}
	return s.identity(ctx)
}

// Describe returns what EKS says of the cluster. Errors as those of Config.
func (a *Access) Describe(ctx context.Context, spec salvor.EKSCluster) (Cluster, error) {
	s, err := a.session(ctx, spec)
	if err != nil {
		return Cluster{}, err
	}
	return s.describe(ctx)
}
