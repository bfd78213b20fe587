// Package salvor holds the words of Salvor as Go types: Cluster, BackupLocation, Rule, SchedulePolicy,
// BackupSchedule, Backup and Restore. Each is an object in the Kubernetes manner, with apiVersion, kind,
// metadata, spec and status; each has its own file, its defaults and its validation.
//
// The package is pure: it reads no clock, opens no connection and imports apimachinery at most.
package salvor
