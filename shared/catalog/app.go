package catalog

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/salvor"
)

// choosesApp reports whether one of the label selectors of the scope requires all the labels.
func choosesApp(s *salvor.Scope, app map[string]string) bool {
	return s.LabelSelector != nil && requires(s.LabelSelector, app) ||
		slices.ContainsFunc(s.OrLabelSelectors, func(one metav1.LabelSelector) bool { return requires(&one, app) })
}

// requires reports whether the selector takes only objects that have each label, or, where it takes several values, that
// one among them.
func requires(s *metav1.LabelSelector, app map[string]string) bool {
	for key, value := range app {
		is := func(r metav1.LabelSelectorRequirement) bool {
			return r.Key == key && r.Operator == metav1.LabelSelectorOpIn && slices.Contains(r.Values, value)
		}
		if v, ok := s.MatchLabels[key]; !(ok && v == value) && !slices.ContainsFunc(s.MatchExpressions, is) {
			return false
		}
	}
	return true
}
