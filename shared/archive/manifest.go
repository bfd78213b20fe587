package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
)

// FormatVersion is the version of the stored format that this package writes. It reads every version up to it.
const FormatVersion = 1

// Manifest is what makes a backup exist: written last, once, never changed.
type Manifest struct {
	FormatVersion int `json:"formatVersion"`
	// Backup is the backup's name, Cluster the id it is stored under.
	Backup  string `json:"backup"`
	Cluster string `json:"cluster"`
	// ClusterUID is the UID of the namespace kube-system.
	ClusterUID        string            `json:"clusterUID,omitempty"`
	KubernetesVersion string            `json:"kubernetesVersion,omitempty"`
	SalvorVersion     string            `json:"salvorVersion,omitempty"`
	RequestedBy       string            `json:"requestedBy,omitempty"`
	Labels            map[string]string `json:"labels,omitempty"`
	// Spec is what was asked for.
	Spec        salvor.BackupSpec `json:"spec"`
	CreatedAt   metav1.MicroTime  `json:"createdAt"`
	StartedAt   metav1.MicroTime  `json:"startedAt"`
	CutAt       metav1.MicroTime  `json:"cutAt"`
	CompletedAt metav1.MicroTime  `json:"completedAt"`
	// Phase is Completed, PartiallyFailed, or Settling until an event says which of them it became.
	Phase salvor.Phase `json:"phase"`
	// Revision is the capture revision; all segments were read at it, except those of Exceptions.
	Revision string `json:"revision"`
	// Exceptions are kinds that were not read at Revision.
	Exceptions []Exception `json:"exceptions,omitempty"`
	// Failures are what is missing.
	Failures []salvor.Failure `json:"failures,omitempty"`
	Warnings []string         `json:"warnings,omitempty"`
	// Namespaces that the backup contains, sorted.
	Namespaces []string `json:"namespaces"`
	// FrozenFor is how long the application was quiesced.
	FrozenFor metav1.Duration `json:"frozenFor,omitzero"`
	// Freezes are what was quiesced together and for how long, in the order in which it began.
	Freezes []salvor.FreezeTime `json:"freezes,omitempty"`
	Totals  Totals              `json:"totals"`
	// Volumes are the claims of the backup and where their data is, sorted by namespace and name.
	Volumes []Volume `json:"volumes,omitempty"`
	// DataConsistency says what that is worth; empty in manifests of before there were Volumes.
	DataConsistency salvor.DataConsistency `json:"dataConsistency,omitempty"`
	// Excluded counts the objects of chosen kinds that were left out, by reason.
	Excluded []Excluded `json:"excluded,omitempty"`
	// Report is the file beside the manifest that holds rule output and timings, with its SHA-256 (hex).
	Report       string `json:"report,omitempty"`
	ReportDigest string `json:"reportDigest,omitempty"`
	// Reasons is the file beside the manifest that says why each object is in a backup with a closure, with its SHA-256 (hex).
	Reasons       string `json:"reasons,omitempty"`
	ReasonsDigest string `json:"reasonsDigest,omitempty"`
	// Kinds are the kinds that have objects in the backup, sorted by resource.group.
	Kinds []Kind `json:"kinds"`
}

// Exception is a kind, or its objects in one namespace, read at another revision than the manifest's.
type Exception struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	// Revision it was read at; empty when its server has none.
	Revision string `json:"revision,omitempty"`
	// After is the key (namespace/name) of the last object that was still read at the capture revision, or at that of the
	// exception before; empty: none was.
	After  string `json:"after,omitempty"`
	Reason string `json:"reason"`
}

// Excluded counts objects of one kind that were left out for one reason.
type Excluded struct {
	Kind    string `json:"kind"`
	Reason  string `json:"reason"`
	Objects int64  `json:"objects"`
}

// Totals are sums over all segments.
type Totals struct {
	Objects     int64 `json:"objects"`
	Segments    int   `json:"segments"`
	Bytes       int64 `json:"bytes"`
	StoredBytes int64 `json:"storedBytes"`
	// UploadedBytes and UploadedSegments are what the location lacked.
	UploadedSegments int   `json:"uploadedSegments"`
	UploadedBytes    int64 `json:"uploadedBytes"`
}

// Kind is one kind and its segments, in the order of their objects.
type Kind struct {
	cluster.Resource `json:",inline"`
	Segments         []Segment `json:"segments"`
}

// Segment is one stored segment.
type Segment struct {
	Namespace string `json:"namespace,omitempty"`
	// Digest is the SHA-256 (hex) of the uncompressed bytes; the key is made of it.
	Digest string `json:"digest"`
	// Objects is the number of lines, Bytes their length with line ends, StoredBytes the length as stored (0: stored by an earlier backup, not asked again).
	Objects     int64 `json:"objects"`
	Bytes       int64 `json:"bytes"`
	StoredBytes int64 `json:"storedBytes,omitempty"`
	// First and Last are the names of the first and last object.
	First string `json:"first"`
	Last  string `json:"last"`
	// Copy is the number of the copy that the backup has seen, when that is not the first: where to begin to look.
	Copy int `json:"copy,omitempty"`
	// Version is the id of that copy's version, in a location that locks what it keeps: it can be read also when somebody
	// has hidden it behind a delete marker.
	Version string `json:"version,omitempty"`
}

// rootMark stands before the root digest, which covers every byte of the manifest before this mark.
const rootMark = `,"rootDigest":"sha256:`

// rootTail is the mark, 64 hex digits, quote, brace and line end.
const rootTail = len(rootMark) + 64 + 3

// EncodeManifest returns the manifest's bytes, which end with the root digest over all that stands before it, and that digest ("sha256:" and hex).
func EncodeManifest(m *Manifest) (data []byte, rootDigest string, err error) {
	body, err := json.Marshal(m)
	if err != nil {
		return nil, "", fmt.Errorf("encoding manifest of backup %q: %w", m.Backup, err)
	}
	body = bytes.TrimSuffix(body, []byte("}"))
	sum := sha256.Sum256(body)
	hexSum := hex.EncodeToString(sum[:])
	return append(body, rootMark+hexSum+"\"}\n"...), "sha256:" + hexSum, nil
}

// DecodeManifest checks the root digest over the bytes and decodes them. Corrupt: any bit is not as it was written;
// Invalid: a later format version than this program reads.
func DecodeManifest(data []byte) (m *Manifest, rootDigest string, err error) {
	body, rootDigest, err := splitRoot(data)
	if err != nil {
		return nil, "", err
	}
	m = &Manifest{}
	if err := json.Unmarshal(append(body[:len(body):len(body)], '}'), m); err != nil {
		return nil, "", salvor.Errorf(salvor.Corrupt, "decoding manifest: %w", err)
	}
	if m.FormatVersion < 1 || m.FormatVersion > FormatVersion {
		return nil, "", salvor.Errorf(salvor.Invalid, "manifest of backup %q has format version %d; this salvor reads 1 to %d", m.Backup, m.FormatVersion, FormatVersion).
			WithHint("use a newer salvor")
	}
	return m, rootDigest, nil
}

// splitRoot returns the bytes that the root digest covers after having checked them against it.
func splitRoot(data []byte) ([]byte, string, error) {
	if len(data) < rootTail {
		return nil, "", salvor.Errorf(salvor.Corrupt, "manifest is too short: %d bytes", len(data))
	}
	body, tail := data[:len(data)-rootTail], data[len(data)-rootTail:]
	sum := sha256.Sum256(body)
	hexSum := hex.EncodeToString(sum[:])
	if string(tail) != rootMark+hexSum+"\"}\n" {
		return nil, "", salvor.Errorf(salvor.Corrupt, "manifest does not match its root digest")
	}
	return body, "sha256:" + hexSum, nil
}
