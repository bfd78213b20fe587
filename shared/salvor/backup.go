package salvor

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Backup is one run: what was asked for, and what came of it.
type Backup struct {
	TypeMeta   `json:",inline"`
	ObjectMeta `json:"metadata"`
	Spec       BackupSpec   `json:"spec"`
	Status     BackupStatus `json:"status,omitzero"`
}

// BackupSpec says what to back up, where to, and what to run before and after.
type BackupSpec struct {
	// Cluster is the name of a Cluster. Only the template of a schedule that has a clusterSelector leaves it out.
	Cluster string `json:"cluster,omitempty"`
	// Location is the name of a BackupLocation.
	Location string `json:"location"`
	// Scope says what to take.
	Scope Scope `json:"scope"`
	// PreExecRule is the name of the Rule that runs before the cut.
	PreExecRule string `json:"preExecRule,omitempty"`
	// PostExecRule is the name of the Rule that runs after the cut, whatever happened, once pre-exec has begun.
	PostExecRule string `json:"postExecRule,omitempty"`
	// MaxFreeze is how long the application may be held, from the first pre-exec action to the cut: when it is over, the cut is abandoned, the application thawed, and the backup Failed. Default 2m, at most 1h.
	MaxFreeze metav1.Duration `json:"maxFreeze,omitzero"`
	// RuleScope says which namespaces are held together. Default: Backup.
	RuleScope RuleScope `json:"ruleScope,omitempty"`
	// VeleroHooks also runs the pre.hook.backup.velero.io and post.hook.backup.velero.io annotations of pods, inside the rules: the hooks before the cut run after the pre-exec rule, those after it before the post-exec rule.
	VeleroHooks bool `json:"veleroHooks,omitempty"`
	// Volumes says what becomes of the data of volumes. Left out: each is snapshotted.
	Volumes *BackupVolumes `json:"volumes,omitempty"`
	// Consistency says what happens when the capture revision is compacted away meanwhile. Default: BestEffort.
	Consistency Consistency `json:"consistency,omitempty"`
	// Timeout ends the backup as Failed. Default 4h.
	Timeout metav1.Duration `json:"timeout,omitzero"`
	// Schedule is the BackupSchedule that asked for this run; empty for one asked for by hand.
	Schedule string `json:"schedule,omitempty"`
	// ScheduledFor is the time the schedule meant, whenever it was delivered.
	ScheduledFor metav1.Time `json:"scheduledFor,omitzero"`
	// NotBefore is when a run with a jitter may begin; zero: at once.
	NotBefore metav1.Time `json:"notBefore,omitzero"`
}

// Consistency says whether every object has to be of one moment.
type Consistency string

// The choices of Consistency.
const (
	// ConsistencyBestEffort reads what could not be read at the capture revision at a later one, and names it.
	ConsistencyBestEffort Consistency = "BestEffort"
	// ConsistencyStrict fails the backup instead.
	ConsistencyStrict Consistency = "Strict"
)

// RuleScope says which namespaces are frozen together.
type RuleScope string

// The choices of RuleScope.
const (
	// RuleScopeBackup freezes all chosen namespaces together and makes one cut.
	RuleScopeBackup RuleScope = "Backup"
	// RuleScopeNamespace freezes, cuts and thaws each namespace by itself, several at once, so that none is held longer than it needs.
	RuleScopeNamespace RuleScope = "Namespace"
)

// Freezes reports whether the backup runs commands in pods before its cut.
func (s *BackupSpec) Freezes() bool { return s.PreExecRule != "" || s.VeleroHooks }

// BackupStatus is what came of a Backup.
type BackupStatus struct {
	// Phase is how far the backup has come, or how it ended.
	Phase Phase `json:"phase,omitempty"`
	// Message says in one sentence why the phase is what it is.
	Message string `json:"message,omitempty"`
	// ClusterID is the cluster's id in stored keys; with the name it identifies the backup.
	ClusterID string `json:"clusterID,omitempty"`
	// Lease tells who works on the backup now.
	Lease Lease `json:"lease,omitzero"`
	// Checkpoint is the file, beside the manifest to be, that says how far the capture is; set while a process that had to
	// end has left it to the next.
	Checkpoint string `json:"checkpoint,omitempty"`
	// CancelRequested asks the worker to thaw and stop.
	CancelRequested bool `json:"cancelRequested,omitempty"`
	// StartedAt is when a worker first took the backup up.
	StartedAt metav1.Time `json:"startedAt,omitzero"`
	// CutAt is the moment of the capture revision: the backup's date.
	CutAt metav1.MicroTime `json:"cutAt,omitzero"`
	// CompletedAt is when the backup ended, however it ended.
	CompletedAt metav1.Time `json:"completedAt,omitzero"`
	// Revision is the capture revision: the metadata.resourceVersion all objects were read at.
	Revision string `json:"revision,omitempty"`
	// RootDigest is the manifest's digest over everything stored, "sha256:" and hex.
	RootDigest string `json:"rootDigest,omitempty"`
	// Namespaces are those the backup contains.
	Namespaces []string `json:"namespaces,omitempty"`
	// Progress counts what is stored.
	Progress Progress `json:"progress,omitzero"`
	// Failures count and name what was not backed up.
	Failures []Failure `json:"failures,omitempty"`
	// Warnings name what the user should know but nothing is missing for.
	Warnings []string `json:"warnings,omitempty"`
	// Volumes counts the volumes and their snapshots.
	Volumes VolumeCounts `json:"volumes,omitzero"`
	// DataConsistency says what the data is worth after a restore.
	DataConsistency DataConsistency `json:"dataConsistency,omitempty"`
	// SettleBy is when snapshots that are not ready by then are given up; set while the backup is Settling.
	SettleBy metav1.Time `json:"settleBy,omitzero"`
	// LookedAt is when these snapshots were looked at last; set while the backup is Settling.
	LookedAt metav1.Time `json:"lookedAt,omitzero"`
	// Thaw is owed from before the first pre-exec action until the post-exec rule has succeeded.
	Thaw *OwedThaw `json:"thaw,omitempty"`
	// FrozenFor is the time from the first pre-exec action to the end of the post-exec rule: the longest, if namespaces were held each by itself.
	FrozenFor metav1.Duration `json:"frozenFor,omitzero"`
	// Freezes are what was held together and for how long; of very many, the longest.
	Freezes []FreezeTime `json:"freezes,omitempty"`
	// Hold keeps the backup from being deleted until it is released.
	Hold *Hold `json:"hold,omitempty"`
	// Release ended the last hold, and is still to be recorded at the location.
	Release *Release `json:"release,omitempty"`
}

// FreezeTime is how long applications were held.
type FreezeTime struct {
	// Namespace that was held by itself; empty: all of the backup were held together.
	Namespace string `json:"namespace,omitempty"`
	// Began is when the first pre-exec action was sent.
	Began metav1.MicroTime `json:"began"`
	// CutAfter is the time from then until the cut was made; 0: there was none.
	CutAfter metav1.Duration `json:"cutAfter,omitzero"`
	// ThawedAfter is the time until the application was let go on; 0: it was not, and is owed a thaw.
	ThawedAfter metav1.Duration `json:"thawedAfter,omitzero"`
}

// OwedThaw is what has to run to let an application go on, in the rule's words of the moment it was frozen.
type OwedThaw struct {
	// Rule is what to run.
	Rule RuleSpec `json:"rule"`
	// Namespaces whose pods the rule may choose.
	Namespaces []string `json:"namespaces"`
	// Since is when the application was frozen.
	Since metav1.Time `json:"since"`
	// Begun are the pods that pre-exec commands may have run in: one of them that can't be reached keeps the thaw owed.
	Begun []PodRef `json:"begun,omitempty"`
	// Spared are pods that pre-exec had chosen and surely ran nothing in: the thaw passes over them. Of very many pods neither
	// is kept, and the thaw runs in all that it chooses.
	Spared []PodRef `json:"spared,omitempty"`
	// Attempts counts how often it was tried and did not succeed.
	Attempts int `json:"attempts,omitempty"`
	// LastAttempt is when it was tried last.
	LastAttempt metav1.Time `json:"lastAttempt,omitzero"`
	// LastError is why it did not succeed then.
	LastError string `json:"lastError,omitempty"`
}

// PodRef is one pod, not merely its name: one that takes its name later is another.
type PodRef struct {
	// Namespace of the pod.
	Namespace string `json:"namespace"`
	// Name of the pod.
	Name string `json:"name"`
	// UID of the pod.
	UID string `json:"uid"`
}

// Progress counts what a backup has stored so far; in the end, what it stored.
type Progress struct {
	// Kinds that the scope takes.
	Kinds int `json:"kinds,omitempty"`
	// KindsDone are those of them that are stored.
	KindsDone int `json:"kindsDone,omitempty"`
	// Objects stored.
	Objects int64 `json:"objects,omitempty"`
	// Bytes of these objects before compression.
	Bytes int64 `json:"bytes,omitempty"`
	// Segments the backup consists of.
	Segments int `json:"segments,omitempty"`
	// SegmentsUploaded are those of them that the location lacked.
	SegmentsUploaded int `json:"segmentsUploaded,omitempty"`
	// BytesUploaded for these.
	BytesUploaded int64 `json:"bytesUploaded,omitempty"`
}

// Failure names a kind, or a part of one, that is missing from a backup or a restore.
type Failure struct {
	// Kind as resource.group, such as secrets or deployments.apps; empty when the failure is not about one kind.
	Kind string `json:"kind,omitempty"`
	// Namespace is empty for the whole cluster.
	Namespace string `json:"namespace,omitempty"`
	// Objects that are missing, where their number is known; -1 where it is not.
	Objects int64 `json:"objects,omitempty"`
	// Reason says why, and what to do about it.
	Reason string `json:"reason"`
}

// BackupID identifies a backup.
type BackupID struct {
	ClusterID string `json:"clusterID"`
	Name      string `json:"name"`
}

// String returns clusterID/name.
func (id BackupID) String() string { return id.ClusterID + "/" + id.Name }

// ID returns the backup's identity.
func (b *Backup) ID() BackupID { return BackupID{ClusterID: b.Status.ClusterID, Name: b.Name} }

// Date is when the backup was cut; before the cut, when it was asked for.
func (b *Backup) Date() time.Time {
	if !b.Status.CutAt.IsZero() {
		return b.Status.CutAt.Time
	}
	return b.CreationTimestamp.Time
}
