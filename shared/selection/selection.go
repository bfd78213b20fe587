package selection

import (
	"fmt"

	"salvor.io/salvor/shared/salvor"
)

// Selection is a scope made ready to decide. It is safe for concurrent use.
type Selection struct {
	scope              salvor.Scope
	include            salvor.Globs
	exclude            salvor.Globs
	nsSelector         *selector
	kinds              Kinds
	excludeKinds       Kinds
	clusterKinds       Kinds
	excludeCluster     Kinds
	closureKinds       Kinds
	closureExclude     Kinds
	closureNamespaces  salvor.Globs
	labels             []*selector
	objects            []*pattern
	filters            []*filter
	fromObjects        bool // namespaces are those that the objects name
	closes, appLevel   bool
	objectsAlone       bool
	onlyServerSelector string
}

// New makes the scope ready. Invalid: a glob, a kind or a selector is malformed.
func New(scope salvor.Scope) (*Selection, error) {
	s := &Selection{scope: scope, closes: scope.ClosureMode() == salvor.ClosureFull, appLevel: scope.AppLevel()}
	if err := s.compileNamespaces(); err != nil {
		return nil, err
	}
	if err := s.compileKinds(); err != nil {
		return nil, err
	}
	if err := s.compileLabels(); err != nil {
		return nil, err
	}
	for i := range scope.Objects {
		p, err := newPattern(&scope.Objects[i])
		if err != nil {
			return nil, fmt.Errorf("scope.objects[%d]: %w", i, err)
		}
		s.objects = append(s.objects, p)
	}
	for i := range scope.Filters {
		f, err := newFilter(&scope.Filters[i])
		if err != nil {
			return nil, fmt.Errorf("scope.filters[%d]: %w", i, err)
		}
		s.filters = append(s.filters, f)
	}
	s.objectsAlone = len(s.objects) > 0 && len(s.labels) == 0
	if scope.LabelSelector != nil && !s.closes && len(s.objects) == 0 {
		s.onlyServerSelector = s.labels[0].String()
	}
	return s, nil
}

func (s *Selection) compileKinds() error {
	closure := s.scope.Closure
	if closure == nil {
		closure = &salvor.Closure{}
	}
	for _, c := range []struct {
		into  *Kinds
		from  []string
		field string
	}{
		{&s.kinds, s.scope.Kinds, "kinds"}, {&s.excludeKinds, s.scope.ExcludeKinds, "excludeKinds"},
		{&s.clusterKinds, s.scope.ClusterKinds, "clusterKinds"}, {&s.excludeCluster, s.scope.ExcludeClusterKinds, "excludeClusterKinds"},
		{&s.closureKinds, closure.Kinds, "closure.kinds"}, {&s.closureExclude, closure.ExcludeKinds, "closure.excludeKinds"},
	} {
		var err error
		if *c.into, err = CompileKinds(c.from); err != nil {
			return fmt.Errorf("scope.%s: %w", c.field, err)
		}
	}
	var err error
	if s.closureNamespaces, err = salvor.CompileGlobs(closure.Namespaces); err != nil {
		return salvor.Errorf(salvor.Invalid, "scope.closure.namespaces: %w", err)
	}
	return nil
}

func (s *Selection) compileLabels() error {
	if s.scope.LabelSelector != nil {
		one, err := newSelector("labelSelector", s.scope.LabelSelector)
		if err != nil {
			return err
		}
		s.labels = append(s.labels, one)
	}
	for i := range s.scope.OrLabelSelectors {
		one, err := newSelector(fmt.Sprintf("orLabelSelectors[%d]", i), &s.scope.OrLabelSelectors[i])
		if err != nil {
			return err
		}
		s.labels = append(s.labels, one)
	}
	return nil
}

// Closes reports whether what chosen objects need is taken with them, so that every object has to be read.
func (s *Selection) Closes() bool { return s.closes }

// Whole reports whether everything in the chosen namespaces is taken, but for what is left out by itself.
func (s *Selection) Whole() bool {
	return !s.appLevel && len(s.kinds)+len(s.excludeKinds)+len(s.filters) == 0
}

// Follows reports whether the closure may follow a reference into the namespace.
func (s *Selection) Follows(namespace string) bool { return s.closureNamespaces.Match(namespace) }

// FollowedByName returns the namespaces that the closure may follow into and that the scope names without a glob: what
// refers to the application from there is looked for, even if no reference leads there.
func (s *Selection) FollowedByName() (names []string) {
	for _, g := range s.closureNamespaces {
		if name, plain := g.Literal(); plain {
			names = append(names, name)
		}
	}
	return names
}

// ServerSelector returns the label selector by which the API server can choose objects of kinds with a namespace; "" when
// that can't be left to it.
func (s *Selection) ServerSelector() string { return s.onlyServerSelector }

// ClusterScoped returns which objects without namespace are wanted.
func (s *Selection) ClusterScoped() salvor.ClusterScoped {
	if s.scope.ClusterScoped == "" {
		return salvor.ClusterScopedNeeded
	}
	return s.scope.ClusterScoped
}
