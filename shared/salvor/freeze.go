package salvor

import (
	"crypto/sha256"
	"encoding/hex"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// KindFreeze is the kind of Freeze. It is Salvor's own: Kinds does not list it, and no document may hold one.
const KindFreeze = "Freeze"

// Freeze says which backup holds the applications of one namespace, so that no other lets them go on meanwhile.
type Freeze struct {
	TypeMeta   `json:",inline"`
	ObjectMeta `json:"metadata"`
	Spec       FreezeSpec `json:"spec"`
}

// FreezeSpec is who holds what.
type FreezeSpec struct {
	// Backup that holds the namespace.
	Backup BackupID `json:"backup"`
	// Epoch of the worker that took the namespace; an older one has no say in it any more.
	Epoch int64 `json:"epoch,omitempty"`
	// Namespace that is held.
	Namespace string `json:"namespace"`
	// Until is when the backup holds nothing any more, unless it owes a thaw.
	Until metav1.Time `json:"until"`
}

// FreezeName is the name of the Freeze of a namespace of a cluster.
func FreezeName(clusterID, namespace string) string {
	sum := sha256.Sum256([]byte(clusterID + "/" + namespace))
	return hex.EncodeToString(sum[:16])
}

// Default does nothing.
func (f *Freeze) Default() {}

// Validate finds nothing: nobody writes one by hand.
func (f *Freeze) Validate() field.ErrorList { return nil }
