package selection

import (
	"fmt"
	"slices"
	"strings"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
)

// namespaces is the kind of the chosen namespaces themselves, which are always taken.
const namespaces = "namespaces"

// steps are kinds between what runs and what made it: a closure follows them even where they are not wanted.
var steps = []string{"pods", "replicasets.apps"}

// Kind reports whether objects of the kind are read. When it is left out by itself, the reason says why.
func (s *Selection) Kind(r cluster.Resource) (read bool, reason string) {
	switch {
	case !r.Can("list") || !r.Can("create"):
		return false, ""
	case s.excluded(r):
		return s.closes && slices.Contains(steps, r.String()), ""
	case r.String() == namespaces || s.named(r):
		return true, ""
	}
	if reason := excludedReason(r.String()); reason != "" {
		if !s.closes && !s.takesKind(r) {
			reason = "" // it is not asked for anyway
		}
		return false, reason
	}
	return s.closes && (r.Namespaced || s.ClusterScoped() != salvor.ClusterScopedNone) || s.wants(r) ||
		!r.Namespaced && s.ClusterScoped() == salvor.ClusterScopedNeeded, ""
}

// Refuse says why objects of the kind are not added for the sake of others, "" when they are.
func (s *Selection) Refuse(r cluster.Resource) string {
	read, reason := s.Kind(r)
	switch {
	case !r.Can("list") || !r.Can("create"):
		return "objects of this kind can't be listed and created"
	case s.excluded(r):
		return "the scope leaves its kind out"
	case !read && reason != "":
		return reason
	case !r.Namespaced && s.ClusterScoped() == salvor.ClusterScopedNone:
		return "the scope takes no objects without namespace"
	case !s.closes:
		return ""
	case s.closureExclude.Match(r), len(s.closureKinds) > 0 && !s.closureKinds.Match(r):
		return "the closure leaves its kind out"
	}
	return ""
}

// Loads reports whether every object of a kind without namespace may be chosen, so that all have to be read.
func (s *Selection) Loads(r cluster.Resource) bool {
	read, _ := s.Kind(r)
	return read && s.wants(r)
}

// excluded reports whether the scope leaves the kind out by its name.
func (s *Selection) excluded(r cluster.Resource) bool {
	return s.excludeKinds.Match(r) || !r.Namespaced && s.excludeCluster.Match(r)
}

// named reports whether the scope names the kind by its own name, not by a glob.
func (s *Selection) named(r cluster.Resource) bool {
	if !r.Namespaced && s.clusterKinds.Names(r) {
		return true
	}
	return s.kinds.Names(r) || slices.ContainsFunc(s.objects, func(p *pattern) bool { return p.kind.Names(r) })
}

// wants reports whether objects of the kind may be chosen.
func (s *Selection) wants(r cluster.Resource) bool {
	if slices.ContainsFunc(s.objects, func(p *pattern) bool { return p.means(r) }) {
		return true
	}
	if !r.Namespaced {
		return s.clusterKinds.Match(r) || s.ClusterScoped() == salvor.ClusterScopedAll && s.takesKind(r)
	}
	return !s.objectsAlone && s.takesKind(r)
}

// takesKind reports whether the scope's kinds hold this one.
func (s *Selection) takesKind(r cluster.Resource) bool { return len(s.kinds) == 0 || s.kinds.Match(r) }

// Unserved returns the kinds that the scope leaves out and that the cluster does not serve, each with its field. That is no
// mistake where one scope is meant for several clusters.
func (s *Selection) Unserved(served []cluster.Resource) (words []string) {
	for _, c := range []struct {
		field string
		kinds Kinds
	}{{"excludeKinds", s.excludeKinds}, {"excludeClusterKinds", s.excludeCluster}, {"closure.excludeKinds", s.closureExclude}} {
		for _, kind := range c.kinds.Unmatched(served) {
			if strings.HasPrefix(kind, "*") {
				continue // a whole group that this cluster lacks
			}
			words = append(words, fmt.Sprintf("scope.%s: the cluster serves no kind %q", c.field, kind))
		}
	}
	return words
}

// CheckKinds finds kinds that the scope names and that can't be what it means. Invalid: the cluster serves none of that
// name, which is most often a mistake in spelling; or it has, or lacks, a namespace.
func (s *Selection) CheckKinds(served []cluster.Resource) error {
	var objects, filters Kinds
	for _, p := range s.objects {
		objects = append(objects, p.kind...)
	}
	for _, f := range s.filters {
		filters = append(filters, f.kinds...)
	}
	for _, c := range []struct {
		field string
		kinds Kinds
	}{{"kinds", s.kinds}, {"clusterKinds", s.clusterKinds}, {"objects", objects}, {"filters", filters}, {"closure.kinds", s.closureKinds}} {
		for _, kind := range c.kinds.Unmatched(served) {
			return salvor.Errorf(salvor.Invalid, "scope.%s: the cluster serves no kind %q", c.field, kind).WithHint("kubectl api-resources lists them")
		}
	}
	for _, r := range served {
		if r.Namespaced && s.clusterKinds.Names(r) && !slices.ContainsFunc(served, func(o cluster.Resource) bool { return !o.Namespaced && s.clusterKinds.Names(o) }) {
			return salvor.Errorf(salvor.Invalid, "scope.clusterKinds: %s have a namespace", r).WithHint("write them into kinds")
		}
		for i, p := range s.objects {
			if r.Namespaced && p.kind.Names(r) && p.namespace == nil && s.fromObjects {
				return salvor.Errorf(salvor.Invalid, "scope.objects[%d]: in which namespace?", i).WithHint("set its namespace, or the scope's namespaces")
			}
		}
	}
	return nil
}
