package cli

import (
	"slices"

	"salvor.io/salvor/shared/restore"
	"salvor.io/salvor/shared/selection"
)

// planTotal counts what one source holds of one namespace, "" for objects without namespace.
type planTotal struct {
	source    *restore.Source
	namespace string
	objects   int64
	kinds     int
}

type planSums struct {
	rows    []planTotal
	objects int64
}

// planTotals counts, by the manifests alone, what a plan can bring back at most.
func planTotals(plan *restore.Plan) (planSums, error) {
	include, err := selection.CompileKinds(plan.Spec.Kinds)
	if err != nil {
		return planSums{}, err
	}
	exclude, err := selection.CompileKinds(plan.Spec.ExcludeKinds)
	if err != nil {
		return planSums{}, err
	}
	var sums planSums
	for _, source := range plan.Sources {
		byNamespace := map[string]*planTotal{}
		for _, kind := range source.Manifest.Kinds {
			if len(include) > 0 && !include.Match(kind.Resource) || exclude.Match(kind.Resource) {
				continue
			}
			seen := map[string]bool{}
			for _, s := range kind.Segments {
				if s.Namespace != "" && !slices.Contains(source.Namespaces, s.Namespace) {
					continue
				}
				row := byNamespace[s.Namespace]
				if row == nil {
					row = &planTotal{source: source, namespace: s.Namespace}
					byNamespace[s.Namespace] = row
				}
				row.objects += s.Objects
				if !seen[s.Namespace] {
					seen[s.Namespace] = true
					row.kinds++
				}
			}
		}
		for _, ns := range append(slices.Clone(source.Namespaces), "") {
			if row := byNamespace[ns]; row != nil {
				sums.rows = append(sums.rows, *row)
				sums.objects += row.objects
			}
		}
	}
	return sums, nil
}
