package closure

import (
	"bytes"
	"strings"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/rawjson"
	"salvor.io/salvor/shared/transform"
)

// object is one to extract facts from.
type object struct {
	namespace, name string
	raw             []byte
	meta            meta
}

// extractors add what objects of a kind say about others. A kind without one says nothing but who owns it.
var extractors = map[string]func(*Facts, object){
	configMaps:                              record,
	secrets:                                 secret,
	claims:                                  claim,
	volumes:                                 volumeFacts,
	services:                                service,
	serviceAccounts:                         serviceAccount,
	endpoints:                               endpointsFacts,
	statefulSets:                            statefulSet,
	storageClasses:                          storageClass,
	snapshots:                               snapshot,
	snapshotContents:                        snapshotContent,
	resourceClaims:                          func(f *Facts, o object) { f.devices(rawjson.Get(o.raw, "spec")) },
	claimTemplates:                          func(f *Facts, o object) { f.devices(rawjson.Get(o.raw, "spec", "spec")) },
	roles:                                   role,
	clusterRoles:                            clusterRole,
	roleBindings:                            binding,
	clusterBindings:                         binding,
	ingressClasses:                          ingressClass,
	gatewayClasses:                          gatewayClass,
	gateways:                                gateway,
	definitions:                             definition,
	validating:                              webhook,
	mutating:                                webhook,
	apiServices:                             apiService,
	"endpointslices.discovery.k8s.io":       endpointSlice,
	"ingresses.networking.k8s.io":           ingress,
	"networkpolicies.networking.k8s.io":     networkPolicy,
	"poddisruptionbudgets.policy":           disruptionBudget,
	"limitranges":                           limitRange,
	"horizontalpodautoscalers.autoscaling":  autoscaler,
	"httproutes." + gatewayGroup:            route,
	"grpcroutes." + gatewayGroup:            route,
	"tlsroutes." + gatewayGroup:             route,
	"tcproutes." + gatewayGroup:             route,
	"udproutes." + gatewayGroup:             route,
	"referencegrants." + gatewayGroup:       referenceGrant,
	"certificates.cert-manager.io":          certificate,
	"podmonitors.monitoring.coreos.com":     podMonitor,
	"servicemonitors.monitoring.coreos.com": serviceMonitor,
	"securitygrouppolicies." + vpcGroup:     securityGroupPolicy,
	"targetgroupbindings." + elbGroup:       targetGroupBinding,
	"targetgroupbindings." + autoGroup:      targetGroupBinding,
}

// unlabelled are frequent kinds of whose metadata only owners and Helm's marks matter.
var unlabelled = map[string]bool{roles: true, roleBindings: true, claims: true, "deployments.apps": true, replicaSets: true, "jobs.batch": true}

// Custom reports whether the group may hold custom resources: those have definitions, and no API server knows their fields.
func Custom(group string) bool { return strings.Contains(group, ".") && !transform.BuiltIn(group) }

// Extract returns what the object says about others. Of one that is made again by another, made, it returns only what
// leads to its owner and the labels of a pod: what it refers to is what its owner refers to.
func Extract(res cluster.Resource, i cluster.Item, made bool) Facts {
	var f Facts
	kind := res.String()
	extract, known := extractors[kind]
	template, runsPods := templates[kind]
	switch {
	case !known && !runsPods && !Custom(res.Group) && !mentions(i.Raw):
		return f
	case (kind == configMaps || kind == secrets) && !mentions(i.Raw) && !strings.HasPrefix(i.Name, "sh.helm.") && !isToken(i.Raw):
		return f // most objects of most clusters
	}
	o := object{i.Namespace, i.Name, i.Raw, meta{}}
	if !unlabelled[kind] || mentions(i.Raw) {
		o.meta = metaOf(i.Raw)
	}
	f.ownersOf(o.meta)
	if made {
		if kind == pods {
			f.Domain, f.Labels = Pods, decode[map[string]string](o.meta.labels)
		}
		return f
	}
	f.recordsOf(o.meta)
	switch {
	case known:
		extract(&f, o)
	case runsPods:
		f.workload(o.raw, template)
	case Custom(res.Group):
		custom(&f, o)
	}
	return f
}

// mentions tells whether the object may have an owner or be of a Helm release, faster than looking for either.
func mentions(raw []byte) bool {
	return bytes.Contains(raw, []byte(`"ownerReferences"`)) || bytes.Contains(raw, []byte(helmOwner))
}

// secret needs the ServiceAccount that it is a token of: without, the token controller deletes it.
func secret(f *Facts, o object) {
	record(f, o)
	if isToken(o.raw) {
		f.want(serviceAccounts, text(rawjson.Get(o.raw, "metadata", "annotations", tokenAccount)), "account of")
	}
}

// tokenAccount is the annotation of a token that names its ServiceAccount.
const tokenAccount = "kubernetes.io/service-account.name"

func isToken(raw []byte) bool { return bytes.Contains(raw, []byte(`"`+tokenAccount+`"`)) }

func record(f *Facts, o object) {
	if release := helmRecord(o.name); release != "" {
		f.alias(helmRelease, release)
	}
}

// autoscaler comes with what it scales.
func autoscaler(f *Facts, o object) {
	f.scales(decode[typed](rawjson.Get(o.raw, "spec", "scaleTargetRef")), "Deployment")
	for _, m := range decode[[]struct {
		Object struct{ DescribedObject typed }
	}](rawjson.Get(o.raw, "spec", "metrics")) {
		r := m.Object.DescribedObject.ref("", "")
		r.Why, r.Optional = "measured by", true
		f.add(r)
	}
}

func (f *Facts) scales(t typed, byDefault string) {
	r := t.ref("*", byDefault)
	r.Relation, r.Why, r.Back = Act, "target of", "scales"
	f.add(r)
}

// certificate of cert-manager comes with the Secret that it keeps, which need not name its owner.
func certificate(f *Facts, o object) {
	f.add(Ref{Relation: Act, Kind: secrets, Name: text(rawjson.Get(o.raw, "spec", "secretName")), Why: "certificate of", Back: "renews", Optional: true})
	custom(f, o)
}
