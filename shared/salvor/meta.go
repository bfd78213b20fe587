package salvor

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// APIVersion is the apiVersion of every Salvor object.
const APIVersion = "salvor.io/v1"

// The kinds of Salvor objects.
const (
	KindCluster        = "Cluster"
	KindBackupLocation = "BackupLocation"
	KindRule           = "Rule"
	KindSchedulePolicy = "SchedulePolicy"
	KindBackupSchedule = "BackupSchedule"
	KindBackup         = "Backup"
	KindRestore        = "Restore"
)

// TypeMeta names the kind and version of an object.
type TypeMeta struct {
	// APIVersion is salvor.io/v1.
	APIVersion string `json:"apiVersion"`
	// Kind is one of Kinds.
	Kind string `json:"kind"`
}

// GetKind returns the kind of the object.
func (t *TypeMeta) GetKind() string { return t.Kind }

// ObjectMeta identifies an object and says who asked for it.
type ObjectMeta struct {
	// Name is a DNS-1123 label or subdomain, unique within a kind; a Backup's within its cluster.
	Name string `json:"name" jsonschema:"maxLength=253,pattern=^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"`
	// Labels are the user's own; searches select by them.
	Labels map[string]string `json:"labels,omitempty"`
	// Annotations carry what is not searched.
	Annotations map[string]string `json:"annotations,omitempty"`
	// CreationTimestamp is set by the catalog's caller when the object is first stored.
	CreationTimestamp metav1.Time `json:"creationTimestamp,omitzero"`
	// ResourceVersion changes with each write; an update must carry the one it read.
	ResourceVersion string `json:"resourceVersion,omitempty"`
	// RequestedBy records who asked for the object: a user on one machine, an ARN on AWS.
	RequestedBy string `json:"requestedBy,omitempty"`
}

// Meta returns the metadata for reading and writing.
func (m *ObjectMeta) Meta() *ObjectMeta { return m }

// Object is any of Salvor's kinds.
type Object interface {
	GetKind() string
	Meta() *ObjectMeta
	// Default fills in what the user left out. Calling it twice changes nothing.
	Default()
	// Validate reports every mistake at once, each naming its field.
	Validate() field.ErrorList
}

// New returns an empty object of the kind, or nil when the kind is unknown.
func New(kind string) Object {
	t := TypeMeta{APIVersion: APIVersion, Kind: kind}
	switch kind {
	case KindCluster:
		return &Cluster{TypeMeta: t}
	case KindBackupLocation:
		return &BackupLocation{TypeMeta: t}
	case KindRule:
		return &Rule{TypeMeta: t}
	case KindSchedulePolicy:
		return &SchedulePolicy{TypeMeta: t}
	case KindBackupSchedule:
		return &BackupSchedule{TypeMeta: t}
	case KindBackup:
		return &Backup{TypeMeta: t}
	case KindRestore:
		return &Restore{TypeMeta: t}
	case KindFreeze:
		return &Freeze{TypeMeta: t}
	}
	return nil
}

// Kinds lists every kind, in the order in which they are applied: what is referred to comes first.
func Kinds() []string {
	return []string{KindCluster, KindBackupLocation, KindRule, KindSchedulePolicy, KindBackupSchedule, KindBackup, KindRestore}
}
