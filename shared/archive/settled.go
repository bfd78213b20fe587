package archive

import (
	"crypto/sha256"

	"github.com/oklog/ulid/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// SettledEvent returns the event of how the backup of the manifest settled. Its id is made of the manifest: of two that
// settle a backup at the same time, a location lets one store it.
func SettledEvent(m *Manifest, at metav1.MicroTime) Event {
	e := NewEvent(EventSettled, at)
	e.ID = SettledID(m)
	return e
}

// SettledID is the id of that event.
func SettledID(m *Manifest) string {
	sum := sha256.Sum256([]byte(m.Cluster + "/" + m.Backup + "/" + m.CreatedAt.UTC().String()))
	var id ulid.ULID
	_ = id.SetTime(ulid.Timestamp(m.CompletedAt.Time)) // a time of before the year 10889 is none that fails
	_ = id.SetEntropy(sum[:10])
	return id.String()
}
