package backup

import (
	"context"
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/salvor"
)

// latestCommit is how long after it has seen all segments a run may take to store its manifest. What is marked as unused
// from then on goes after twice that time, and not if a manifest refers to it by then.
const latestCommit = archive.MinGrace / 2

// errAbsent is what the check of a backup's segments finds.
var errAbsent = errors.New("a segment is not there, or about to go")

// checkSegments makes sure, by a list, that every segment is still there and as long as it was, and will be there when the
// manifest is: one that was reused may have been removed meanwhile, or may be about to.
func (r *run) checkSegments(ctx context.Context) error {
	stored, err := r.site.Repository.Inventory(ctx)
	if err != nil {
		return fmt.Errorf("location %q: %w", r.spec.Location, err)
	}
	now := r.Now()
	for _, kind := range r.manifest.Kinds {
		for _, s := range kind.Segments {
			c, there := stored.Copy(s.Digest, max(s.Copy, 1))
			if !there || c.Size != s.StoredBytes || c.Mark != nil && !c.Mark.Usable(now) {
				return salvor.Errorf(salvor.Unavailable, "location %q: segment %s of %s was removed or changed while the backup was made, or is about to be: %w", r.spec.Location, s.Digest, kind.Resource, errAbsent).
					WithHint("run the backup again")
			}
		}
	}
	return nil
}

// checkLate looks at the segments of a manifest that is stored. If it came too late for one of them, the backup can't be
// relied on: that is recorded beside the manifest, which nothing overwrites, and the run fails.
func (r *run) checkLate(ctx context.Context) error {
	err := r.checkSegments(ctx)
	if !errors.Is(err, errAbsent) {
		return err
	}
	e := archive.NewEvent(archive.EventExpired, metav1.NewMicroTime(r.Now()))
	e.By, e.Reason = r.Holder, "its manifest was stored too late for a segment that it refers to"
	if noted := r.site.Repository.PutEvent(ctx, r.name, e); noted != nil {
		return fmt.Errorf("%w; and this could not be recorded beside its manifest: %w", err, noted)
	}
	return err
}
