package salvor

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Hold keeps a backup from being deleted, by retention or by hand, until it is released.
type Hold struct {
	// By is who asked for it.
	By string `json:"by,omitempty"`
	// Since is when.
	Since metav1.Time `json:"since,omitzero"`
	// Reason is what they said why.
	Reason string `json:"reason,omitempty"`
	// Recorded says that the location tells of the hold, too.
	Recorded bool `json:"recorded,omitempty"`
}

// Release is the end of a hold of which the location does not tell yet.
type Release struct {
	// By is who asked for it.
	By string `json:"by,omitempty"`
	// At is when.
	At metav1.MicroTime `json:"at,omitzero"`
}
