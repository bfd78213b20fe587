package archive

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/salvor"
)

// VolumeState is what is known of the data of one volume.
type VolumeState string

// The states. A manifest has Cut, Ready, Skipped and Failed; what became of Cut is in a later event.
const (
	// VolumeCut: a snapshot was cut that is not ready yet.
	VolumeCut VolumeState = "Cut"
	// VolumeReady: the snapshot can be restored from.
	VolumeReady VolumeState = "Ready"
	// VolumeSkipped: a policy leaves its data out.
	VolumeSkipped VolumeState = "Skipped"
	// VolumeFailed: there is no snapshot, or none that will be ready.
	VolumeFailed VolumeState = "Failed"
)

// VolumeMethod is the way in which the data of a volume is kept.
type VolumeMethod string

// MethodSnapshot keeps it in a CSI snapshot.
const MethodSnapshot VolumeMethod = "Snapshot"

// Volume is a claim of the backup and where its data is.
type Volume struct {
	// Namespace and Claim are those of the PersistentVolumeClaim, ClaimUID its UID.
	Namespace string `json:"namespace"`
	Claim     string `json:"claim"`
	ClaimUID  string `json:"claimUID,omitempty"`
	// PersistentVolume is what it was bound to; empty: nothing.
	PersistentVolume string `json:"persistentVolume,omitempty"`
	StorageClass     string `json:"storageClass,omitempty"`
	// Driver is the CSI driver, or the name of another sort of plugin; VolumeHandle is its name for the volume.
	Driver       string `json:"driver,omitempty"`
	VolumeHandle string `json:"volumeHandle,omitempty"`
	// Capacity in bytes.
	Capacity int64 `json:"capacity,omitempty"`
	// VolumeMode is Filesystem or Block, AccessModes are the claim's.
	VolumeMode  string   `json:"volumeMode,omitempty"`
	AccessModes []string `json:"accessModes,omitempty"`
	// Topology is where the volume can be reached from: alternatives, of which each is labels of nodes.
	Topology []map[string]string `json:"topology,omitempty"`
	State    VolumeState         `json:"state"`
	// Reason says why it is Skipped or Failed.
	Reason string       `json:"reason,omitempty"`
	Method VolumeMethod `json:"method,omitempty"`
	// Snapshot is where the data is, by MethodSnapshot.
	Snapshot *Snapshot `json:"snapshot,omitempty"`
}

// Snapshot is a snapshot of a volume, as its driver knows it.
type Snapshot struct {
	// Handle is the driver's name for it, such as snap-0123456789abcdef0; with Driver it is all that a restore needs.
	Handle string `json:"handle"`
	Driver string `json:"driver"`
	// GroupHandle is the driver's name for the group that it was cut in; empty: it was cut by itself.
	GroupHandle string `json:"groupHandle,omitempty"`
	// Class is the VolumeSnapshotClass, ClassParameters what it said; they name Secrets, and hold none.
	Class           string            `json:"class,omitempty"`
	ClassParameters map[string]string `json:"classParameters,omitempty"`
	// CutAt is the moment of the data, by the driver's clock.
	CutAt metav1.MicroTime `json:"cutAt"`
	// RestoreSize is the least size in bytes of a volume made of it; 0: not told.
	RestoreSize int64 `json:"restoreSize,omitempty"`
	// Object and Content are the names of VolumeSnapshot and VolumeSnapshotContent in the cluster; they are removed once it is ready.
	Object  string `json:"object,omitempty"`
	Content string `json:"content,omitempty"`
	// Inside says that it was cut while rules held the application.
	Inside bool `json:"inside,omitempty"`
}

// HasSnapshots reports whether there are snapshots that go with the backup; m may be nil.
func (m *Manifest) HasSnapshots() bool {
	return m != nil && slices.ContainsFunc(m.Volumes, func(v Volume) bool { return v.Snapshot != nil && v.Snapshot.Handle != "" })
}

// Count counts the volumes.
func Count(volumes []Volume) salvor.VolumeCounts {
	c := salvor.VolumeCounts{Total: len(volumes)}
	for _, v := range volumes {
		switch v.State {
		case VolumeReady:
			c.Ready++
			c.Cut++
			c.Bytes += v.Capacity
		case VolumeCut:
			c.Cut++
			c.Bytes += v.Capacity
		case VolumeSkipped:
			c.Skipped++
		case VolumeFailed:
			c.Failed++
		}
	}
	return c
}

// DataConsistency is what the data of the volumes is worth: that of the worst. What was cut and lost is none.
func DataConsistency(volumes []Volume) salvor.DataConsistency {
	worth := salvor.ObjectsOnly
	for _, v := range volumes {
		switch {
		case v.Snapshot == nil, v.State == VolumeFailed:
		case !v.Snapshot.Inside:
			return salvor.CrashConsistent
		default:
			worth = salvor.ApplicationConsistent
		}
	}
	return worth
}
