// Package stork reads the rules of Stork (https://github.com/libopenstorage/stork), which PX-Backup runs too, and turns
// them into Salvor's.
//
// Its nouns: a Rule is Stork's object, in a namespace; an item of it is a sub-rule of Salvor's; its actions are commands.
// What becomes different is told in notes, at the place where it matters, and in Differences.
package stork

import (
	"fmt"

	"salvor.io/salvor/shared/salvor"
)

// group and APIVersion are those of Stork's objects.
const (
	group      = "stork.libopenstorage.org/"
	APIVersion = group + "v1alpha1"
)

// Rule is a rule of Stork's.
type Rule struct {
	// APIVersion is stork.libopenstorage.org/v1alpha1.
	APIVersion string `json:"apiVersion"`
	// Kind is Rule.
	Kind string `json:"kind"`
	// Metadata is that of a Kubernetes object.
	Metadata Metadata `json:"metadata"`
	// Rules run one after the other.
	Rules []Item `json:"rules"`
}

// Metadata is what the metadata of a Kubernetes object may hold, as kubectl prints it.
type Metadata struct {
	Name        string            `json:"name"`
	Namespace   string            `json:"namespace"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`

	// What only an object in a cluster has.
	GenerateName               any `json:"generateName"`
	SelfLink                   any `json:"selfLink"`
	UID                        any `json:"uid"`
	ResourceVersion            any `json:"resourceVersion"`
	Generation                 any `json:"generation"`
	CreationTimestamp          any `json:"creationTimestamp"`
	DeletionTimestamp          any `json:"deletionTimestamp"`
	DeletionGracePeriodSeconds any `json:"deletionGracePeriodSeconds"`
	OwnerReferences            any `json:"ownerReferences"`
	Finalizers                 any `json:"finalizers"`
	ManagedFields              any `json:"managedFields"`
}

// Item is actions for the pods that have all of some labels.
type Item struct {
	PodSelector map[string]string `json:"podSelector"`
	Container   string            `json:"container"`
	Actions     []Action          `json:"actions"`
}

// Action is one command.
type Action struct {
	// Type is command; there is no other.
	Type           string `json:"type"`
	Background     bool   `json:"background"`
	RunInSinglePod bool   `json:"runInSinglePod"`
	// Value is a line for a shell.
	Value string `json:"value"`
}

// Kinds knows Stork's Rule.
func Kinds(apiVersion, kind string) (salvor.Foreign, error) {
	switch {
	case len(apiVersion) < len(group) || apiVersion[:len(group)] != group:
		return nil, nil
	case kind != "Rule":
		return nil, fmt.Errorf("of Stork's kinds only Rule is taken, not %s", kind)
	case apiVersion != APIVersion:
		return nil, fmt.Errorf("of Stork's versions only %s is known, not %s", APIVersion, apiVersion)
	}
	return &Rule{}, nil
}
