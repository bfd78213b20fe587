package salvor

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// DefaultBackupTimeout ends a backup that does not say how long it may take.
const DefaultBackupTimeout = 4 * time.Hour

// DefaultMaxFreeze bounds how long an application is held by a backup that does not say it.
const DefaultMaxFreeze = 2 * time.Minute

// maxMaxFreeze: nothing should be held for longer, and on AWS nothing can.
const maxMaxFreeze = time.Hour

// Default fills in what the user left out.
func (b *Backup) Default() {
	b.set(KindBackup)
	b.Spec.setDefaults()
}

func (s *BackupSpec) setDefaults() {
	setDefault(&s.Scope.ClusterScoped, ClusterScopedNeeded)
	setDefault(&s.Consistency, ConsistencyBestEffort)
	setDefault(&s.Timeout, metav1.Duration{Duration: DefaultBackupTimeout})
	s.Volumes.setDefaults()
	if s.Freezes() {
		setDefault(&s.MaxFreeze, metav1.Duration{Duration: DefaultMaxFreeze})
		setDefault(&s.RuleScope, RuleScopeBackup)
	}
}

// Validate reports every mistake at once. The status is the engine's own and is not looked at.
func (b *Backup) Validate() field.ErrorList {
	errs := validateHead(&b.TypeMeta, KindBackup, &b.ObjectMeta, "")
	p := field.NewPath("spec")
	errs = append(errs, b.Spec.validate(p)...)
	if b.Spec.Schedule != "" && b.Spec.ScheduledFor.IsZero() {
		errs = append(errs, field.Required(p.Child("scheduledFor"), "the time the schedule meant"))
	}
	if b.Spec.Schedule == "" && !b.Spec.ScheduledFor.IsZero() {
		errs = append(errs, field.Forbidden(p.Child("scheduledFor"), "goes with schedule, which is not set"))
	}
	return errs
}

func (s *BackupSpec) validate(p *field.Path) field.ErrorList {
	errs := requireName(p.Child("cluster"), s.Cluster)
	errs = append(errs, requireName(p.Child("location"), s.Location)...)
	errs = append(errs, s.Scope.Validate(p.Child("scope"))...)
	errs = append(errs, optionalName(p.Child("preExecRule"), s.PreExecRule)...)
	errs = append(errs, optionalName(p.Child("postExecRule"), s.PostExecRule)...)
	errs = append(errs, oneOf(p.Child("consistency"), s.Consistency, ConsistencyBestEffort, ConsistencyStrict)...)
	errs = append(errs, positive(p.Child("timeout"), s.Timeout)...)
	errs = append(errs, positive(p.Child("maxFreeze"), s.MaxFreeze)...)
	if s.MaxFreeze.Duration > maxMaxFreeze {
		errs = append(errs, field.Invalid(p.Child("maxFreeze"), s.MaxFreeze.Duration.String(), "must be at most "+maxMaxFreeze.String()))
	}
	errs = append(errs, s.Volumes.validate(p.Child("volumes"))...)
	errs = append(errs, oneOf(p.Child("ruleScope"), s.RuleScope, RuleScopeBackup, RuleScopeNamespace)...)
	return append(errs, optionalName(p.Child("schedule"), s.Schedule)...)
}
