package salvor

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Restore is what to bring back, from which backups, to where, and how conflicts end.
type Restore struct {
	TypeMeta   `json:",inline"`
	ObjectMeta `json:"metadata"`
	Spec       RestoreSpec   `json:"spec"`
	Status     RestoreStatus `json:"status,omitzero"`
}

// RestoreSpec names its source by exactly one of Backup and AsOf.
type RestoreSpec struct {
	// SourceCluster is the id of the cluster that was backed up.
	SourceCluster string `json:"sourceCluster"`
	// Backup is the name of one backup of it.
	Backup string `json:"backup,omitempty" jsonschema:"oneof_required=backup"`
	// AsOf takes, for each namespace that Namespaces chooses, the newest good backup at or before this time, in whole seconds.
	AsOf metav1.Time `json:"asOf,omitzero" jsonschema:"oneof_required=asOf"`
	// Namespaces to bring back, names or globs. Empty, with Backup only: all that the backup holds.
	Namespaces []string `json:"namespaces,omitempty"`
	// TargetCluster is the name of the Cluster to restore into.
	TargetCluster string `json:"targetCluster"`
	// NamespaceMapping renames namespaces: old name to new. No two may get the same name.
	NamespaceMapping map[string]string `json:"namespaceMapping,omitempty"`
	// Kinds and ExcludeKinds narrow what is brought back, in the notation of Scope.
	Kinds        []string `json:"kinds,omitempty"`
	ExcludeKinds []string `json:"excludeKinds,omitempty"`
	// LabelSelector brings back only objects whose labels match.
	LabelSelector *metav1.LabelSelector `json:"labelSelector,omitempty"`
	// ClusterScoped says which objects without namespace come back. Default: Needed, which is what the backup holds of them.
	ClusterScoped ClusterScoped `json:"clusterScoped,omitempty"`
	// Conflict says what happens to an object that exists. Default: Skip.
	Conflict ConflictPolicy `json:"conflict,omitempty"`
	// Volumes says how the data of volumes comes back. Left out: each claim is made of its snapshot.
	Volumes *RestoreVolumes `json:"volumes,omitempty"`
	// AllowPartial restores from a PartiallyFailed backup.
	AllowPartial bool `json:"allowPartial,omitempty"`
}

// ConflictPolicy says what a restore does with an object that exists and differs.
type ConflictPolicy string

// The choices of ConflictPolicy.
const (
	// ConflictSkip leaves the existing object as it is and says so.
	ConflictSkip ConflictPolicy = "Skip"
	// ConflictUpdate makes the existing object equal to the backup's.
	ConflictUpdate ConflictPolicy = "Update"
	// ConflictFail changes nothing at all if any object exists and differs.
	ConflictFail ConflictPolicy = "Fail"
)

// RestoreStatus is what came of a Restore.
type RestoreStatus struct {
	// Phase is how far the restore has come, or how it ended.
	Phase Phase `json:"phase,omitempty"`
	// Message says in one sentence why the phase is what it is.
	Message string `json:"message,omitempty"`
	// StartedAt is when a worker took the restore up.
	StartedAt metav1.Time `json:"startedAt,omitzero"`
	// CompletedAt is when the restore ended, however it ended.
	CompletedAt metav1.Time `json:"completedAt,omitzero"`
	// Lease tells who works on the restore now.
	Lease Lease `json:"lease,omitzero"`
	// Checkpoint is the key, in the location, of what says how far the restore is; set while a process that had to end has
	// left it to the next.
	Checkpoint string `json:"checkpoint,omitempty"`
	// MissingNamespaces are those that the target lacked before anything was written into it, and that the restore makes; set while
	// it runs.
	MissingNamespaces []string `json:"missingNamespaces,omitempty"`
	// CancelRequested asks the worker to stop after the objects in flight.
	CancelRequested bool `json:"cancelRequested,omitempty"`
	// Sources are the backups chosen, and what is taken from each.
	Sources []RestoreSource `json:"sources,omitempty"`
	// Outcomes counts objects by outcome.
	Outcomes map[Outcome]int64 `json:"outcomes,omitempty"`
	// Failures name what was not restored, at most 100; the report holds all.
	Failures []Failure `json:"failures,omitempty"`
	// Warnings name what the user should know but nothing is missing for.
	Warnings []string `json:"warnings,omitempty"`
	// DamagedSegments counts the stored segments that were not as they were written; nothing of them was applied.
	DamagedSegments int `json:"damagedSegments,omitempty"`
	// Report is the key, in the location, of the outcome of every object.
	Report string `json:"report,omitempty"`
	// Volumes counts what came of the data of claims.
	Volumes RestoreVolumeCounts `json:"volumes,omitzero"`
	// ScaledDown are workloads that are scaled down while the volumes they use are replaced in place, with what they go back to.
	ScaledDown []ScaledWorkload `json:"scaledDown,omitempty"`
}

// RestoreSource is one backup of a restore and the namespaces that come from it.
type RestoreSource struct {
	// Backup is its name.
	Backup string `json:"backup"`
	// Location is the name of the BackupLocation that holds it.
	Location string `json:"location"`
	// CutAt is its date.
	CutAt metav1.MicroTime `json:"cutAt"`
	// Namespaces that come from it.
	Namespaces []string `json:"namespaces,omitempty"`
}

// Outcome is what became of one object in a restore.
type Outcome string

// The outcomes.
const (
	// OutcomeCreated: it was not there and is now.
	OutcomeCreated Outcome = "Created"
	// OutcomeUpdated: it was there, differed, and was made equal.
	OutcomeUpdated Outcome = "Updated"
	// OutcomeUnchanged: it was there and did not differ.
	OutcomeUnchanged Outcome = "Unchanged"
	// OutcomeSkipped: it was left as it is, for the reason given.
	OutcomeSkipped Outcome = "Skipped"
	// OutcomeFailed: it is not as in the backup, for the reason given.
	OutcomeFailed Outcome = "Failed"
)

// ObjectOutcome is the outcome of one object, with its reason.
type ObjectOutcome struct {
	// Kind as resource.group.
	Kind      string  `json:"kind"`
	Namespace string  `json:"namespace,omitempty"`
	Name      string  `json:"name"`
	Backup    string  `json:"backup,omitempty"`
	Outcome   Outcome `json:"outcome"`
	// Reason says why; empty for Created without any remark.
	Reason string `json:"reason,omitempty"`
	// Fields changed on an update, as JSON pointers, without values.
	Fields []string `json:"fields,omitempty"`
}
