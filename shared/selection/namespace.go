package selection

import (
	"fmt"
	"slices"

	"salvor.io/salvor/shared/salvor"
)

// Namespace is a namespace of the cluster.
type Namespace struct {
	Name   string
	Labels map[string]string
	// Ending says that it is being deleted.
	Ending bool
}

// Namespaces are what a scope says of those of a cluster.
type Namespaces struct {
	// Chosen are taken, sorted.
	Chosen []string
	// Missing are plain names in the scope that do not exist, sorted.
	Missing []string
	// OptedOut would be taken by a glob or a selector, and say by a label that they don't want to, sorted.
	OptedOut []string
	// Ending would be taken, and are being deleted, sorted: what is left of them is taken where the scope names them, for a
	// backup that has a namespace counts as one of it.
	Ending []string
}

func (s *Selection) compileNamespaces() error {
	names := s.scope.Namespaces
	if len(names) == 0 && s.scope.NamespaceSelector == nil {
		s.fromObjects = true
		for _, o := range s.scope.Objects {
			if o.Namespace != "" {
				names = append(names, o.Namespace)
			}
		}
	}
	var err error
	if s.include, err = salvor.CompileGlobs(names); err != nil {
		return salvor.Errorf(salvor.Invalid, "scope.namespaces: %w", err)
	}
	if s.exclude, err = salvor.CompileGlobs(s.scope.ExcludeNamespaces); err != nil {
		return salvor.Errorf(salvor.Invalid, "scope.excludeNamespaces: %w", err)
	}
	if s.scope.NamespaceSelector != nil {
		s.nsSelector, err = newSelector("namespaceSelector", s.scope.NamespaceSelector)
	}
	return err
}

// PlainNamespaces returns the names of the namespaces when the scope gives plain names only, so that nobody has to be
// asked which there are.
func (s *Selection) PlainNamespaces() ([]string, bool) {
	var names []string
	for _, g := range s.include {
		name, plain := g.Literal()
		if !plain {
			return nil, false
		}
		if !s.exclude.Match(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), s.nsSelector == nil && len(s.include) > 0
}

// Namespaces decides about all namespaces of the cluster.
func (s *Selection) Namespaces(all []Namespace) Namespaces {
	var n Namespaces
	exists := map[string]bool{}
	for _, ns := range all {
		exists[ns.Name] = true
		named := s.names(ns.Name)
		switch {
		case s.exclude.Match(ns.Name):
		case !named && !s.include.Match(ns.Name) && (s.nsSelector == nil || !s.nsSelector.matches(ns.Labels)):
		case !named && ns.Labels[OptOutLabel] == "true":
			n.OptedOut = append(n.OptedOut, ns.Name)
		default:
			if ns.Ending {
				n.Ending = append(n.Ending, ns.Name)
			}
			if named || !ns.Ending {
				n.Chosen = append(n.Chosen, ns.Name)
			}
		}
	}
	for _, g := range s.include {
		if name, plain := g.Literal(); plain && !exists[name] {
			n.Missing = append(n.Missing, name)
		}
	}
	slices.Sort(n.Chosen)
	slices.Sort(n.OptedOut)
	slices.Sort(n.Missing)
	slices.Sort(n.Ending)
	n.Missing = slices.Compact(n.Missing)
	return n
}

// names reports whether the scope names the namespace without a glob.
func (s *Selection) names(namespace string) bool {
	return slices.ContainsFunc(s.include, func(g *salvor.Glob) bool {
		name, plain := g.Literal()
		return plain && name == namespace
	})
}

// noNamespace says which words of the scope choose no namespace.
func (s *Selection) noNamespace() string {
	switch {
	case len(s.include) == 0 && s.nsSelector == nil:
		return "the scope names no namespace"
	case s.nsSelector == nil:
		return fmt.Sprintf("no namespace matches %v", s.include)
	case len(s.include) == 0:
		return fmt.Sprintf("no namespace matches namespaceSelector %q", s.nsSelector)
	}
	return fmt.Sprintf("no namespace matches %v or namespaceSelector %q", s.include, s.nsSelector)
}
