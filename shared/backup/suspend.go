package backup

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/salvor"
)

// suspend lets go of the backup, so that another process may take it up at once. The context of its run has ended with a
// cause of the code salvor.Suspended, because its process has to; what was frozen is thawed by then.
func (r *run) suspend(ctx context.Context, why error) (*salvor.Backup, error) {
	err := r.record.update(ctx, func(s *salvor.BackupStatus) {
		r.saveProgress(s)
		s.Lease.Holder, s.Lease.Expires = "", metav1.Time{}
	})
	if err != nil {
		return nil, fmt.Errorf("backup %q: letting go of it: %w", r.name, err)
	}
	return r.record.b, fmt.Errorf("backup %q: %w", r.name, why)
}
