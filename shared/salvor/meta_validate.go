package salvor

import (
	"strings"
	"unicode"

	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// set fills in the kind and version of an object that was made in Go.
func (t *TypeMeta) set(kind string) {
	setDefault(&t.APIVersion, APIVersion)
	setDefault(&t.Kind, kind)
}

// setDefault fills in a value that was left out.
func setDefault[T comparable](p *T, value T) {
	var zero T
	if *p == zero {
		*p = value
	}
}

// validateHead checks what every object has: its kind, name, labels and annotations. A name that gets a suffix
// later leaves room for it.
func validateHead(t *TypeMeta, kind string, m *ObjectMeta, suffix string) field.ErrorList {
	var errs field.ErrorList
	if t.APIVersion != APIVersion {
		errs = append(errs, field.NotSupported(field.NewPath("apiVersion"), t.APIVersion, []string{APIVersion}))
	}
	if t.Kind != kind {
		errs = append(errs, field.NotSupported(field.NewPath("kind"), t.Kind, []string{kind}))
	}
	p := field.NewPath("metadata")
	errs = append(errs, requireName(p.Child("name"), m.Name)...)
	if room := validation.DNS1123SubdomainMaxLength - len(suffix); len(m.Name) > room {
		errs = append(errs, field.TooLong(p.Child("name"), m.Name, room))
	}
	errs = append(errs, metav1validation.ValidateLabels(m.Labels, p.Child("labels"))...)
	return append(errs, apivalidation.ValidateAnnotations(m.Annotations, p.Child("annotations"))...)
}

// requireName checks the name of an object, or of a cluster in stored keys.
func requireName(p *field.Path, name string) field.ErrorList {
	if name == "" {
		return field.ErrorList{field.Required(p, "")}
	}
	return optionalName(p, name)
}

// optionalName checks a name that may be left out.
func optionalName(p *field.Path, name string) field.ErrorList {
	if name == "" {
		return nil
	}
	return invalid(p, name, validation.IsDNS1123Subdomain(name))
}

// invalid makes one error of each message.
func invalid(p *field.Path, value any, messages []string) field.ErrorList {
	var errs field.ErrorList
	for _, m := range messages {
		errs = append(errs, field.Invalid(p, value, m))
	}
	return errs
}

// oneOf checks a choice; left out, it is the default.
func oneOf[T ~string](p *field.Path, value T, choices ...T) field.ErrorList {
	if value == "" {
		return nil
	}
	for _, c := range choices {
		if value == c {
			return nil
		}
	}
	return field.ErrorList{field.NotSupported(p, value, choices)}
}

// exactlyOne checks that one of the fields is set, and no more. The names are in the order of a list for the user.
func exactlyOne(p *field.Path, names []string, set ...bool) field.ErrorList {
	var have []string
	for i, s := range set {
		if s {
			have = append(have, names[i])
		}
	}
	choices := strings.Join(names, ", ")
	switch len(have) {
	case 0:
		return field.ErrorList{field.Required(p, "set exactly one of "+choices)}
	case 1:
		return nil
	}
	var errs field.ErrorList
	for _, name := range have[1:] {
		errs = append(errs, field.Forbidden(p.Child(name), have[0]+" is set too; set exactly one of "+choices))
	}
	return errs
}

// plainText checks a text of one line for people and reports: no control characters, at most max bytes.
func plainText(p *field.Path, s string, max int) field.ErrorList {
	if len(s) > max {
		return field.ErrorList{field.TooLong(p, s, max)}
	}
	if strings.ContainsFunc(s, unicode.IsControl) {
		return field.ErrorList{field.Invalid(p, s, "must not hold control characters or line breaks")}
	}
	return nil
}
