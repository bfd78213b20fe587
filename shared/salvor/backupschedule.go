package salvor

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// BackupSchedule joins a SchedulePolicy to a backup template.
type BackupSchedule struct {
	TypeMeta   `json:",inline"`
	ObjectMeta `json:"metadata"`
	Spec       BackupScheduleSpec   `json:"spec"`
	Status     BackupScheduleStatus `json:"status,omitzero"`
}

// BackupScheduleSpec names the policy and holds the template.
type BackupScheduleSpec struct {
	// Policy is the name of a SchedulePolicy.
	Policy string `json:"policy"`
	// Suspend stops further runs until it is taken away. Runs of the meantime are not made up for.
	Suspend bool `json:"suspend,omitempty"`
	// ClusterSelector chooses clusters by their labels, anew at each run: each gets a run of its own, of the same name. It goes
	// in the place of the template's cluster.
	ClusterSelector *metav1.LabelSelector `json:"clusterSelector,omitempty"`
	// Overlap says what becomes of a run while an earlier one of the same schedule and cluster has not ended. Default: Skip.
	Overlap Overlap `json:"overlap,omitempty"`
	// Template is what each run backs up.
	Template BackupTemplate `json:"template"`
}

// Overlap says what becomes of a run while an earlier one has not ended.
type Overlap string

// The choices of Overlap.
const (
	// OverlapSkip leaves the run out: it is recorded as Canceled, with the reason.
	OverlapSkip Overlap = "Skip"
	// OverlapQueue lets the run wait for the end of the earlier one. One waits at most; a further one is left out.
	OverlapQueue Overlap = "Queue"
)

// BackupTemplate is a Backup without its name.
type BackupTemplate struct {
	// Labels that each run gets.
	Labels map[string]string `json:"labels,omitempty"`
	// Spec of each run. Its schedule, scheduledFor and notBefore are set by the schedule and left out here.
	Spec BackupSpec `json:"spec"`
}

// BackupScheduleStatus is set by Salvor.
type BackupScheduleStatus struct {
	// Since is when the schedule was last made, resumed or given another policy: runs before it were not missed.
	Since metav1.Time `json:"since,omitzero"`
	// LastRun is the newest time whose runs are all recorded.
	LastRun metav1.Time `json:"lastRun,omitzero"`
}
