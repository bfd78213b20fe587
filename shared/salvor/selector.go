package salvor

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Selector compiles a label selector. Nil selects nothing and an empty one everything, as in Kubernetes; a caller
// for whom a selector that was left out means everything asks for nil first. Invalid: the selector is wrong.
func Selector(s *metav1.LabelSelector) (labels.Selector, error) {
	sel, err := metav1.LabelSelectorAsSelector(s)
	if err != nil {
		return nil, Errorf(Invalid, "reading label selector: %w", err)
	}
	return sel, nil
}

// validateSelector checks a selector that may be left out.
func validateSelector(p *field.Path, s *metav1.LabelSelector) field.ErrorList {
	return metav1validation.ValidateLabelSelector(s, metav1validation.LabelSelectorValidationOptions{}, p)
}
