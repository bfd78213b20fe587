package eks

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"sigs.k8s.io/aws-iam-authenticator/pkg/token"

	"salvor.io/salvor/shared/salvor"
)

const (
	// tokenLife is for how long a token is used. STS accepts one for 15 minutes after its date; the rest is for clocks
	// that differ and for requests on their way.
	tokenLife = 13 * time.Minute
	// roleLife is the longest that a role assumed by a role may last (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html).
	roleLife = time.Hour
	// roleMargin is how long before their end a role's credentials are renewed: longer than a token signed with them lives.
	roleMargin = 15 * time.Minute
	// sessionName is what CloudTrail and the cluster's audit log show behind the role.
	sessionName = "salvor"
)

// session is one identity at one cluster.
type session struct {
	place
	// config holds the credentials that sign, those of the role if there is one.
	config aws.Config
	spec   salvor.EKSCluster
	now    func() time.Time

	mu    sync.Mutex
	token string
	until time.Time
	who   Identity // "" until it was asked for
}

// session returns the one of spec. It is kept, so that a role is assumed once an hour and not for each connection.
func (a *Access) session(ctx context.Context, spec salvor.EKSCluster) (*session, error) {
	a.mu.Lock()
	s := a.sessions[spec]
	a.mu.Unlock()
	if s != nil {
		return s, nil
	}
	s, err := a.begin(ctx, spec)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sessions[spec] = s
	return s, nil
}

// begin assumes the role that spec names.
func (a *Access) begin(ctx context.Context, spec salvor.EKSCluster) (*session, error) {
	p, err := parse(spec.ARN)
	if err != nil {
		return nil, err
	}
	s := &session{place: p, config: a.config.Copy(), spec: spec, now: a.now}
	if a.config.Credentials == nil {
		return nil, noCredentials(nil)
	}
	if spec.RoleARN != "" {
		if account := accountOf(spec.RoleARN); account != p.account {
			return nil, salvor.Errorf(salvor.Invalid, "role %s is of account %s, and cluster %s of account %s", spec.RoleARN, account, p.arn, p.account).
				WithHint("name a role of the cluster's own account: only such a one can describe it")
		}
		s.config.Credentials = a.assume(spec, p.region)
		if _, err := s.config.Credentials.Retrieve(ctx); err != nil {
			return nil, notAssumed(spec, err)
		}
	}
	s.config.Region = p.region
	return s, nil
}

// assume returns the credentials of the role. They are asked for in the caller's own region: a region that the
// cluster's account opted in to need not be open to the caller's.
func (a *Access) assume(spec salvor.EKSCluster, region string) aws.CredentialsProvider {
	config := a.config.Copy()
	if config.Region == "" {
		config.Region = region
	}
	provider := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(config), spec.RoleARN, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName, o.Duration = sessionName, roleLife
		if spec.ExternalID != "" {
			o.ExternalID = aws.String(spec.ExternalID)
		}
	})
	return aws.NewCredentialsCache(provider, func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = roleMargin })
}

// bearer returns a token that is good for now, and is not the one that was refused.
func (s *session) bearer(ctx context.Context, refused string) (string, error) {
	if t := s.held(refused); t != "" {
		return t, nil
	}
	if c, ok := s.config.Credentials.(interface{ Invalidate() }); ok && refused != "" {
		c.Invalidate() // they may have been revoked
	}
	signer, err := s.config.Credentials.Retrieve(ctx)
	if err != nil {
		return "", fmt.Errorf("signing in to EKS cluster %s: %w", s.arn, s.refusal(err))
	}
	return s.sign(signer)
}

// held returns the token at hand, "" when it is too old or the refused one.
func (s *session) held(refused string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token == refused || !s.now().Before(s.until) {
		return ""
	}
	return s.token
}

// sign makes a new token.
func (s *session) sign(signer aws.Credentials) (string, error) {
	generator, err := token.NewGenerator(false, false)
	if err != nil {
		return "", fmt.Errorf("signing in to EKS cluster %s: %w", s.arn, err)
	}
	// A client of its own: an endpoint of the environment must not become the host inside of the token, which the
	// cluster would refuse.
	client := sts.New(sts.Options{Region: s.region, Credentials: aws.CredentialsProviderFunc(
		func(context.Context) (aws.Credentials, error) { return signer, nil })})
	begin := s.now()
	signed, err := generator.GetWithSTS(s.name, client)
	if err != nil {
		return "", fmt.Errorf("signing a token for EKS cluster %s: %w", s.arn, s.refusal(err))
	}
	until := begin.Add(tokenLife)
	if signer.CanExpire && signer.Expires.Before(until) {
		until = signer.Expires // STS knows the signer no longer
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token, s.until = signed.Token, until
	return s.token, nil
}

// refusal explains why there are no credentials.
func (s *session) refusal(err error) error {
	if s.spec.RoleARN != "" {
		return notAssumed(s.spec, err)
	}
	return explain(err)
}

// identity asks STS whose credentials sign.
func (s *session) identity(ctx context.Context) (Identity, error) {
	s.mu.Lock()
	who := s.who
	s.mu.Unlock()
	if who.ARN != "" {
		return who, nil
	}
	who, err := identify(ctx, s.config)
	if err != nil {
		return who, err
	}
	if s.spec.RoleARN != "" {
		who.Principal = s.spec.RoleARN
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.who = who
	return who, nil
}

// identify asks STS whose credentials the configuration holds.
func identify(ctx context.Context, config aws.Config) (Identity, error) {
	if config.Credentials == nil {
		return Identity{}, noCredentials(nil)
	}
	out, err := sts.NewFromConfig(config).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return Identity{}, fmt.Errorf("asking STS who is signing in: %w", explain(err))
	}
	return Identity{ARN: aws.ToString(out.Arn), Principal: principal(aws.ToString(out.Arn))}, nil
}
