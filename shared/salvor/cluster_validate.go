package salvor

import (
	"regexp"
	"sync"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// The forms that IAM, STS and EKS document.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelastickubernetesservice.html
// https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateCluster.html (name)
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html (ExternalId)
// Their repetitions take milliseconds to compile, which most commands need not wait for.
var (
	eksARN     = lazy(`^arn:aws(-[a-z]+)*:eks:[a-z]{2,}(-[a-z]+)+-[0-9]+:[0-9]{12}:cluster/[0-9A-Za-z][0-9A-Za-z_-]{0,99}$`)
	roleARN    = lazy(`^arn:aws(-[a-z]+)*:iam::[0-9]{12}:role/([\x21-\x7e]{1,510}/)?[0-9A-Za-z_+=,.@-]{1,64}$`)
	externalID = regexp.MustCompile(`^[0-9A-Za-z_+=,.@:/-]+$`)
)

func lazy(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}

// Default fills in the id.
func (c *Cluster) Default() {
	c.set(KindCluster)
	setDefault(&c.Spec.ID, c.Name)
}

// Validate reports every mistake at once.
func (c *Cluster) Validate() field.ErrorList {
	errs := validateHead(&c.TypeMeta, KindCluster, &c.ObjectMeta, "")
	p := field.NewPath("spec")
	errs = append(errs, optionalName(p.Child("id"), c.Spec.ID)...)
	errs = append(errs, exactlyOne(p, []string{"eks", "kubeconfig"}, c.Spec.EKS != nil, c.Spec.Kubeconfig != nil)...)
	if c.Spec.EKS != nil {
		errs = append(errs, c.Spec.EKS.validate(p.Child("eks"))...)
	}
	if k := c.Spec.Kubeconfig; k != nil {
		errs = append(errs, plainText(p.Child("kubeconfig", "path"), k.Path, 4096)...)
		errs = append(errs, plainText(p.Child("kubeconfig", "context"), k.Context, 1024)...)
	}
	return errs
}

func (e *EKSCluster) validate(p *field.Path) field.ErrorList {
	var errs field.ErrorList
	switch {
	case e.ARN == "":
		errs = append(errs, field.Required(p.Child("arn"), "the cluster's ARN, arn:aws:eks:REGION:ACCOUNT:cluster/NAME"))
	case !eksARN().MatchString(e.ARN):
		errs = append(errs, field.Invalid(p.Child("arn"), e.ARN, "must be an EKS cluster's ARN, arn:aws:eks:REGION:ACCOUNT:cluster/NAME"))
	}
	if e.RoleARN != "" && !roleARN().MatchString(e.RoleARN) {
		errs = append(errs, field.Invalid(p.Child("roleARN"), e.RoleARN, "must be a role's ARN, arn:aws:iam::ACCOUNT:role/NAME"))
	}
	// The external id is shared between two parties: it is checked, and not repeated.
	switch {
	case e.ExternalID == "":
	case e.RoleARN == "":
		errs = append(errs, field.Forbidden(p.Child("externalID"), "goes with roleARN, which is not set"))
	case len(e.ExternalID) < 2, len(e.ExternalID) > 1224, !externalID.MatchString(e.ExternalID):
		errs = append(errs, field.Invalid(p.Child("externalID"), field.OmitValueType{}, "must be 2 to 1224 letters, digits and _+=,.@:/-"))
	}
	return errs
}
