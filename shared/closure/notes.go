package closure

import (
	"maps"
	"slices"

	"salvor.io/salvor/shared/cluster"
)

// Note says what objects of a kind bring along, and what they come with.
type Note struct {
	// Kind as resource.group.
	Kind string
	// Needs are what objects of the kind need, With what they come with; empty: nothing.
	Needs, With string
}

const (
	podNeeds   = "what pods refer to"
	routeNeeds = "the Gateways above it, what its filters name"
	routeWith  = "a Service that it routes to"
)

// Notes lists the kinds that say something about others; docs/selection.md shows them.
func Notes() []Note {
	return []Note{
		{configMaps, "", "of Helm's records: objects of the release that are taken whole"},
		{secrets, "the ServiceAccount that it is a token of", "of Helm's records: objects of the release that are taken whole"},
		{services, "the Secret with which a load balancer of AWS signs people in", "the pods that it selects"},
		{serviceAccounts, "its Secrets and image pull secrets", ""},
		{claims, "its volume and classes, what its data came from", "the StatefulSet whose template it was made from, also of a replica that is gone"},
		{volumes, "its classes, its Secrets", ""},
		{endpoints, "", "the Service of its name, if it was made by hand"},
		{"endpointslices.discovery.k8s.io", "", "its Service, if it was made by hand"},
		{pods, podNeeds, ""},
		{"podtemplates", podNeeds, ""},
		{"replicationcontrollers", podNeeds, ""},
		{"deployments.apps", podNeeds, ""},
		{statefulSets, podNeeds + ", its governing Service, its claims, their classes", ""},
		{"daemonsets.apps", podNeeds, ""},
		{replicaSets, podNeeds, ""},
		{"jobs.batch", podNeeds, ""},
		{"cronjobs.batch", podNeeds, ""},
		{"horizontalpodautoscalers.autoscaling", "objects that it measures", "what it scales"},
		{"poddisruptionbudgets.policy", "", "pods that it selects"},
		{"networkpolicies.networking.k8s.io", "", "pods that it selects; one of all pods guards these too"},
		{"limitranges", "", "any pod of the namespace: it gives them their defaults"},
		{"ingresses.networking.k8s.io", "its certificates, its class, Secrets in annotations of ingress-nginx and of the AWS Load Balancer Controller", routeWith},
		{ingressClasses, "its parameters", ""},
		{"httproutes." + gatewayGroup, routeNeeds, routeWith},
		{"grpcroutes." + gatewayGroup, routeNeeds, routeWith},
		{"tlsroutes." + gatewayGroup, routeNeeds, routeWith},
		{"tcproutes." + gatewayGroup, routeNeeds, routeWith},
		{"udproutes." + gatewayGroup, routeNeeds, routeWith},
		{gateways, "its class, certificates and parameters", ""},
		{gatewayClasses, "its parameters", ""},
		{"referencegrants." + gatewayGroup, "", "what it grants references to"},
		{roles, "definitions of the custom resources that it lets one change", ""},
		{clusterRoles, "the same, and the ClusterRoles that it is aggregated from", ""},
		{roleBindings, "its role", "a ServiceAccount that it binds, by name or by a group of the namespace"},
		{clusterBindings, "its role", "a ServiceAccount that it binds, by name or by the group of its namespace"},
		{storageClasses, "the Secrets that its parameters name", ""},
		{snapshots, "its class, its content, the claim it is of", ""},
		{snapshotContents, "its class", ""},
		{resourceClaims, "device classes", ""},
		{claimTemplates, "device classes", ""},
		{definitions, "", "custom resources of the kind; the Service that converts them"},
		{validating, "", "a Service that answers it"},
		{mutating, "", "a Service that answers it"},
		{apiServices, "", "the Service that serves it"},
		{"certificates.cert-manager.io", "its issuer", "the Secret that it renews"},
		{"podmonitors.monitoring.coreos.com", "what its fields name", "pods that it selects in its own namespace"},
		{"servicemonitors.monitoring.coreos.com", "what its fields name", "a Service that it selects in its own namespace"},
		{"securitygrouppolicies." + vpcGroup, "", "pods that it selects, or their ServiceAccount"},
		{"targetgroupbindings." + elbGroup, "what its fields name", routeWith},
		{"targetgroupbindings." + autoGroup, "what its fields name", routeWith},
	}
}

// Speaking returns the kinds that say something about others, sorted.
func Speaking() []string {
	kinds := slices.AppendSeq(slices.Collect(maps.Keys(extractors)), maps.Keys(templates))
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// Speaks reports whether objects of the kind may say anything of others, but for who owns them.
func Speaks(r cluster.Resource) bool {
	_, known := extractors[r.String()]
	_, runsPods := templates[r.String()]
	return Custom(r.Group) || runsPods || known && r.String() != configMaps && r.String() != secrets
}
