package cluster

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// DeleteOptions narrow and steer a delete.
type DeleteOptions struct {
	// UID deletes only the object that has it: another of the same name is a conflict.
	UID types.UID
	// Propagation says what becomes of dependents; empty: the kind's default.
	Propagation metav1.DeletionPropagation
}
