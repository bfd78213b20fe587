package closure

import "salvor.io/salvor/shared/rawjson"

// What the controllers of EKS understand besides Kubernetes itself: the groups of the VPC resource controller, of the AWS
// Load Balancer Controller, and of both in EKS Auto Mode.
const (
	vpcGroup  = "vpcresources.k8s.aws"
	elbGroup  = "elbv2.k8s.aws"
	autoGroup = "eks.amazonaws.com"
)

// albAnnotations begin the annotations of the AWS Load Balancer Controller.
// https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/ingress/annotations/
const albAnnotations = "alb.ingress.kubernetes.io/"

// useAnnotation is the port of a backend that is no Service: an annotation of its name says what is done instead.
const useAnnotation = "use-annotation"

// action adds the Services that an action forwards to. Most actions answer or redirect by themselves.
func (f *Facts) action(m meta, name string) {
	a := decode[struct {
		ForwardConfig struct {
			TargetGroups []struct{ ServiceName string }
		}
	}]([]byte(m.annotation(albAnnotations + "actions." + name)))
	for _, t := range a.ForwardConfig.TargetGroups {
		f.backend(typed{Name: t.ServiceName})
	}
}

// signIn adds the Secret with which a load balancer signs people in, by OpenID Connect.
func (f *Facts) signIn(m meta) {
	provider := decode[struct{ SecretName string }]([]byte(m.annotation(albAnnotations + "auth-idp-oidc")))
	f.need(secrets, provider.SecretName, "credentials of")
}

// targetGroupBinding leads a load balancer that was made outside of the cluster to a Service.
func targetGroupBinding(f *Facts, o object) {
	f.backend(typed{Name: text(rawjson.Get(o.raw, "spec", "serviceRef", "name"))})
	custom(f, o)
}

// securityGroupPolicy gives pods security groups of AWS, by their own labels or by those of their ServiceAccount.
// https://docs.aws.amazon.com/eks/latest/userguide/security-groups-for-pods.html
func securityGroupPolicy(f *Facts, o object) {
	const back = "gives security groups to pods of"
	f.guard(Pods, rawjson.Get(o.raw, "spec", "podSelector"), back)
	f.guard(serviceAccounts, rawjson.Get(o.raw, "spec", "serviceAccountSelector"), back)
	custom(f, o)
}
