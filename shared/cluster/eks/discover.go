package eks

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"golang.org/x/sync/errgroup"

	"salvor.io/salvor/shared/salvor"
)

// describeAtOnce is how many clusters are asked for at the same time: EKS allows few requests a second.
const describeAtOnce = 4

// Region is the region of the AWS configuration; it may be empty.
func (a *Access) Region() string { return a.config.Region }

// Clusters returns the EKS clusters that the identity's account has in the regions, sorted by ARN. Errors have the code
// Forbidden when it may not eks:ListClusters or eks:DescribeCluster, otherwise as those of Config.
func (a *Access) Clusters(ctx context.Context, regions ...string) ([]Cluster, error) {
	if a.config.Credentials == nil {
		return nil, noCredentials(nil)
	}
	var found []Cluster
	for _, region := range regions {
		config := a.config.Copy()
		config.Region = region
		clusters, err := clustersOf(ctx, eks.NewFromConfig(config))
		if err != nil {
			return nil, fmt.Errorf("listing the EKS clusters in %s: %w", region, err)
		}
		found = append(found, clusters...)
	}
	slices.SortFunc(found, func(a, b Cluster) int { return strings.Compare(a.ARN, b.ARN) })
	return found, nil
}

func clustersOf(ctx context.Context, client *eks.Client) ([]Cluster, error) {
	var names []string
	for pages := eks.NewListClustersPaginator(client, &eks.ListClustersInput{MaxResults: aws.Int32(100)}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, explain(err)
		}
		names = append(names, page.Clusters...)
	}
	found := make([]Cluster, len(names))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(describeAtOnce)
	for i, name := range names {
		group.Go(func() (err error) {
			found[i], err = describe(ctx, client, name)
			if err != nil && !salvor.Is(err, salvor.NotFound) {
				return fmt.Errorf("describing %s: %w", name, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	// One that was deleted between the two questions is left out.
	return slices.DeleteFunc(found, func(c Cluster) bool { return c.ARN == "" }), nil
}
