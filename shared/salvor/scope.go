package salvor

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Scope says what a backup takes.
//
// A namespace-level scope takes all that is in the chosen namespaces. An app-level scope, one with label selectors or
// single objects, takes what these choose and, by its closure, what the chosen objects need. It chooses namespaces, by
// name or NamespaceSelector, or objects, unless ClusterScoped is All or ClusterKinds are given.
type Scope struct {
	// Namespaces are names or globs (* ? [abc] {a,b}). A name without glob characters that does not exist is a failure; a glob may match nothing.
	Namespaces []string `json:"namespaces,omitempty"`
	// ExcludeNamespaces are names or globs that are left out.
	ExcludeNamespaces []string `json:"excludeNamespaces,omitempty"`
	// NamespaceSelector adds the namespaces whose labels match.
	NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector,omitempty"`
	// Kinds are plural resource names or kinds, with or without group: deployments, deployments.apps, Deployment.apps, *.apps. Empty: every kind.
	Kinds []string `json:"kinds,omitempty"`
	// ExcludeKinds are left out, in the same notation, also where a chosen object needs them.
	ExcludeKinds []string `json:"excludeKinds,omitempty"`
	// ClusterKinds are kinds without namespace of which every object is taken, besides what ClusterScoped takes; the other kinds of the scope do not hold for them.
	ClusterKinds []string `json:"clusterKinds,omitempty"`
	// ExcludeClusterKinds are kinds without namespace that are left out, also where a chosen object needs them.
	ExcludeClusterKinds []string `json:"excludeClusterKinds,omitempty"`
	// LabelSelector takes only objects whose labels match; the namespaces themselves are always taken.
	LabelSelector *metav1.LabelSelector `json:"labelSelector,omitempty"`
	// OrLabelSelectors takes only objects that one of the selectors matches. It can't be given together with LabelSelector.
	OrLabelSelectors []metav1.LabelSelector `json:"orLabelSelectors,omitempty"`
	// Objects takes single objects, besides those that a label selector takes. Without a label selector, it takes them alone.
	Objects []ObjectPattern `json:"objects,omitempty"`
	// Filters narrow what is chosen of some kinds. An object must pass every filter of its kind.
	Filters []KindFilter `json:"filters,omitempty"`
	// ClusterScoped says which objects without namespace are taken. Default: Needed.
	ClusterScoped ClusterScoped `json:"clusterScoped,omitempty"`
	// Closure says what is taken because chosen objects need it. Default: Full for an app-level scope, None for others.
	Closure *Closure `json:"closure,omitempty"`
	// OnEmpty says how a backup ends that nothing was chosen for. Default: Fail for an app-level scope, Complete for others.
	OnEmpty OnEmpty `json:"onEmpty,omitempty"`
}

// ObjectPattern names objects of one kind.
type ObjectPattern struct {
	// Kind is one kind, in the notation of Kinds.
	Kind string `json:"kind"`
	// Namespace is a name or a glob, among the chosen namespaces; when the scope chooses none, it chooses them. Empty: all of them.
	// An object without namespace has none.
	Namespace string `json:"namespace,omitempty"`
	// Name is a name or a glob. An object that is named without glob characters and does not exist is a failure.
	Name string `json:"name"`
}

// KindFilter narrows what is chosen of the kinds that it names. What a chosen object needs is taken in spite of
// its labels and its name, but never what ExcludeNames matches.
type KindFilter struct {
	// Kinds that the filter is for, in the notation of Scope.Kinds.
	Kinds []string `json:"kinds"`
	// LabelSelector chooses only objects whose labels match.
	LabelSelector *metav1.LabelSelector `json:"labelSelector,omitempty"`
	// Names are names or globs, of which one has to match. Empty: every name.
	Names []string `json:"names,omitempty"`
	// ExcludeNames are names or globs of objects that are left out.
	ExcludeNames []string `json:"excludeNames,omitempty"`
}

// Closure says what is taken besides the chosen objects because they need it, all of the same moment: ConfigMaps and
// Secrets that pods name, their claims, their ServiceAccount with its roles, the Services and routes that lead to them,
// what scales and guards them, owners, definitions. It stays inside the chosen namespaces unless told otherwise.
type Closure struct {
	// Mode switches it on or off. Default: Full.
	Mode ClosureMode `json:"mode,omitempty"`
	// Kinds are the only ones that it may add, in the notation of Scope.Kinds. Empty: every kind.
	Kinds []string `json:"kinds,omitempty"`
	// ExcludeKinds are not added, and not followed any further.
	ExcludeKinds []string `json:"excludeKinds,omitempty"`
	// Namespaces are names or globs of other namespaces that it may follow a reference into. In those that are named without glob
	// characters, it also looks for what refers to the application. Default: none.
	Namespaces []string `json:"namespaces,omitempty"`
}

// ClosureMode switches a Closure on or off.
type ClosureMode string

// The choices of ClosureMode.
const (
	// ClosureFull takes what the chosen objects need, what that needs in turn, and so on.
	ClosureFull ClosureMode = "Full"
	// ClosureNone takes the chosen objects alone; what they need of objects without namespace is the business of ClusterScoped.
	ClosureNone ClosureMode = "None"
)

// OnEmpty says how a backup ends for which nothing was chosen.
type OnEmpty string

// The choices of OnEmpty.
const (
	// OnEmptyFail ends it as Failed, and says which selector matched nothing.
	OnEmptyFail OnEmpty = "Fail"
	// OnEmptyComplete ends it as Completed, with a warning that says the same.
	OnEmptyComplete OnEmpty = "Complete"
)

// ClusterScoped says which objects without namespace a backup takes.
type ClusterScoped string

// The choices of ClusterScoped.
const (
	// ClusterScopedNeeded takes the chosen namespaces themselves and what the chosen objects cannot live without: the CRDs of
	// chosen custom resources, PVs of claims, the classes that are named, cluster roles that are bound, webhooks that a chosen
	// Service answers, and custom resources without namespace that chosen objects name or are owned by.
	ClusterScopedNeeded ClusterScoped = "Needed"
	// ClusterScopedAll takes all that a control plane does not make by itself.
	ClusterScopedAll ClusterScoped = "All"
	// ClusterScopedNone takes only the chosen namespaces themselves.
	ClusterScopedNone ClusterScoped = "None"
)

// AppLevel reports whether labels or names choose the objects, so that a namespace may be taken in part.
func (s *Scope) AppLevel() bool {
	return s.LabelSelector != nil || len(s.OrLabelSelectors) > 0 || len(s.Objects) > 0
}

// ClosureMode returns the mode of the closure, or its default.
func (s *Scope) ClosureMode() ClosureMode {
	switch {
	case s.Closure != nil && s.Closure.Mode != "":
		return s.Closure.Mode
	case s.Closure != nil || s.AppLevel():
		return ClosureFull
	}
	return ClosureNone
}

// EmptyMode returns how the backup ends when nothing was chosen, or the default.
func (s *Scope) EmptyMode() OnEmpty {
	switch {
	case s.OnEmpty != "":
		return s.OnEmpty
	case s.AppLevel():
		return OnEmptyFail
	}
	return OnEmptyComplete
}
