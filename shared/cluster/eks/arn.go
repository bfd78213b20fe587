package eks

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"salvor.io/salvor/shared/salvor"
)

// place is what a cluster's ARN tells.
type place struct {
	arn, partition, region, account, name string
}

// parse reads a cluster's ARN: arn:PARTITION:eks:REGION:ACCOUNT:cluster/NAME.
func parse(s string) (place, error) {
	a, err := arn.Parse(s)
	name, ok := strings.CutPrefix(a.Resource, "cluster/")
	if err != nil || a.Service != "eks" || !ok || name == "" || a.Region == "" {
		return place{}, salvor.Errorf(salvor.Invalid, "%q is not the ARN of an EKS cluster", s).
			WithHint("it looks like arn:aws:eks:REGION:ACCOUNT:cluster/NAME")
	}
	return place{arn: s, partition: a.Partition, region: a.Region, account: a.AccountID, name: name}, nil
}

// accountOf returns the account in an ARN, "" when there is none.
func accountOf(s string) string {
	a, err := arn.Parse(s)
	if err != nil {
		return ""
	}
	return a.AccountID
}

// principal returns the role of an assumed role's session, as far as its ARN tells: it leaves the role's path out.
// Others are their own principal.
func principal(s string) string {
	a, err := arn.Parse(s)
	if err != nil {
		return s
	}
	parts := strings.Split(a.Resource, "/")
	if a.Service != "sts" || parts[0] != "assumed-role" || len(parts) < 2 {
		return s
	}
	a.Service, a.Resource = "iam", "role/"+parts[1]
	return a.String()
}
