package backup

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/salvor"
)

// StatusOf is what the catalog keeps of a backup, as its manifest with this root digest tells it.
func StatusOf(m *archive.Manifest, root string) salvor.BackupStatus {
	s := salvor.BackupStatus{StartedAt: metav1.NewTime(m.StartedAt.Time)}
	tell(&s, m, root)
	return s
}

// tell writes into the status what the manifest with this root digest tells, so that a run that has ended leaves what a
// catalog has that is made anew out of manifests.
func tell(s *salvor.BackupStatus, m *archive.Manifest, root string) {
	s.Phase, s.CutAt, s.Revision, s.RootDigest = m.Phase, m.CutAt, m.Revision, root
	s.CompletedAt, s.SettleBy = metav1.NewTime(m.CompletedAt.Time), metav1.Time{}
	if s.Phase == salvor.PhaseSettling {
		s.CompletedAt, s.SettleBy = metav1.Time{}, metav1.NewTime(m.CutAt.Add(m.Spec.SettleTimeout()))
	}
	s.Namespaces, s.Failures, s.Warnings = m.Namespaces, firstFailures(m.Failures), m.Warnings
	s.Message, s.DataConsistency, s.Volumes = summary(m), m.DataConsistency, archive.Count(m.Volumes)
	s.Progress = salvor.Progress{Kinds: len(m.Kinds), KindsDone: len(m.Kinds), Objects: m.Totals.Objects, Bytes: m.Totals.Bytes,
		Segments: m.Totals.Segments, SegmentsUploaded: m.Totals.UploadedSegments, BytesUploaded: m.Totals.UploadedBytes}
	noteFreezes(s, m.Freezes)
}
