package salvor

import (
	"time"

	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// runSuffix is what a run's name adds to its schedule's: the scheduled time in UTC.
const runSuffix = "-20060102t150405z"

// RunName is the name of the schedule's run that was meant for the time, whenever it is delivered:
// a second delivery finds the first run by it.
func RunName(schedule string, scheduledFor time.Time) string {
	return schedule + scheduledFor.UTC().Format(runSuffix)
}

// Default fills in what the template leaves out.
func (s *BackupSchedule) Default() {
	s.set(KindBackupSchedule)
	s.Spec.Template.Spec.setDefaults()
}

// Validate reports every mistake at once.
func (s *BackupSchedule) Validate() field.ErrorList {
	errs := validateHead(&s.TypeMeta, KindBackupSchedule, &s.ObjectMeta, runSuffix)
	p := field.NewPath("spec")
	errs = append(errs, requireName(p.Child("policy"), s.Spec.Policy)...)
	t, p := &s.Spec.Template, p.Child("template")
	errs = append(errs, metav1validation.ValidateLabels(t.Labels, p.Child("labels"))...)
	errs = append(errs, s.Spec.validateClusters(p.Child("spec"))...)
	p = p.Child("spec")
	spec := t.Spec
	if spec.Cluster == "" {
		spec.Cluster = "chosen" // validateClusters has said what is wrong with it
	}
	errs = append(errs, spec.validate(p)...)
	if t.Spec.Schedule != "" {
		errs = append(errs, field.Forbidden(p.Child("schedule"), "each run gets the name of this schedule"))
	}
	if !t.Spec.ScheduledFor.IsZero() {
		errs = append(errs, field.Forbidden(p.Child("scheduledFor"), "each run gets the time it was scheduled for"))
	}
	if !t.Spec.NotBefore.IsZero() {
		errs = append(errs, field.Forbidden(p.Child("notBefore"), "each run gets the time it may begin at"))
	}
	return append(errs, oneOf(field.NewPath("spec", "overlap"), s.Spec.Overlap, OverlapSkip, OverlapQueue)...)
}

// validateClusters: one cluster, or a selector of several. template is the path of the template's spec.
func (s *BackupScheduleSpec) validateClusters(template *field.Path) field.ErrorList {
	p := field.NewPath("spec", "clusterSelector")
	switch {
	case s.ClusterSelector == nil && s.Template.Spec.Cluster == "":
		return field.ErrorList{field.Required(template.Child("cluster"), "a cluster; or spec.clusterSelector, which chooses several")}
	case s.ClusterSelector != nil && s.Template.Spec.Cluster != "":
		return field.ErrorList{field.Forbidden(p, "spec.template.spec.cluster is set too; set one of the two")}
	}
	return validateSelector(p, s.ClusterSelector)
}
