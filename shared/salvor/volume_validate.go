package salvor

import (
	"maps"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// DefaultSettleTimeout is how long a snapshot may take to become ready where the backup does not say it.
const DefaultSettleTimeout = 24 * time.Hour

// maxSettleTimeout: one that takes longer will never be ready.
const maxSettleTimeout = 7 * 24 * time.Hour

// DefaultVolumeTimeout is how long a volume may take until it is made where the restore does not say it.
const DefaultVolumeTimeout = 30 * time.Minute

func (v *BackupVolumes) validate(p *field.Path) field.ErrorList {
	if v == nil {
		return nil
	}
	var errs field.ErrorList
	for i := range v.Policies {
		errs = append(errs, v.Policies[i].validate(p.Child("policies").Index(i))...)
	}
	for _, driver := range slices.Sorted(maps.Keys(v.SnapshotClasses)) {
		at := p.Child("snapshotClasses").Key(driver)
		errs = append(errs, plainText(at, driver, 253)...)
		errs = append(errs, invalid(at, v.SnapshotClasses[driver], validation.IsDNS1123Subdomain(v.SnapshotClasses[driver]))...)
	}
	errs = append(errs, positive(p.Child("settleTimeout"), v.SettleTimeout)...)
	if v.SettleTimeout.Duration > maxSettleTimeout {
		errs = append(errs, field.Invalid(p.Child("settleTimeout"), v.SettleTimeout.Duration.String(), "must be at most "+maxSettleTimeout.String()))
	}
	return errs
}

func (v *VolumePolicy) validate(p *field.Path) field.ErrorList {
	errs := validateNames(p.Child("storageClasses"), v.StorageClasses)
	errs = append(errs, validateNames(p.Child("drivers"), v.Drivers)...)
	errs = append(errs, validateSelector(p.Child("labelSelector"), v.LabelSelector)...)
	if v.MinSize != nil && v.MinSize.Sign() < 0 {
		errs = append(errs, field.Invalid(p.Child("minSize"), v.MinSize.String(), "must not be negative"))
	}
	if v.MaxSize != nil && v.MaxSize.Sign() < 0 {
		errs = append(errs, field.Invalid(p.Child("maxSize"), v.MaxSize.String(), "must not be negative"))
	}
	if v.MinSize != nil && v.MaxSize != nil && v.MinSize.Cmp(*v.MaxSize) > 0 {
		errs = append(errs, field.Invalid(p.Child("maxSize"), v.MaxSize.String(), "must not be less than minSize"))
	}
	if v.Action == "" {
		return append(errs, field.Required(p.Child("action"), "Snapshot or Skip"))
	}
	return append(errs, oneOf(p.Child("action"), v.Action, VolumeSnapshot, VolumeSkip)...)
}

// SettleTimeout is how long a snapshot of the backup may take to become ready.
func (s *BackupSpec) SettleTimeout() time.Duration {
	if s.Volumes != nil && s.Volumes.SettleTimeout.Duration > 0 {
		return s.Volumes.SettleTimeout.Duration
	}
	return DefaultSettleTimeout
}

func (v *RestoreVolumes) validate(p *field.Path) field.ErrorList {
	if v == nil {
		return nil
	}
	errs := oneOf(p.Child("mode"), v.Mode, RestoreVolumeSnapshots, RestoreVolumeEmpty)
	for _, old := range slices.Sorted(maps.Keys(v.StorageClassMapping)) {
		at := p.Child("storageClassMapping").Key(old)
		errs = append(errs, invalid(at, old, validation.IsDNS1123Subdomain(old))...)
		errs = append(errs, invalid(at, v.StorageClassMapping[old], validation.IsDNS1123Subdomain(v.StorageClassMapping[old]))...)
	}
	if v.InPlace && v.Mode == RestoreVolumeEmpty {
		errs = append(errs, field.Forbidden(p.Child("inPlace"), "mode Empty would replace data by nothing"))
	}
	return append(errs, positive(p.Child("timeout"), v.Timeout)...)
}

// VolumeMode says whether claims get their data back.
func (s *RestoreSpec) VolumeMode() RestoreVolumeMode {
	if s.Volumes == nil || s.Volumes.Mode == "" {
		return RestoreVolumeSnapshots
	}
	return s.Volumes.Mode
}

// VolumeTimeout is how long a volume may take until it is made.
func (s *RestoreSpec) VolumeTimeout() time.Duration {
	if s.Volumes != nil && s.Volumes.Timeout.Duration > 0 {
		return s.Volumes.Timeout.Duration
	}
	return DefaultVolumeTimeout
}

func (v *BackupVolumes) setDefaults() {
	if v != nil {
		setDefault(&v.SettleTimeout, metav1.Duration{Duration: DefaultSettleTimeout})
	}
}

// StorageClassMapping renames storage classes: old name to new.
func (s *RestoreSpec) StorageClassMapping() map[string]string {
	if s.Volumes == nil {
		return nil
	}
	return s.Volumes.StorageClassMapping
}

// InPlace says whether claims that exist are replaced.
func (s *RestoreSpec) InPlace() bool { return s.Volumes != nil && s.Volumes.InPlace }
