package salvor

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Retention is how many backups of a schedule to keep. A backup goes when no rule keeps it. Days and the like are those
// of the policy's time zone. Every result is counted by itself: failed and partial backups push out no complete ones.
type Retention struct {
	// Last keeps the newest n that are complete, and beside them the newest n of other results. 0: it keeps none.
	Last int `json:"last,omitempty" jsonschema:"minimum=0"`
	// Hourly keeps the newest backup of each of the n newest hours that have one. 0: it keeps none.
	Hourly int `json:"hourly,omitempty" jsonschema:"minimum=0"`
	// Daily keeps the newest backup of each of the n newest days that have one.
	Daily int `json:"daily,omitempty" jsonschema:"minimum=0"`
	// Weekly keeps the newest backup of each of the n newest weeks, Monday to Sunday, that have one.
	Weekly int `json:"weekly,omitempty" jsonschema:"minimum=0"`
	// Monthly keeps the newest backup of each of the n newest months that have one.
	Monthly int `json:"monthly,omitempty" jsonschema:"minimum=0"`
	// Yearly keeps the newest backup of each of the n newest years that have one.
	Yearly int `json:"yearly,omitempty" jsonschema:"minimum=0"`
	// Within keeps what is younger. 0: it keeps none.
	Within metav1.Duration `json:"within,omitzero"`
	// Matching keeps every backup whose labels match. Left out: it keeps none.
	Matching *metav1.LabelSelector `json:"matching,omitempty"`
}

// KeepsAll reports whether there is no rule at all, so that nothing goes.
func (r Retention) KeepsAll() bool { return r == Retention{} }

func (r *Retention) validate(p *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, n := range []struct {
		name  string
		value int
	}{{"last", r.Last}, {"hourly", r.Hourly}, {"daily", r.Daily}, {"weekly", r.Weekly}, {"monthly", r.Monthly}, {"yearly", r.Yearly}} {
		if n.value < 0 {
			errs = append(errs, field.Invalid(p.Child(n.name), n.value, "must be more than 0"))
		}
	}
	errs = append(errs, positive(p.Child("within"), r.Within)...)
	if m := r.Matching; m != nil && len(m.MatchLabels)+len(m.MatchExpressions) == 0 {
		// It would match everything, which is the opposite of what leaving it out means.
		errs = append(errs, field.Required(p.Child("matching"), "a label to match; leave it out to keep nothing for its labels"))
	}
	return append(errs, validateSelector(p.Child("matching"), r.Matching)...)
}
