package watchdog

import (
	"context"
	"time"

	"salvor.io/salvor/functions/internal/event"
	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

// settlesWithin is how old a backup that waits for its snapshots may be: they get seven days, and it took its time before.
const settlesWithin = 9 * 24 * time.Hour

// settling hands backups that wait for their snapshots, and that nobody looks after any more, on to the state machine.
func (w *Watchdog) settling(ctx context.Context) (*Answer, error) {
	answer := &Answer{}
	q := catalog.Query{From: w.Now().Add(-settlesWithin), Phases: []salvor.Phase{salvor.PhaseSettling}, Limit: catalog.MaxLimit}
	for {
		page, err := w.Catalog.Search(ctx, q)
		if err != nil {
			w.Log.ErrorContext(ctx, "looking for backups that wait for their snapshots", "error", err)
			return nil, err
		}
		for _, b := range page.Backups {
			answer.Looked++
			if !backup.Forgotten(b, w.Now()) {
				continue
			}
			s := b.Status
			if err := w.HandOver(ctx, event.Job{Kind: salvor.KindBackup, ClusterID: s.ClusterID, Name: b.Name}, s.Lease.Epoch); err != nil {
				w.Log.ErrorContext(ctx, "a backup that waits for its snapshots could not be handed on", "backup", b.Name, "cluster", s.ClusterID, "error", err)
				answer.Failed++
				continue
			}
			answer.HandedOn++
			w.Log.InfoContext(ctx, "handed a backup that waits for its snapshots on to the state machine", "backup", b.Name, "cluster", s.ClusterID, "looked_at", s.LookedAt.UTC())
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	if answer.Failed > 0 {
		return nil, salvor.Errorf(salvor.Unavailable, "%d of %d backups could not be handed on; the log says why", answer.Failed, answer.Looked)
	}
	return answer, nil
}
