package salvor

// BackupLocation is where backups go: exactly one of S3 and Directory.
type BackupLocation struct {
	TypeMeta   `json:",inline"`
	ObjectMeta `json:"metadata"`
	Spec       BackupLocationSpec `json:"spec"`
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
