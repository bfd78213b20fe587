package salvor

// BackupSchedule joins a SchedulePolicy to a backup template.
type BackupSchedule struct {
	TypeMeta   `json:",inline"`
	ObjectMeta `json:"metadata"`
	Spec       BackupScheduleSpec `json:"spec"`
}

// BackupScheduleSpec names the policy and holds the template.
type BackupScheduleSpec struct {
	// Policy is the name of a SchedulePolicy.
	Policy string `json:"policy"`
	// Suspend stops further runs until it is taken away.
	Suspend bool `json:"suspend,omitempty"`
	// Template is what each run backs up.
	Template BackupTemplate `json:"template"`
}

// BackupTemplate is a Backup without its name.
type BackupTemplate struct {
	// Labels that each run gets.
	Labels map[string]string `json:"labels,omitempty"`
	// Spec of each run. Its schedule and scheduledFor are set by the schedule and left out here.
	Spec BackupSpec `json:"spec"`
}
