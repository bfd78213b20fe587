package selection

import (
	"fmt"
	"strings"
)

// Unmatched are the words of a scope that matched nothing, once every object has been looked at.
type Unmatched struct {
	// Named objects that do not exist, as kind and name: they are missing from the backup.
	Named []string
	// Selectors and globs that matched no object, as the scope has them.
	Patterns []string
}

// Unmatched tells which words matched nothing. It is to be asked after all objects were shown to Choosers.
func (s *Selection) Unmatched() Unmatched {
	var u Unmatched
	for _, l := range s.labels {
		if l.hits.Load() == 0 && s.onlyServerSelector == "" {
			u.Patterns = append(u.Patterns, fmt.Sprintf("%s %q", l.field, l))
		}
	}
	for _, p := range s.objects {
		_, plain := p.name.Literal()
		if p.namespace != nil {
			_, plainNamespace := p.namespace.Literal()
			plain = plain && plainNamespace
		}
		switch {
		case p.hits.Load() > 0:
		case plain:
			u.Named = append(u.Named, p.text)
		default:
			u.Patterns = append(u.Patterns, fmt.Sprintf("objects %q", p.text))
		}
	}
	return u
}

// Nothing says why nothing was chosen in the namespaces.
func (s *Selection) Nothing(namespaces []string) string {
	if len(namespaces) == 0 {
		return s.noNamespace()
	}
	var words []string
	for _, l := range s.labels {
		words = append(words, fmt.Sprintf("%s %q", l.field, l))
	}
	for _, p := range s.objects {
		words = append(words, fmt.Sprintf("objects %q", p.text))
	}
	if len(s.kinds) > 0 {
		words = append(words, "kinds "+strings.Join(s.scope.Kinds, ", "))
	}
	if len(s.filters) > 0 {
		words = append(words, "filters")
	}
	if len(words) == 0 {
		return fmt.Sprintf("there is nothing in %s", strings.Join(namespaces, ", "))
	}
	return fmt.Sprintf("no object in %s matches %s", strings.Join(namespaces, ", "), strings.Join(words, " or "))
}
