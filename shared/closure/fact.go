package closure

import "k8s.io/apimachinery/pkg/labels"

// Relation says what follows from a reference of one object to another.
type Relation uint8

// The relations; the package's comment explains them.
const (
	Need Relation = iota
	Act
	Guard
	Own
	Record
)

// Ref is a reference of an object to one other.
type Ref struct {
	Relation Relation
	// Kind of the target as resource.group. When it is empty, Group and Type tell the kind.
	Kind string
	// Group of the target, "*" when the object doesn't tell, and its kind such as Deployment.
	Group, Type string
	// Namespace of the target; empty: that of the object.
	Namespace string
	Name      string
	// Why says it of the target, such as "env of"; Back of the object, such as "scales". The other's kind and name follow.
	Why, Back string
	// Optional: nobody misses the target when it is not there.
	Optional bool
}

// Selects is a reference to all objects with some labels in the object's namespace.
type Selects struct {
	// Relation is Need, Act or Guard.
	Relation Relation
	// Domain is Pods, or a kind as resource.group whose own labels count.
	Domain    string
	Selector  labels.Selector
	Why, Back string
}

// Pods is the domain of what runs pods: pods by their labels, workloads by those of their template.
const Pods = "pods"

// Facts are what one object says about others.
type Facts struct {
	Refs    []Ref
	Selects []Selects
	// Labels by which selectors of the Domain find the object.
	Domain string
	Labels map[string]string
	// Aliases are other names that the object answers to.
	Aliases []Alias
}

// Alias is a name that an object answers to besides its own, such as a claim to the template that it was made from.
// A Ref to it has the Kind and Name of the alias.
type Alias struct{ Kind, Name string }

// The kinds of aliases; none is a kind of a cluster.
const (
	claimsOf     = "claims of a template"
	subjectGroup = "group of service accounts"
	helmRelease  = "records of a Helm release"
)

func (f *Facts) add(r Ref) {
	if r.Name != "" {
		f.Refs = append(f.Refs, r)
	}
}

// need adds a reference to something that has to be there.
func (f *Facts) need(kind, name, why string) { f.add(Ref{Kind: kind, Name: name, Why: why}) }

// want adds a reference to something that may be missing.
func (f *Facts) want(kind, name, why string) {
	f.add(Ref{Kind: kind, Name: name, Why: why, Optional: true})
}

// alias adds a name that the object answers to.
func (f *Facts) alias(kind, name string) { f.Aliases = append(f.Aliases, Alias{kind, name}) }
