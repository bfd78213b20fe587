package salvor

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Scope says what a backup takes. At least one of Namespaces and NamespaceSelector is set, unless ClusterScoped is All.
type Scope struct {
	// Namespaces are names or globs (* ? [abc] {a,b}). A name without glob characters that does not exist is a failure; a glob may match nothing.
	Namespaces []string `json:"namespaces,omitempty"`
	// ExcludeNamespaces are names or globs that are left out.
	ExcludeNamespaces []string `json:"excludeNamespaces,omitempty"`
	// NamespaceSelector adds the namespaces whose labels match.
	NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector,omitempty"`
	// Kinds are plural resource names or kinds, with or without group: deployments, deployments.apps, Deployment.apps, *.apps. Empty: every kind.
	Kinds []string `json:"kinds,omitempty"`
	// ExcludeKinds are left out, in the same notation.
	ExcludeKinds []string `json:"excludeKinds,omitempty"`
	// LabelSelector takes only objects whose labels match; the namespaces themselves are always taken.
	LabelSelector *metav1.LabelSelector `json:"labelSelector,omitempty"`
	// ClusterScoped says which objects without namespace are taken. Default: Needed.
	ClusterScoped ClusterScoped `json:"clusterScoped,omitempty"`
}

// ClusterScoped says which objects without namespace a backup takes.
type ClusterScoped string

// The choices of ClusterScoped.
const (
	// ClusterScopedNeeded takes the chosen namespaces themselves and what the chosen objects cannot live without:
	// the CRDs of chosen custom resources, PVs of claims, storage, priority, runtime and ingress classes that are named, cluster roles that are bound.
	ClusterScopedNeeded ClusterScoped = "Needed"
	// ClusterScopedAll takes all that a control plane does not make by itself.
	ClusterScopedAll ClusterScoped = "All"
	// ClusterScopedNone takes only the chosen namespaces themselves.
	ClusterScopedNone ClusterScoped = "None"
)
