package restore

import (
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/transform"
)

// wave is a set of kinds whose objects may be applied at the same time. Waves run in their order: what is referred to
// comes first, what may refuse others comes last.
type wave int

const (
	waveNamespaces  wave = iota
	waveDefinitions      // CRDs
	waveClasses          // what else is without namespace: storage, priority, runtime and ingress classes, drivers
	waveVolumes
	waveAccounts // before Secrets: the token controller deletes token Secrets of accounts that it can't find
	waveData     // what pods read; roles
	waveBindings // what names a role or a volume; network policies, before there is anything to protect
	waveCustom   // custom resources: their operators find the Secrets that they would make otherwise
	waveServices // pods learn the Services that are there when they start
	wavePods     // those that nothing makes again
	waveLimits   // limit ranges fill in what pods leave out: the stored pods are as they shall be, those of workloads are not made yet
	waveWorkloads
	waveOwned // what a workload owns
	waveRest
	waveQuotas    // a fresh quota refuses everything until a controller has counted
	waveAdmission // may refuse others, and needs its own pods
	waveAggregated
	waveEnd
)

var waveNames = [waveEnd]string{"namespaces", "custom resource definitions", "classes", "volumes", "service accounts",
	"data and roles", "claims and bindings", "custom resources", "services", "pods", "limits", "workloads", "what workloads own",
	"the rest", "quotas", "admission", "aggregated APIs"}

// String names the wave for people.
func (w wave) String() string { return waveNames[w] }

const (
	kindNamespaces  = "namespaces"
	kindDefinitions = "customresourcedefinitions.apiextensions.k8s.io"
	kindAggregated  = "apiservices.apiregistration.k8s.io"
)

var waves = map[string]wave{
	kindNamespaces:           waveNamespaces,
	kindDefinitions:          waveDefinitions,
	"persistentvolumes":      waveVolumes,
	"serviceaccounts":        waveAccounts,
	"secrets":                waveData,
	"configmaps":             waveData,
	"limitranges":            waveLimits,
	"persistentvolumeclaims": waveBindings,
	"services":               waveServices,
	"endpoints":              waveWorkloads,
	"replicationcontrollers": waveWorkloads,
	"pods":                   wavePods,
	"resourcequotas":         waveQuotas,
	kindAggregated:           waveAggregated,

	"roles.rbac.authorization.k8s.io":               waveData,
	"clusterroles.rbac.authorization.k8s.io":        waveData,
	"rolebindings.rbac.authorization.k8s.io":        waveBindings,
	"clusterrolebindings.rbac.authorization.k8s.io": waveBindings,
	"networkpolicies.networking.k8s.io":             waveBindings,
	"endpointslices.discovery.k8s.io":               waveWorkloads,

	"deployments.apps":         waveWorkloads,
	"statefulsets.apps":        waveWorkloads,
	"daemonsets.apps":          waveWorkloads,
	"cronjobs.batch":           waveWorkloads,
	"replicasets.apps":         waveOwned,
	"controllerrevisions.apps": waveOwned,
	"jobs.batch":               waveOwned,
}

// waveOf returns the wave of the kind.
func waveOf(r cluster.Resource) wave {
	if w, ok := waves[r.String()]; ok {
		return w
	}
	switch {
	case r.Group == "admissionregistration.k8s.io":
		return waveAdmission
	case !transform.BuiltIn(r.Group):
		return waveCustom
	case !r.Namespaced:
		return waveClasses
	}
	return waveRest
}
