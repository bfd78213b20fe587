package salvor

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// BackupLocation is where backups go: exactly one of S3 and Directory.
type BackupLocation struct {
	TypeMeta   `json:",inline"`
	ObjectMeta `json:"metadata"`
	Spec       BackupLocationSpec `json:"spec"`
	// Status is Salvor's own.
	Status BackupLocationStatus `json:"status,omitzero"`
}

// BackupLocationStatus is what Salvor last saw of the location.
type BackupLocationStatus struct {
	// Sync is how the last sync of the catalog with the location went.
	Sync *LocationSync `json:"sync,omitempty"`
}

// LocationSync is how a sync of the catalog with a location went.
type LocationSync struct {
	// StartedAt is when it began.
	StartedAt metav1.Time `json:"startedAt,omitzero"`
	// CompletedAt is when it ended, however it ended.
	CompletedAt metav1.Time `json:"completedAt,omitzero"`
	// Complete is when the last sync began that left nothing undone, this one or an earlier one.
	Complete metav1.Time `json:"complete,omitzero"`
	// Message says what went wrong; empty: nothing did.
	Message string `json:"message,omitempty"`
	// Manifests that the location holds.
	Manifests int `json:"manifests"`
	// Imported are backups that the catalog lacked.
	Imported int `json:"imported"`
	// Updated are backups of other catalogs of which more has become known.
	Updated int `json:"updated"`
	// Gone are backups of the catalog that were found to have no manifest any more; they are Failed from now on.
	Gone int `json:"gone"`
	// Back are backups whose manifest was gone, and is there again.
	Back int `json:"back"`
	// Unreadable are manifests, events and settings that could not be read; the message says why.
	Unreadable int `json:"unreadable"`
	// SettingsImported are rules, policies and schedules that the catalog lacked.
	SettingsImported int `json:"settingsImported"`
	// SettingsExported are those that the location lacked.
	SettingsExported int `json:"settingsExported"`
	// Foreign are the ids of clusters that another catalog backs up there; for this one they are read-only.
	Foreign []string `json:"foreign,omitempty"`
}

// BackupLocationSpec says where backups go.
type BackupLocationSpec struct {
	// S3 is a bucket, of AWS or of another S3 server.
	S3 *S3Location `json:"s3,omitempty" jsonschema:"oneof_required=s3"`
	// Directory is on the machine where Salvor runs.
	Directory *DirectoryLocation `json:"directory,omitempty" jsonschema:"oneof_required=directory"`
}

// S3Location is a bucket, or a part of one.
type S3Location struct {
	// Bucket is its name; it has to exist.
	Bucket string `json:"bucket"`
	// Prefix is put before every key, without slashes at its ends.
	Prefix string `json:"prefix,omitempty"`
	// Region of the bucket; empty: that of the AWS configuration in use.
	Region string `json:"region,omitempty"`
	// Endpoint is that of an S3 server other than AWS.
	Endpoint string `json:"endpoint,omitempty"`
	// KMSKeyID encrypts with SSE-KMS; empty: the bucket's default encryption.
	KMSKeyID string `json:"kmsKeyID,omitempty"`
	// ObjectLock keeps every object from being deleted or replaced for a time.
	ObjectLock *ObjectLock `json:"objectLock,omitempty"`
}

// ObjectLockMode is an S3 Object Lock mode.
type ObjectLockMode string

// The Object Lock modes of S3 (https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html).
const (
	// ObjectLockGovernance can be lifted with a special permission.
	ObjectLockGovernance ObjectLockMode = "Governance"
	// ObjectLockCompliance cannot be lifted by anybody before its time.
	ObjectLockCompliance ObjectLockMode = "Compliance"
)

// ObjectLock is how long an object stays locked, and how firmly.
type ObjectLock struct {
	// Mode says who can lift the lock.
	Mode ObjectLockMode `json:"mode"`
	// Days from the last backup that uses the object, 1 to 36500; a lock may last a day longer.
	Days int `json:"days" jsonschema:"minimum=1,maximum=36500"`
}

// DirectoryLocation is a directory on this machine.
type DirectoryLocation struct {
	// Path is absolute.
	Path string `json:"path"`
	// AgeRecipients encrypt every file with age (https://age-encryption.org); public keys, age1….
	AgeRecipients []string `json:"ageRecipients,omitempty"`
	// AgeIdentityFile holds the private keys that decrypt; it is read when needed and never stored.
	AgeIdentityFile string `json:"ageIdentityFile,omitempty"`
}
