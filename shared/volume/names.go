package volume

import (
	"crypto/sha256"
	"encoding/hex"

	"salvor.io/salvor/shared/salvor"
)

// The labels and annotations of what Salvor creates in a cluster. A label's value is short, so ids are hashed; the
// annotation beside it is for people.
const (
	// LabelManaged is set to ManagedBy.
	LabelManaged = "app.kubernetes.io/managed-by"
	ManagedBy    = "salvor"
	// LabelCatalog names the catalog that the backup or restore is in, by hash of its id: another leaves the object alone.
	LabelCatalog = "salvor.io/catalog"
	// LabelBackup names the backup that the object was made for, by hash of its identity.
	LabelBackup = "salvor.io/backup"
	// LabelEpoch is the epoch of the worker that cut a snapshot: a later one leaves alone what it goes on with, and removes the rest.
	LabelEpoch = "salvor.io/epoch"
	// LabelRestore names the restore that the object was made for, by hash of its name.
	LabelRestore = "salvor.io/restore"
	// AnnotationFor is the backup's identity, or the restore's name.
	AnnotationFor = "salvor.io/for"
)

// Hash is an id as a label's value: 16 hex digits.
func Hash(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:8])
}

// BackupLabels are the labels of what is made for a backup of the catalog.
func BackupLabels(catalog string, id salvor.BackupID) map[string]string {
	return map[string]string{LabelManaged: ManagedBy, LabelCatalog: Hash(catalog), LabelBackup: Hash(id.String())}
}

// RestoreLabels are the labels of what is made for a restore of the catalog.
func RestoreLabels(catalog, restore string) map[string]string {
	return map[string]string{LabelManaged: ManagedBy, LabelCatalog: Hash(catalog), LabelRestore: Hash(restore)}
}
