package cluster

// User is who the API server takes a client for.
type User struct {
	Name   string   `json:"name"`
	Groups []string `json:"groups,omitempty"`
}

// Action is something that RBAC may allow. Group and Resource may be "*", for all.
type Action struct {
	Verb        string `json:"verb"`
	Group       string `json:"group"`
	Resource    string `json:"resource"`
	Subresource string `json:"subresource,omitempty"`
	// Namespace is empty for all, and for kinds without.
	Namespace string `json:"namespace,omitempty"`
	// Name of one object; empty for any.
	Name string `json:"name,omitempty"`
}

// String is the action as kubectl auth can-i takes it, such as: list secrets, or create pods/exec.
func (a Action) String() string {
	s := a.Verb + " " + a.Resource
	if a.Group != "" && a.Group != "*" {
		s += "." + a.Group
	}
	if a.Subresource != "" {
		s += "/" + a.Subresource
	}
	if a.Name != "" {
		s += " " + a.Name
	}
	return s
}
