package salvor

import (
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// kindName is a plural resource or a kind, or a star for all of a group.
var kindName = regexp.MustCompile(`^(\*|[A-Za-z][A-Za-z0-9-]*)$`)

// Validate reports every mistake at once. Whether the cluster has what the scope names shows when it is asked.
func (s *Scope) Validate(p *field.Path) field.ErrorList {
	var errs field.ErrorList
	if !s.choosesAnything() {
		errs = append(errs, field.Required(p.Child("namespaces"),
			`name at least one, or set namespaceSelector, objects, clusterKinds, or clusterScoped: All; "*" takes every namespace`))
	}
	errs = append(errs, validateNamespaces(p.Child("namespaces"), s.Namespaces)...)
	errs = append(errs, validateNamespaces(p.Child("excludeNamespaces"), s.ExcludeNamespaces)...)
	errs = append(errs, validateSelector(p.Child("namespaceSelector"), s.NamespaceSelector)...)
	errs = append(errs, validateKinds(p.Child("kinds"), s.Kinds)...)
	errs = append(errs, validateKinds(p.Child("excludeKinds"), s.ExcludeKinds)...)
	errs = append(errs, validateKinds(p.Child("clusterKinds"), s.ClusterKinds)...)
	errs = append(errs, validateKinds(p.Child("excludeClusterKinds"), s.ExcludeClusterKinds)...)
	errs = append(errs, validateSelector(p.Child("labelSelector"), s.LabelSelector)...)
	errs = append(errs, s.validateOr(p.Child("orLabelSelectors"))...)
	for i := range s.Objects {
		errs = append(errs, s.Objects[i].validate(p.Child("objects").Index(i))...)
		errs = append(errs, s.validateReach(p.Child("objects").Index(i).Child("namespace"), s.Objects[i].Namespace)...)
	}
	for i := range s.Filters {
		errs = append(errs, s.Filters[i].validate(p.Child("filters").Index(i))...)
	}
	errs = append(errs, validateClusterScoped(p.Child("clusterScoped"), s.ClusterScoped)...)
	errs = append(errs, s.Closure.validate(p.Child("closure"))...)
	return append(errs, oneOf(p.Child("onEmpty"), s.OnEmpty, OnEmptyFail, OnEmptyComplete)...)
}

// choosesAnything tells whether the scope names anything at all.
func (s *Scope) choosesAnything() bool {
	return len(s.Namespaces) > 0 || s.NamespaceSelector != nil || len(s.Objects) > 0 || len(s.ClusterKinds) > 0 || s.ClusterScoped == ClusterScopedAll
}

func (s *Scope) validateOr(p *field.Path) field.ErrorList {
	var errs field.ErrorList
	if len(s.OrLabelSelectors) > 0 && s.LabelSelector != nil {
		errs = append(errs, field.Forbidden(p, "can't be given together with labelSelector; put that one into the list"))
	}
	for i := range s.OrLabelSelectors {
		errs = append(errs, validateSelector(p.Index(i), &s.OrLabelSelectors[i])...)
	}
	return errs
}

// validateReach checks that an object is named in a chosen namespace, as far as the scope alone tells: elsewhere it would
// not be looked for.
func (s *Scope) validateReach(p *field.Path, namespace string) field.ErrorList {
	named, err1 := CompileGlobs(s.Namespaces)
	excluded, err2 := CompileGlobs(s.ExcludeNamespaces)
	one, err3 := CompileGlob(namespace)
	if err1 != nil || err2 != nil || err3 != nil || len(validateNamespace(p, namespace)) > 0 {
		return nil // said elsewhere
	}
	name, plain := one.Literal()
	if !plain {
		return nil
	}
	if excluded.Match(name) || len(s.Namespaces) > 0 && s.NamespaceSelector == nil && !named.Match(name) {
		return field.ErrorList{field.Invalid(p, namespace, "is not among the chosen namespaces")}
	}
	return nil
}

func (o *ObjectPattern) validate(p *field.Path) field.ErrorList {
	errs := validateKind(p.Child("kind"), o.Kind)
	if o.Namespace != "" {
		errs = append(errs, validateNamespace(p.Child("namespace"), o.Namespace)...)
	}
	if o.Name == "" {
		return append(errs, field.Required(p.Child("name"), `a name or a glob; "*" for every object of the kind`))
	}
	return append(errs, validateGlob(p.Child("name"), o.Name)...)
}

func (f *KindFilter) validate(p *field.Path) field.ErrorList {
	var errs field.ErrorList
	if len(f.Kinds) == 0 {
		errs = append(errs, field.Required(p.Child("kinds"), "the kinds that the filter is for"))
	}
	errs = append(errs, validateKinds(p.Child("kinds"), f.Kinds)...)
	errs = append(errs, validateSelector(p.Child("labelSelector"), f.LabelSelector)...)
	if f.LabelSelector == nil && len(f.Names) == 0 && len(f.ExcludeNames) == 0 {
		errs = append(errs, field.Required(p, "set labelSelector, names or excludeNames"))
	}
	errs = append(errs, validateNames(p.Child("names"), f.Names)...)
	return append(errs, validateNames(p.Child("excludeNames"), f.ExcludeNames)...)
}

func (c *Closure) validate(p *field.Path) field.ErrorList {
	if c == nil {
		return nil
	}
	errs := oneOf(p.Child("mode"), c.Mode, ClosureFull, ClosureNone)
	errs = append(errs, validateKinds(p.Child("kinds"), c.Kinds)...)
	errs = append(errs, validateKinds(p.Child("excludeKinds"), c.ExcludeKinds)...)
	errs = append(errs, validateNamespaces(p.Child("namespaces"), c.Namespaces)...)
	if c.Mode == ClosureNone && len(c.Kinds)+len(c.ExcludeKinds)+len(c.Namespaces) > 0 {
		errs = append(errs, field.Forbidden(p, "mode None takes nothing that kinds or namespaces could limit"))
	}
	return errs
}

func validateClusterScoped(p *field.Path, c ClusterScoped) field.ErrorList {
	return oneOf(p, c, ClusterScopedNeeded, ClusterScopedAll, ClusterScopedNone)
}

// validateNamespaces checks names and globs. A plain name has to be one that a namespace can have.
func validateNamespaces(p *field.Path, patterns []string) field.ErrorList {
	var errs field.ErrorList
	for i, pattern := range patterns {
		errs = append(errs, validateNamespace(p.Index(i), pattern)...)
	}
	return errs
}

func validateNamespace(p *field.Path, pattern string) field.ErrorList {
	g, err := CompileGlob(pattern)
	if err != nil {
		return field.ErrorList{field.Invalid(p, pattern, err.Error())}
	}
	if name, ok := g.Literal(); ok {
		return invalid(p, pattern, validation.IsDNS1123Label(name))
	}
	return nil
}

// validateNames checks names and globs of objects. What an object may be called depends on its kind.
func validateNames(p *field.Path, patterns []string) field.ErrorList {
	var errs field.ErrorList
	for i, pattern := range patterns {
		errs = append(errs, validateGlob(p.Index(i), pattern)...)
	}
	return errs
}

func validateGlob(p *field.Path, pattern string) field.ErrorList {
	if pattern == "" {
		return field.ErrorList{field.Invalid(p, pattern, "must be a name or a glob")}
	}
	if _, err := CompileGlob(pattern); err != nil {
		return field.ErrorList{field.Invalid(p, pattern, err.Error())}
	}
	return nil
}

// validateKinds checks the notation; whether the cluster has such a kind shows when it is asked.
func validateKinds(p *field.Path, kinds []string) field.ErrorList {
	var errs field.ErrorList
	for i, k := range kinds {
		errs = append(errs, validateKind(p.Index(i), k)...)
	}
	return errs
}

func validateKind(p *field.Path, kind string) field.ErrorList {
	name, group, grouped := strings.Cut(kind, ".")
	if !kindName.MatchString(name) || grouped && len(validation.IsDNS1123Subdomain(group)) > 0 {
		return field.ErrorList{field.Invalid(p, kind, "must be a resource or kind, with or without group: deployments, deployments.apps, Deployment.apps, *.apps")}
	}
	return nil
}
