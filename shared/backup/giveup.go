package backup

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

// mostEpochs is the epoch from which on a backup whose workers die while they hold the application is not begun again.
// A worker, and each attempt to thaw after it, have one: what died three times is not begun again, nor what could be thawed
// only after many attempts.
const mostEpochs = 6

// Hopeless says why nobody should take up an abandoned backup any more; "" if it may still be made. One whose workers die
// again and again would freeze the application for nothing each time.
func Hopeless(b *salvor.Backup, now time.Time) string {
	s := b.Status
	switch {
	case s.Phase == salvor.PhaseQuiescing && s.Lease.Epoch >= mostEpochs:
		return "its workers died, or could not thaw, again and again while the application was frozen"
	case !s.StartedAt.IsZero() && now.Sub(s.StartedAt.Time) > timeout(b.Spec):
		return fmt.Sprintf("not done within %s, and its last worker died", timeout(b.Spec))
	}
	return ""
}

// GiveUp records an abandoned backup as Failed. Conflict: it has ended, owes a thaw, or somebody has taken it up since
// its epoch was the one given.
func GiveUp(ctx context.Context, c catalog.Backups, id salvor.BackupID, epoch int64, now time.Time, why string) (*salvor.Backup, error) {
	return catalog.MutateBackup(ctx, c, id, func(b *salvor.Backup) error {
		s := &b.Status
		if s.Phase.Done() || s.Phase == salvor.PhaseDeleting || s.Phase == salvor.PhaseSettling || s.Thaw != nil || s.Lease.Epoch != epoch || !Abandoned(b, now) {
			return salvor.Errorf(salvor.Conflict, "backup %s is %s, and not abandoned since epoch %d", id, s.Phase, epoch)
		}
		s.Phase, s.Message = salvor.PhaseFailed, why
		s.CompletedAt = metav1.NewTime(now)
		s.Checkpoint = ""
		s.Lease = salvor.Lease{Epoch: epoch}
		return nil
	})
}
