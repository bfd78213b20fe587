package cli

import (
	"context"
	"time"

	"salvor.io/salvor/cmd/salvor/internal/home"
	"salvor.io/salvor/shared/salvor"
)

// How often a command looks at a backup that it waits for: after a tenth of its age, but for these bounds.
const (
	soonestLook = 500 * time.Millisecond
	latestLook  = 30 * time.Second
)

// awaitSettled waits until the snapshots of a backup are ready, or given up, and shows which are not. Interrupted, it
// leaves the backup as it is, and says who goes on with it.
func (a *app) awaitSettled(ctx context.Context, h *home.Home, b *salvor.Backup) (*salvor.Backup, error) {
	p := a.progress("backup " + b.Name)
	defer p.end()
	settler := h.Settler()
	for b.Status.Phase == salvor.PhaseSettling {
		s := b.Status
		p.show(int64(s.Volumes.Ready), int64(s.Volumes.Cut), settlingText(b)+", since "+a.age(s.CutAt.Time))
		var now *salvor.Backup
		err := pause(ctx, min(max(a.sys.Now().Sub(s.CutAt.Time)/10, soonestLook), latestLook))
		switch {
		case err != nil:
		case h.Remote != nil:
			now, err = h.Remote.GetBackup(ctx, b.ID())
		default:
			now, err = settler.Settle(ctx, b.ID())
		}
		if ctx.Err() != nil {
			return b, salvor.Errorf(salvor.Canceled, "not waited for any more: backup %s is still Settling", b.ID()).WithHint("%s", settlingNext(b))
		}
		if err != nil {
			return b, err
		}
		b = now
	}
	return b, nil
}

// settlingText says how far the snapshots are.
func settlingText(b *salvor.Backup) string {
	if b.Status.LookedAt.IsZero() {
		return count(b.Status.Volumes.Cut-b.Status.Volumes.Ready, "snapshot") + " not ready yet"
	}
	return oneLine(b.Status.Message)
}

// settlingNext says who goes on with a backup that waits for its snapshots.
func settlingNext(b *salvor.Backup) string {
	return "salvor backup resume " + b.ID().String() + " waits for its snapshots; salvor serve, or the service, looks after them by itself"
}

// addSettling adds how far a backup is that waits for its snapshots.
func (a *app) addSettling(f *facts, b *salvor.Backup) {
	s := b.Status
	f.add("snapshots", "%s", settlingText(b))
	f.add("settles by", "%s; what is not ready then is given up", a.time(s.SettleBy.Time))
	if !s.LookedAt.IsZero() {
		f.add("looked at", "%s (%s ago)", a.time(s.LookedAt.Time), a.age(s.LookedAt.Time))
	}
	if s.CancelRequested {
		f.add("cancel", "requested; the next look ends it")
	}
	f.add("next", "%s", settlingNext(b))
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
