package home

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"

	"salvor.io/salvor/shared/cluster/eks"
	"salvor.io/salvor/shared/salvor"
)

// awsConfig reads what is around the process: environment, shared configuration, instance role. Nothing is asked yet.
func awsConfig(ctx context.Context, o ...func(*awsconfig.LoadOptions) error) (aws.Config, error) {
	config, err := awsconfig.LoadDefaultConfig(ctx, o...)
	if err != nil {
		return config, salvor.Errorf(salvor.Invalid, "reading the AWS configuration: %w", err)
	}
	return config, nil
}

// EKS returns the access of this process's AWS identity to EKS clusters. It is made on first use: most commands need
// no AWS.
func (h *Home) EKS(ctx context.Context) (*eks.Access, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.eks == nil {
		config, err := awsConfig(ctx)
		if err != nil {
			return nil, err
		}
		h.eks = eks.New(config, h.options.Now)
	}
	return h.eks, nil
}
