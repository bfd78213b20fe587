package backup

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"salvor.io/salvor/shared/archive"
)

// locksAtOnce is how many locks are extended side by side.
const locksAtOnce = 16

// extendLocks lets the locks of all segments count from now, where the location locks what it keeps, and notes the versions
// that are locked. A segment that was reused is kept as long as one that was stored for this backup.
func (r *run) extendLocks(ctx context.Context) error {
	if !r.site.Repository.Locks() {
		return nil
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(locksAtOnce)
	for i := range r.manifest.Kinds {
		for j := range r.manifest.Kinds[i].Segments {
			group.Go(func() error { return r.extendLock(ctx, &r.manifest.Kinds[i].Segments[j]) })
		}
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("location %q: %w", r.spec.Location, err)
	}
	return nil
}

func (r *run) extendLock(ctx context.Context, s *archive.Segment) (err error) {
	s.Version, err = r.site.Repository.ExtendSegment(ctx, s.Digest, max(s.Copy, 1))
	return err
}
