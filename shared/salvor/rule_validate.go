package salvor

import (
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// DefaultActionTimeout ends an action that does not say how long it may take.
const DefaultActionTimeout = 60 * time.Second

// maxRuleName keeps reports readable.
const maxRuleName = 63

// Default fills in names, timeouts and what to do on errors.
func (r *Rule) Default() {
	r.set(KindRule)
	for i := range r.Spec.SubRules {
		s := &r.Spec.SubRules[i]
		setDefault(&s.Name, strconv.Itoa(i+1))
		setDefault(&s.OnNoPods, OnNoPodsWarn)
		for j := range s.Actions {
			a := &s.Actions[j]
			setDefault(&a.Name, strconv.Itoa(j+1))
			setDefault(&a.Timeout, metav1.Duration{Duration: DefaultActionTimeout})
			setDefault(&a.OnError, OnErrorFail)
		}
	}
}

// Validate reports every mistake at once.
func (r *Rule) Validate() field.ErrorList {
	errs := validateHead(&r.TypeMeta, KindRule, &r.ObjectMeta, "")
	p := field.NewPath("spec", "subRules")
	if len(r.Spec.SubRules) == 0 {
		errs = append(errs, field.Required(p, "at least one"))
	}
	seen := map[string]bool{}
	for i := range r.Spec.SubRules {
		s := &r.Spec.SubRules[i]
		errs = append(errs, reportName(p.Index(i).Child("name"), s.Name, seen)...)
		errs = append(errs, s.validate(p.Index(i))...)
	}
	return errs
}

func (s *SubRule) validate(p *field.Path) field.ErrorList {
	var errs field.ErrorList
	if len(s.PodSelectors) == 0 {
		errs = append(errs, field.Required(p.Child("podSelectors"), "at least one; {} chooses every pod"))
	}
	for i := range s.PodSelectors {
		errs = append(errs, validateSelector(p.Child("podSelectors").Index(i), &s.PodSelectors[i])...)
	}
	errs = append(errs, oneOf(p.Child("onNoPods"), s.OnNoPods, OnNoPodsWarn, OnNoPodsFail)...)
	if len(s.Actions) == 0 {
		errs = append(errs, field.Required(p.Child("actions"), "at least one"))
	}
	seen := map[string]bool{}
	for i := range s.Actions {
		a, p := &s.Actions[i], p.Child("actions").Index(i)
		errs = append(errs, reportName(p.Child("name"), a.Name, seen)...)
		errs = append(errs, a.validate(p)...)
	}
	return errs
}

func (a *Action) validate(p *field.Path) field.ErrorList {
	errs := exactlyOne(p, []string{"shell", "command"}, a.Shell != "", a.Command != nil)
	if a.Command != nil && (len(a.Command) == 0 || a.Command[0] == "") {
		errs = append(errs, field.Required(p.Child("command"), "the program to run comes first"))
	}
	if a.Container != "" {
		errs = append(errs, invalid(p.Child("container"), a.Container, validation.IsDNS1123Label(a.Container))...)
	}
	errs = append(errs, positive(p.Child("timeout"), a.Timeout)...)
	return append(errs, oneOf(p.Child("onError"), a.OnError, OnErrorFail, OnErrorContinue)...)
}

// reportName checks a name that only reports show; two of the same could not be told apart there.
func reportName(p *field.Path, name string, seen map[string]bool) field.ErrorList {
	if name == "" {
		return nil
	}
	if seen[name] {
		return field.ErrorList{field.Duplicate(p, name)}
	}
	seen[name] = true
	return plainText(p, name, maxRuleName)
}

// positive checks a duration; zero means that it was left out.
func positive(p *field.Path, d metav1.Duration) field.ErrorList {
	if d.Duration < 0 {
		return field.ErrorList{field.Invalid(p, d.Duration.String(), "must be more than 0")}
	}
	return nil
}
