package salvor

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Default fills in what the user left out.
func (r *Restore) Default() {
	r.set(KindRestore)
	setDefault(&r.Spec.ClusterScoped, ClusterScopedNeeded)
	setDefault(&r.Spec.Conflict, ConflictSkip)
}

// Validate reports every mistake at once. The status is the engine's own and is not looked at.
func (r *Restore) Validate() field.ErrorList {
	errs := validateHead(&r.TypeMeta, KindRestore, &r.ObjectMeta, "")
	return append(errs, r.Spec.validate(field.NewPath("spec"))...)
}

func (s *RestoreSpec) validate(p *field.Path) field.ErrorList {
	errs := requireName(p.Child("sourceCluster"), s.SourceCluster)
	errs = append(errs, exactlyOne(p, []string{"backup", "asOf"}, s.Backup != "", !s.AsOf.IsZero())...)
	errs = append(errs, optionalName(p.Child("backup"), s.Backup)...)
	if !s.AsOf.IsZero() && len(s.Namespaces) == 0 {
		errs = append(errs, field.Required(p.Child("namespaces"), `goes with asOf; "*" takes every namespace that was backed up`))
	}
	errs = append(errs, validateNamespaces(p.Child("namespaces"), s.Namespaces)...)
	errs = append(errs, requireName(p.Child("targetCluster"), s.TargetCluster)...)
	errs = append(errs, validateMapping(p.Child("namespaceMapping"), s.NamespaceMapping)...)
	errs = append(errs, s.Volumes.validate(p.Child("volumes"))...)
	errs = append(errs, validateKinds(p.Child("kinds"), s.Kinds)...)
	errs = append(errs, validateKinds(p.Child("excludeKinds"), s.ExcludeKinds)...)
	errs = append(errs, validateSelector(p.Child("labelSelector"), s.LabelSelector)...)
	errs = append(errs, validateClusterScoped(p.Child("clusterScoped"), s.ClusterScoped)...)
	return append(errs, oneOf(p.Child("conflict"), s.Conflict, ConflictSkip, ConflictUpdate, ConflictFail)...)
}

// validateMapping checks old and new names. Two namespaces that become one would be mixed: which of two objects
// of the same name came back would be left to chance.
func validateMapping(p *field.Path, mapping map[string]string) field.ErrorList {
	var errs field.ErrorList
	from := map[string]string{}
	for _, old := range slices.Sorted(maps.Keys(mapping)) {
		name := mapping[old]
		errs = append(errs, invalid(p.Key(old), old, validation.IsDNS1123Label(old))...)
		errs = append(errs, invalid(p.Key(old), name, validation.IsDNS1123Label(name))...)
		if other, taken := from[name]; taken {
			errs = append(errs, field.Invalid(p.Key(old), name, "is the new name of "+other+" too; restore the two one after the other to mix them on purpose"))
		}
		from[name] = old
	}
	return errs
}
