package salvor

import (
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// kindName is a plural resource or a kind, or a star for all of a group.
var kindName = regexp.MustCompile(`^(\*|[A-Za-z][A-Za-z0-9-]*)$`)

func (s *Scope) validate(p *field.Path) field.ErrorList {
	var errs field.ErrorList
	if len(s.Namespaces) == 0 && s.NamespaceSelector == nil && s.ClusterScoped != ClusterScopedAll {
		errs = append(errs, field.Required(p.Child("namespaces"),
			`name at least one, or set namespaceSelector, or clusterScoped: All; "*" takes every namespace`))
	}
	errs = append(errs, validateNamespaces(p.Child("namespaces"), s.Namespaces)...)
	errs = append(errs, validateNamespaces(p.Child("excludeNamespaces"), s.ExcludeNamespaces)...)
	errs = append(errs, validateSelector(p.Child("namespaceSelector"), s.NamespaceSelector)...)
	errs = append(errs, validateKinds(p.Child("kinds"), s.Kinds)...)
	errs = append(errs, validateKinds(p.Child("excludeKinds"), s.ExcludeKinds)...)
	errs = append(errs, validateSelector(p.Child("labelSelector"), s.LabelSelector)...)
	return append(errs, validateClusterScoped(p.Child("clusterScoped"), s.ClusterScoped)...)
}

func validateClusterScoped(p *field.Path, c ClusterScoped) field.ErrorList {
	return oneOf(p, c, ClusterScopedNeeded, ClusterScopedAll, ClusterScopedNone)
}

// validateNamespaces checks names and globs. A plain name has to be one that a namespace can have.
func validateNamespaces(p *field.Path, patterns []string) field.ErrorList {
	var errs field.ErrorList
	for i, pattern := range patterns {
		g, err := CompileGlob(pattern)
		if err != nil {
			errs = append(errs, field.Invalid(p.Index(i), pattern, err.Error()))
			continue
		}
		if name, ok := g.Literal(); ok {
			errs = append(errs, invalid(p.Index(i), pattern, validation.IsDNS1123Label(name))...)
		}
	}
	return errs
}

// validateKinds checks the notation; whether the cluster has such a kind shows when it is asked.
func validateKinds(p *field.Path, kinds []string) field.ErrorList {
	var errs field.ErrorList
	for i, k := range kinds {
		name, group, grouped := strings.Cut(k, ".")
		if !kindName.MatchString(name) || grouped && len(validation.IsDNS1123Subdomain(group)) > 0 {
			errs = append(errs, field.Invalid(p.Index(i), k, "must be a resource or kind, with or without group: deployments, deployments.apps, Deployment.apps, *.apps"))
		}
	}
	return errs
}
