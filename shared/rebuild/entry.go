package rebuild

import (
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/salvor"
)

// Entry is the backup as the catalog keeps it, made of its manifest, the root digest of that, and its events.
func Entry(m *archive.Manifest, root string, events []archive.Event) *salvor.Backup {
	b := salvor.New(salvor.KindBackup).(*salvor.Backup)
	b.Name, b.Labels, b.RequestedBy, b.Spec = m.Backup, m.Labels, m.RequestedBy, m.Spec
	b.CreationTimestamp = metav1.NewTime(m.CreatedAt.Time)
	state := archive.Fold(m, events)
	now := *m
	now.Phase, now.CompletedAt, now.Volumes, now.DataConsistency, now.Failures = state.Phase, state.CompletedAt, state.Volumes, state.DataConsistency, state.Failures
	b.Status = backup.StatusOf(&now, root)
	b.Status.ClusterID = m.Cluster
	if n := len(events); n > 0 {
		b.Annotate(salvor.LastEventAnnotation, events[n-1].ID)
		b.Annotate(salvor.EventsAnnotation, strconv.Itoa(n))
	}
	if h := state.Held; h != nil {
		b.Status.Hold = &salvor.Hold{By: h.By, Since: metav1.NewTime(h.At.Time), Reason: h.Reason, Recorded: true}
	}
	if state.Expired != nil { // somebody began to delete it; the expiry goes on with it
		b.Status.Phase = salvor.PhaseDeleting
	}
	return b
}
