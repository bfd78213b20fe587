package backup

import (
	"maps"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/salvor"
)

// ScheduledRun is the backup that a schedule asks for at the time that it meant, whenever that is delivered: two of the
// same time are the same backup.
func ScheduledRun(s *salvor.BackupSchedule, at time.Time, requestedBy string) *salvor.Backup {
	b := salvor.New(salvor.KindBackup).(*salvor.Backup)
	b.Name, b.Labels, b.Spec = salvor.RunName(s.Name, at), maps.Clone(s.Spec.Template.Labels), s.Spec.Template.Spec
	b.Spec.Schedule, b.Spec.ScheduledFor = s.Name, metav1.NewTime(at.UTC())
	b.RequestedBy = requestedBy
	return b
}
