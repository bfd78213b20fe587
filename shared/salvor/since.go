package salvor

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// KeepStatus gives an object, which is to be stored in the place of another or of none (nil), the status that is Salvor's to
// set: that of the other, and since when its runs count.
func KeepStatus(o, was Object, now time.Time) {
	switch o := o.(type) {
	case *SchedulePolicy:
		old, _ := was.(*SchedulePolicy)
		if o.Status = (SchedulePolicyStatus{}); old != nil {
			o.Status = old.Status
		}
		if old != nil && !Same(o.Spec.times(), old.Spec.times()) {
			o.Status.Since = metav1.NewTime(now).Rfc3339Copy()
		}
	case *BackupSchedule:
		old, _ := was.(*BackupSchedule)
		if o.Status = (BackupScheduleStatus{}); old != nil {
			o.Status = old.Status
		}
		if old != nil && (old.Spec.Suspend && !o.Spec.Suspend || old.Spec.Policy != o.Spec.Policy) {
			o.Status.Since = metav1.NewTime(now).Rfc3339Copy()
		}
	}
}

// times is what of the policy says when to run.
func (s SchedulePolicySpec) times() SchedulePolicySpec {
	s.Retention, s.Jitter, s.MissedRuns, s.MissedWindow = Retention{}, metav1.Duration{}, "", metav1.Duration{}
	return s
}

// RunsSince is the time before which the schedule has missed nothing.
func (s *BackupSchedule) RunsSince(p *SchedulePolicy) time.Time {
	since := s.CreationTimestamp.Time
	for _, t := range []time.Time{s.Status.Since.Time, p.Status.Since.Time} {
		if t.After(since) {
			since = t
		}
	}
	return since
}
