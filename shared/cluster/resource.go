package cluster

import "slices"

// Resource is one kind of object that an API server serves, in the version the server prefers.
type Resource struct {
	// Group is empty for the core group.
	Group   string `json:"group,omitempty"`
	Version string `json:"version"`
	// Name is the plural in URLs, such as deployments.
	Name string `json:"resource"`
	// Kind as in an object's kind field, such as Deployment.
	Kind       string `json:"kind"`
	Namespaced bool   `json:"namespaced,omitempty"`
	// Verbs that the server offers for it; not stored.
	Verbs []string `json:"-"`
}

// String returns name.group, such as deployments.apps, or the bare name in the core group.
func (r Resource) String() string {
	if r.Group == "" {
		return r.Name
	}
	return r.Name + "." + r.Group
}

// APIVersion returns group/version, or the bare version in the core group.
func (r Resource) APIVersion() string {
	if r.Group == "" {
		return r.Version
	}
	return r.Group + "/" + r.Version
}

// Can reports whether the server offers the verb.
func (r Resource) Can(verb string) bool { return slices.Contains(r.Verbs, verb) }

// Path returns the URL path of the collection in the namespace (of all namespaces when it is empty), and of one object when name is given.
func (r Resource) Path(namespace, name string) string {
	p := "/api/" + r.Version
	if r.Group != "" {
		p = "/apis/" + r.Group + "/" + r.Version
	}
	if namespace != "" && r.Namespaced {
		p += "/namespaces/" + namespace
	}
	p += "/" + r.Name
	if name != "" {
		p += "/" + name
	}
	return p
}

// Discovery is what an API server serves.
type Discovery struct {
	// Resources in their preferred versions, sorted by String; each once.
	Resources []Resource
	// Stale are groups/versions whose aggregated API server did not answer; their resources may be missing.
	Stale []string
}
