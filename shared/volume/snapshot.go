package volume

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// volumeSnapshot is what this package needs of a VolumeSnapshot.
type volumeSnapshot struct {
	Metadata metadata `json:"metadata"`
	Spec     struct {
		Source struct {
			Claim string `json:"persistentVolumeClaimName"`
		} `json:"source"`
	} `json:"spec"`
	Status struct {
		Content      string             `json:"boundVolumeSnapshotContentName"`
		CreationTime *metav1.Time       `json:"creationTime"`
		ReadyToUse   bool               `json:"readyToUse"`
		RestoreSize  *resource.Quantity `json:"restoreSize"`
		Error        *snapshotError     `json:"error"`
		Group        string             `json:"volumeGroupSnapshotName"`
	} `json:"status"`
}

// snapshotError is what the driver said the last time; it is tried again.
type snapshotError struct {
	Message string `json:"message"`
	// Time is when it said so first.
	Time metav1.Time `json:"time"`
}

// snapshotContent is what this package needs of a VolumeSnapshotContent.
type snapshotContent struct {
	Metadata metadata `json:"metadata"`
	Spec     struct {
		DeletionPolicy string `json:"deletionPolicy"`
		Driver         string `json:"driver"`
		Source         struct {
			Handle string `json:"snapshotHandle"`
		} `json:"source"`
		Snapshot struct {
			Namespace string `json:"namespace"`
			Name      string `json:"name"`
			UID       string `json:"uid"`
		} `json:"volumeSnapshotRef"`
	} `json:"spec"`
	Status struct {
		Handle string `json:"snapshotHandle"`
		// CreationTime is in nanoseconds since 1970, by the driver's clock.
		CreationTime int64          `json:"creationTime"`
		ReadyToUse   bool           `json:"readyToUse"`
		RestoreSize  int64          `json:"restoreSize"`
		Error        *snapshotError `json:"error"`
		GroupHandle  string         `json:"volumeGroupSnapshotHandle"`
	} `json:"status"`
}

// The policies of a content: whether the snapshot goes with it.
const (
	retain        = "Retain"
	deleteWithout = "Delete"
)

// said is the driver's last error, of the snapshot or of its content.
func (e *snapshotError) said() string {
	if e == nil {
		return ""
	}
	return e.Message
}
