package backup

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/salvor"
)

// StatusOf is what the catalog keeps of a backup that has ended, as its manifest with this root digest tells it.
func StatusOf(m *archive.Manifest, root string) salvor.BackupStatus {
	s := salvor.BackupStatus{Phase: m.Phase, CutAt: m.CutAt, Revision: m.Revision, RootDigest: root,
		StartedAt: metav1.NewTime(m.StartedAt.Time), CompletedAt: metav1.NewTime(m.CompletedAt.Time),
		Namespaces: m.Namespaces, Failures: firstFailures(m.Failures), Warnings: m.Warnings, Message: summary(m),
		DataConsistency: m.DataConsistency, Volumes: archive.Count(m.Volumes)}
	s.Progress = salvor.Progress{Kinds: len(m.Kinds), KindsDone: len(m.Kinds), Objects: m.Totals.Objects, Bytes: m.Totals.Bytes,
		Segments: m.Totals.Segments, SegmentsUploaded: m.Totals.UploadedSegments, BytesUploaded: m.Totals.UploadedBytes}
	(&run{times: m.Freezes}).noteFreezes(&s)
	return s
}
