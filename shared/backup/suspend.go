package backup

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/salvor"
)

// suspend lets go of the backup, so that another process may take it up at once. The context of its run has ended with a
// cause of the code salvor.Suspended, because its process has to; what was frozen is thawed by then. How far the capture
// is goes into a checkpoint; before the cut there is nothing to note, and the next worker begins anew.
func (r *run) suspend(ctx context.Context, why error) (*salvor.Backup, error) {
	checkpoint, err := r.storeCheckpoint(ctx)
	if err != nil {
		return nil, fmt.Errorf("backup %q: noting how far it is: %w", r.name, err)
	}
	err = r.record.update(ctx, func(s *salvor.BackupStatus) {
		r.saveProgress(s)
		if checkpoint != "" {
			s.Checkpoint = checkpoint
		}
		s.Lease.Holder, s.Lease.Expires = "", metav1.Time{}
	})
	if err != nil {
		return nil, fmt.Errorf("backup %q: letting go of it: %w", r.name, err)
	}
	return r.record.b, fmt.Errorf("backup %q: %w", r.name, why)
}

// tooSlow is the error of a run whose time was up while the application was frozen: to freeze it again in the next
// process would only bring the same about.
func (r *run) tooSlow() error {
	return salvor.Errorf(salvor.DeadlineExceeded, "the rules were not done in the time that one process has; the application was let go on").
		WithHint("make them quicker, or run the backup where processes live longer, such as salvor backup create")
}
