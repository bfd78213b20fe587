package salvor

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// BackupVolumes says what becomes of the data of the chosen PersistentVolumeClaims.
type BackupVolumes struct {
	// Policies choose for each volume what is done: the first that matches. A volume that none matches is snapshotted.
	Policies []VolumePolicy `json:"policies,omitempty"`
	// SnapshotClasses names the VolumeSnapshotClass to use, by driver. It goes before the annotation salvor.io/volume-snapshot-class of a claim; the driver's default class comes last.
	SnapshotClasses map[string]string `json:"snapshotClasses,omitempty"`
	// SettleTimeout is how long a snapshot may take to become ready after it was cut. Default 24h, at most 7 days.
	SettleTimeout metav1.Duration `json:"settleTimeout,omitzero"`
}

// VolumePolicy says what is done with the volumes that it matches. All conditions that are given must hold.
type VolumePolicy struct {
	// StorageClasses are names or globs, of which one has to match.
	StorageClasses []string `json:"storageClasses,omitempty"`
	// Drivers are names or globs of CSI drivers, such as ebs.csi.aws.com; a volume of another sort has the name of its plugin, such as kubernetes.io/nfs.
	Drivers []string `json:"drivers,omitempty"`
	// MinSize and MaxSize bound the capacity: MinSize <= capacity <= MaxSize.
	MinSize *resource.Quantity `json:"minSize,omitempty"`
	MaxSize *resource.Quantity `json:"maxSize,omitempty"`
	// LabelSelector matches labels of the claim.
	LabelSelector *metav1.LabelSelector `json:"labelSelector,omitempty"`
	// Annotations of the claim that must be there with these values.
	Annotations map[string]string `json:"annotations,omitempty"`
	// Action is what is done.
	Action VolumeAction `json:"action"`
	// Reason is shown with each volume that the policy skips.
	Reason string `json:"reason,omitempty"`
}

// VolumeAction is what is done with a volume.
type VolumeAction string

// The choices of VolumeAction.
const (
	// VolumeSnapshot cuts a CSI snapshot of it.
	VolumeSnapshot VolumeAction = "Snapshot"
	// VolumeSkip leaves its data out, and that is no failure.
	VolumeSkip VolumeAction = "Skip"
)

// DataConsistency says what the data of a backup is worth after a restore.
type DataConsistency string

// The choices of DataConsistency.
const (
	// ApplicationConsistent: rules ran, and every volume was cut while they held the application.
	ApplicationConsistent DataConsistency = "ApplicationConsistent"
	// CrashConsistent: volumes were cut while the application wrote; it starts as after a power cut.
	CrashConsistent DataConsistency = "CrashConsistent"
	// ObjectsOnly: there is no data of volumes in the backup.
	ObjectsOnly DataConsistency = "ObjectsOnly"
)

// VolumeCounts counts the volumes of a backup; its manifest names them.
type VolumeCounts struct {
	// Total is every claim that the backup holds.
	Total int `json:"total,omitempty"`
	// Cut are those of which there is a snapshot, ready or not.
	Cut int `json:"cut,omitempty"`
	// Ready are those of them whose snapshot can be restored from.
	Ready int `json:"ready,omitempty"`
	// Skipped are left out because a policy says so.
	Skipped int `json:"skipped,omitempty"`
	// Failed have no snapshot, and should.
	Failed int `json:"failed,omitempty"`
	// Bytes is the capacity of those that were cut.
	Bytes int64 `json:"bytes,omitempty"`
}

// RestoreVolumes says how the data of volumes comes back.
type RestoreVolumes struct {
	// Mode says whether claims get their data back. Default: Snapshots.
	Mode RestoreVolumeMode `json:"mode,omitempty"`
	// StorageClassMapping renames storage classes: old name to new.
	StorageClassMapping map[string]string `json:"storageClassMapping,omitempty"`
	// InPlace replaces claims that exist: the workloads that use them are scaled down, the claim is made anew of its snapshot, the workloads are scaled up again.
	InPlace bool `json:"inPlace,omitempty"`
	// Timeout is how long a volume may take until it is made. Default 30m.
	Timeout metav1.Duration `json:"timeout,omitzero"`
}

// RestoreVolumeMode says whether claims get their data back.
type RestoreVolumeMode string

// The choices of RestoreVolumeMode.
const (
	// RestoreVolumeSnapshots makes each claim of its snapshot.
	RestoreVolumeSnapshots RestoreVolumeMode = "Snapshots"
	// RestoreVolumeEmpty brings claims back without data.
	RestoreVolumeEmpty RestoreVolumeMode = "Empty"
)

// RestoreVolumeCounts counts what came of the data of claims in a restore.
type RestoreVolumeCounts struct {
	// Restored have a volume that is made of the backup's snapshot; Bytes is their size.
	Restored int   `json:"restored,omitempty"`
	Bytes    int64 `json:"bytes,omitempty"`
	// Waiting are to be made of it when a pod uses them, as their StorageClass wants it (WaitForFirstConsumer).
	Waiting int `json:"waiting,omitempty"`
	// Empty came back without data; a warning says why.
	Empty int `json:"empty,omitempty"`
	// Kept were there already, and kept the data that they have.
	Kept int `json:"kept,omitempty"`
	// Failed did not get their data; the failures say why.
	Failed int `json:"failed,omitempty"`
}

// ScaledWorkload is a workload that is scaled down for a time.
type ScaledWorkload struct {
	// Kind as resource.group.
	Kind string `json:"kind"`
	// Namespace and Name are its own.
	Namespace string `json:"namespace"`
	// Name of the workload.
	Name string `json:"name"`
	// Replicas that it had.
	Replicas int32 `json:"replicas"`
}
