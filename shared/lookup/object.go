package lookup

import (
	"strings"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
)

// Object is the object that is looked for, in one namespace.
type Object struct {
	// Kind is its plural or its kind, with or without group: deployments, Deployment, deployments.apps.
	Kind string
	Name string
}

// ParseObject reads kind/name, such as deployments/web. Invalid.
func ParseObject(s string) (Object, error) {
	kind, name, ok := strings.Cut(s, "/")
	if !ok || kind == "" || name == "" || strings.ContainsAny(s, "*?[{ ") {
		return Object{}, salvor.Errorf(salvor.Invalid, "%q does not name an object", s).WithHint("such as deployments/web or certificates.cert-manager.io/shop")
	}
	return Object{Kind: kind, Name: name}, nil
}

// is reports whether the object is of the kind.
func (o Object) is(r cluster.Resource) bool {
	for _, name := range []string{r.Name, r.Kind} {
		if strings.EqualFold(o.Kind, name) || r.Group != "" && strings.EqualFold(o.Kind, name+"."+r.Group) {
			return true
		}
	}
	return false
}

// segments returns those of the manifest that may hold the object.
func (o Object) segments(m *archive.Manifest, namespace string) (may []archive.Segment) {
	for _, k := range m.Kinds {
		if !o.is(k.Resource) {
			continue
		}
		for _, s := range k.Segments {
			if s.Namespace == namespace && s.First <= o.Name && o.Name <= s.Last {
				may = append(may, s)
			}
		}
	}
	return may
}
