package selection

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
)

// Selection is a scope made ready to decide.
type Selection struct {
	scope         salvor.Scope
	include       salvor.Globs
	exclude       salvor.Globs
	nsSelector    labels.Selector
	kinds         Kinds
	excludeKinds  Kinds
	labelSelector string
}

// Namespace is a namespace of the cluster.
type Namespace struct {
	Name   string
	Labels map[string]string
}

// New makes the scope ready. Invalid: a glob, a kind or a selector is malformed.
func New(scope salvor.Scope) (*Selection, error) {
	s := &Selection{scope: scope, nsSelector: labels.Nothing()}
	var err error
	if s.include, err = salvor.CompileGlobs(scope.Namespaces); err != nil {
		return nil, salvor.Errorf(salvor.Invalid, "scope.namespaces: %w", err)
	}
	if s.exclude, err = salvor.CompileGlobs(scope.ExcludeNamespaces); err != nil {
		return nil, salvor.Errorf(salvor.Invalid, "scope.excludeNamespaces: %w", err)
	}
	if s.kinds, err = CompileKinds(scope.Kinds); err != nil {
		return nil, fmt.Errorf("scope.kinds: %w", err)
	}
	if s.excludeKinds, err = CompileKinds(scope.ExcludeKinds); err != nil {
		return nil, fmt.Errorf("scope.excludeKinds: %w", err)
	}
	if scope.NamespaceSelector != nil {
		if s.nsSelector, err = metav1.LabelSelectorAsSelector(scope.NamespaceSelector); err != nil {
			return nil, salvor.Errorf(salvor.Invalid, "scope.namespaceSelector: %w", err)
		}
	}
	if scope.LabelSelector != nil {
		selector, err := metav1.LabelSelectorAsSelector(scope.LabelSelector)
		if err != nil {
			return nil, salvor.Errorf(salvor.Invalid, "scope.labelSelector: %w", err)
		}
		s.labelSelector = selector.String()
	}
	return s, nil
}

// LabelSelector returns the scope's label selector in kubectl's notation, "" when there is none.
func (s *Selection) LabelSelector() string { return s.labelSelector }

// ClusterScoped returns which objects without namespace are wanted.
func (s *Selection) ClusterScoped() salvor.ClusterScoped {
	if s.scope.ClusterScoped == "" {
		return salvor.ClusterScopedNeeded
	}
	return s.scope.ClusterScoped
}

// Kind reports whether objects of the kind are taken. When it is left out by itself, the reason says why.
func (s *Selection) Kind(r cluster.Resource) (take bool, reason string) {
	if !r.Can("list") || !r.Can("create") || s.excludeKinds.Match(r) {
		return false, ""
	}
	if needable(r) && s.ClusterScoped() == salvor.ClusterScopedNeeded {
		return true, "" // only what is needed of it, whatever kinds are asked for
	}
	if r.String() == namespaces {
		return true, ""
	}
	if len(s.kinds) > 0 && !s.kinds.Match(r) {
		return false, ""
	}
	if reason := excludedReason(r.String()); reason != "" && !s.kinds.Names(r) {
		return false, reason
	}
	return true, ""
}

// UnknownKinds returns the kinds that the scope names and the cluster does not serve.
func (s *Selection) UnknownKinds(served []cluster.Resource) []string {
	return s.kinds.Unmatched(served)
}

// Namespaces returns which of the namespaces are chosen, sorted, and the plain names in the scope that do not exist.
func (s *Selection) Namespaces(all []Namespace) (chosen, missing []string) {
	exists := map[string]bool{}
	for _, ns := range all {
		exists[ns.Name] = true
		if s.exclude.Match(ns.Name) {
			continue
		}
		if s.include.Match(ns.Name) || s.nsSelector.Matches(labels.Set(ns.Labels)) {
			chosen = append(chosen, ns.Name)
		}
	}
	for _, g := range s.include {
		if name, plain := g.Literal(); plain && !exists[name] {
			missing = append(missing, name)
		}
	}
	slices.Sort(chosen)
	slices.Sort(missing)
	return chosen, slices.Compact(missing)
}
