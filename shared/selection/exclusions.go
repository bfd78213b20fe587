package selection

// Exclusion is a kind that a backup leaves out unless its scope names it, and why.
type Exclusion struct {
	Kind   string `json:"kind"`
	Reason string `json:"reason"`
}

// excludedKinds are the kinds whose every object is made again by a control plane, a node or an add-on.
var excludedKinds = []Exclusion{
	{"events", "a log of what happened, which expires by itself"},
	{"events.events.k8s.io", "a log of what happened, which expires by itself"},
	{"leases.coordination.k8s.io", "heartbeats and leader elections of running processes"},
	{"leasecandidates.coordination.k8s.io", "candidates of leader elections of running processes"},
	{"nodes", "machines register themselves"},
	{"csinodes.storage.k8s.io", "kubelets register the storage drivers of their machines"},
	{"csistoragecapacities.storage.k8s.io", "measured again by the storage driver"},
	{"volumeattachments.storage.k8s.io", "which machine a volume is attached to at the moment"},
	{"resourceslices.resource.k8s.io", "published again by the drivers on each machine"},
	{"ipaddresses.networking.k8s.io", "addresses that the API server hands out to Services"},
	{"componentstatuses", "answers of the control plane, not stored objects"},
	{"storageversions.internal.apiserver.k8s.io", "book-keeping of the API servers"},
	{"storageversionmigrations.storagemigration.k8s.io", "a task of the control plane that belongs to one cluster"},
	{"certificatesigningrequests.certificates.k8s.io", "requests that expire within hours"},
	{"podcertificaterequests.certificates.k8s.io", "requests that expire within minutes"},
	{"cninodes.vpcresources.k8s.aws", "the network interfaces of each machine, kept by the VPC controller"},
	{"policyendpoints.networking.k8s.aws", "made from NetworkPolicies by the VPC network policy controller"},
	{"securitygroups.vpcresources.k8s.aws", "the network interfaces of each pod, kept by the VPC controller"},
	{"ciliumendpoints.cilium.io", "made for each pod by Cilium's agents"},
	{"ciliumidentities.cilium.io", "made for each set of labels by Cilium's agents"},
	{"ciliumnodes.cilium.io", "made for each machine by Cilium's agents"},
	{"ciliumendpointslices.cilium.io", "made from CiliumEndpoints by Cilium's operator"},
}

// objectRule leaves out single objects of a kind.
type objectRule struct {
	kind   string
	reason string
	match  func(object) bool
	// made: the object's owner makes it again, so that the owner is what matters.
	made bool
}

// objectRules are the objects that a controller makes again.
var objectRules = []objectRule{
	{"pods", "made again by the controller that owns it", object.controlled, true},
	{"replicasets.apps", "made again by the Deployment that owns it", object.controlled, true},
	{"controllerrevisions.apps", "made again by the workload that owns it", object.controlled, true},
	{"persistentvolumeclaims", "an ephemeral volume, made again with the pod that owns it", controlledBy("Pod"), true},
	{"endpoints", "made from the Service's selector by the endpoints controller",
		anyOf(labelIs("endpoints.kubernetes.io/managed-by", "endpoint-controller"), annotated("endpoints.kubernetes.io/last-change-trigger-time"), object.apiServerService), false},
	{"endpointslices.discovery.k8s.io", "made from the Service's selector by the endpoint slice controller",
		anyOf(labelIs("endpointslice.kubernetes.io/managed-by", "endpointslice-controller.k8s.io"),
			labelIs("endpointslice.kubernetes.io/managed-by", "endpointslicemirroring-controller.k8s.io"), object.apiServerService), false},
	{"secrets", "a token that the old cluster made by itself, and that only it accepts", object.madeToken, false},
	{"secrets", "a token with which machines join the old cluster", fieldIs("type", `"bootstrap.kubernetes.io/token"`), false},
	{"configmaps", "the old cluster's certificate authority, published in every namespace", named("kube-root-ca.crt"), false},
	{"clusterroles.rbac.authorization.k8s.io", "one of the API server's own", labelIs("kubernetes.io/bootstrapping", "rbac-defaults"), false},
	{"clusterrolebindings.rbac.authorization.k8s.io", "one of the API server's own", labelIs("kubernetes.io/bootstrapping", "rbac-defaults"), false},
	{"apiservices.apiregistration.k8s.io", "registered by the API server itself", labelled("kube-aggregator.kubernetes.io/automanaged"), false},
	{"flowschemas.flowcontrol.apiserver.k8s.io", "one of the API server's own", annotated("apf.kubernetes.io/autoupdate-spec"), false},
	{"prioritylevelconfigurations.flowcontrol.apiserver.k8s.io", "one of the API server's own", annotated("apf.kubernetes.io/autoupdate-spec"), false},
	{"priorityclasses.scheduling.k8s.io", "one of the API server's own", anyOf(named("system-cluster-critical"), named("system-node-critical")), false},
	{"servicecidrs.networking.k8s.io", "the address range the old cluster was made with", named("kubernetes"), false},
	{"targetgroupbindings.elbv2.k8s.aws", "made by the AWS Load Balancer Controller for an Ingress, a Service or a Gateway; its target group is the old cluster's", object.ofLoadBalancer, false},
	{"targetgroupbindings.eks.amazonaws.com", "made by EKS Auto Mode for an Ingress or a Service; its target group is the old cluster's", object.ofLoadBalancer, false},
	{"volumesnapshots.snapshot.storage.k8s.io", "made by Salvor for a backup or a restore", object.ofSalvor, false},
	{"volumesnapshotcontents.snapshot.storage.k8s.io", "made by Salvor for a backup or a restore", object.ofSalvor, false},
	{"volumegroupsnapshots.groupsnapshot.storage.k8s.io", "made by Salvor for a backup", object.ofSalvor, false},
	{"volumegroupsnapshotcontents.groupsnapshot.storage.k8s.io", "made by Salvor for a backup", object.ofSalvor, false},
	{"services", "the API server's own Service", object.apiServerService, false},
}

// Exclusions lists the kinds that are left out by themselves, each with its reason; docs/selection.md shows them.
func Exclusions() []Exclusion { return append([]Exclusion(nil), excludedKinds...) }

// ObjectExclusions lists the kinds of which some objects are left out, each with the reason.
func ObjectExclusions() []Exclusion {
	list := make([]Exclusion, 0, len(objectRules))
	for _, r := range objectRules {
		list = append(list, Exclusion{r.kind, r.reason})
	}
	return list
}

func excludedReason(kind string) string {
	for _, e := range excludedKinds {
		if e.Kind == kind {
			return e.Reason
		}
	}
	return ""
}
