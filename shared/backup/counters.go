package backup

import (
	"sync/atomic"

	"salvor.io/salvor/shared/salvor"
)

// counters are what a run has done so far, for the progress.
type counters struct {
	kinds, kindsDone atomic.Int64
	objects, bytes   atomic.Int64
	segments         atomic.Int64
}

// saveProgress copies the counters into the status.
func (r *run) saveProgress(s *salvor.BackupStatus) {
	s.Progress = salvor.Progress{
		Kinds: int(r.totals.kinds.Load()), KindsDone: int(r.totals.kindsDone.Load()),
		Objects: r.totals.objects.Load(), Bytes: r.totals.bytes.Load(), Segments: int(r.totals.segments.Load()),
	}
	if u := r.uploading.Load(); u != nil {
		s.Progress.SegmentsUploaded, s.Progress.BytesUploaded = int(u.segments.Load()), u.bytes.Load()
	}
}
