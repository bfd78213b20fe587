package backup

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/salvor"
)

// commit checks that every segment is there and stores the report and then the manifest: from then on the backup exists.
func (r *run) commit(ctx context.Context) error {
	r.fill()
	r.step(StepCheck)
	checked := r.Now().Round(0) // without monotonic time, which stands still while a machine sleeps
	if err := r.checkSegments(ctx); err != nil {
		return err
	}
	if err := r.extendLocks(ctx); err != nil {
		return err
	}
	// A worker that lost its lease must not commit: whoever took over does.
	if err := r.record.update(ctx, r.saveProgress); err != nil {
		return err
	}
	r.step(StepReport)
	name := archive.ReportName(r.record.epoch)
	digest, err := r.site.Repository.PutReport(ctx, r.name, name, r.report.encode(r.Now(), nil))
	if err != nil {
		return fmt.Errorf("storing the report: %w", err)
	}
	r.manifest.Report, r.manifest.ReportDigest = name, digest
	if err := r.storeReasons(ctx); err != nil {
		return err
	}
	r.step(StepManifest)
	r.committing = true
	root, err := r.site.Repository.Commit(ctx, &r.manifest)
	if salvor.Is(err, salvor.Exists) {
		return salvor.Errorf(salvor.Fenced, "another worker stored the manifest of backup %q first", r.name)
	}
	if err != nil {
		return fmt.Errorf("storing the manifest: %w", err)
	}
	r.rootHash = root
	if r.Now().Sub(checked) < latestCommit {
		return nil
	}
	return r.checkLate(ctx)
}

// fill completes the manifest.
func (r *run) fill() {
	m, b := &r.manifest, r.begun
	m.FormatVersion = archive.FormatVersion
	m.Backup, m.Cluster, m.ClusterUID, m.KubernetesVersion, m.SalvorVersion = r.name, r.site.Repository.ClusterID(), r.uid, r.version, r.SalvorVersion
	m.RequestedBy, m.Labels, m.Spec = b.RequestedBy, b.Labels, r.spec
	m.CreatedAt, m.StartedAt = metav1.NewMicroTime(b.CreationTimestamp.Time), metav1.NewMicroTime(b.Status.StartedAt.Time)
	m.CompletedAt = metav1.NewMicroTime(r.Now())
	m.Namespaces, m.Freezes = r.namespaces, r.freezeTimes()
	m.FrozenFor = metav1.Duration{Duration: longest(m.Freezes)}
	m.Kinds = r.capture.stored()
	for i := range m.Kinds {
		for j := range m.Kinds[i].Segments {
			s := &m.Kinds[i].Segments[j]
			c := r.capture.uploads.copyOf(s.Digest)
			s.StoredBytes = c.Size
			if c.Number > 1 {
				s.Copy = c.Number
			}
			m.Totals.Segments++
			m.Totals.Objects += s.Objects
			m.Totals.Bytes += s.Bytes
			m.Totals.StoredBytes += s.StoredBytes
		}
	}
	m.Totals.UploadedSegments, m.Totals.UploadedBytes = int(r.capture.uploads.segments.Load()), r.capture.uploads.bytes.Load()
	m.Excluded = r.capture.excludedList()
	m.Warnings = append(m.Warnings, r.capture.uploads.warnings()...)
	slices.SortFunc(m.Failures, func(a, b salvor.Failure) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Namespace, b.Namespace))
	})
	m.Phase = salvor.PhaseCompleted
	if len(m.Failures) > 0 {
		m.Phase = salvor.PhasePartiallyFailed
	}
	if slices.ContainsFunc(m.Volumes, func(v archive.Volume) bool { return v.State == archive.VolumeCut }) {
		m.Phase = salvor.PhaseSettling
	}
}
