package work

import (
	"context"
	"math"
	"time"

	"salvor.io/salvor/functions/internal/event"
	"salvor.io/salvor/functions/internal/home"
	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/salvor"
)

// Settling looks after the snapshots of backups.
type Settling struct {
	*home.Home
	// Settler makes what looks in one invocation.
	Settler func(holder string) *backup.Settler
}

// Begin refuses: a backup settles once it is made.
func (w *Settling) Begin(context.Context, *event.Ask) (*event.Job, string, error) {
	return nil, "", salvor.Errorf(salvor.Invalid, "this function looks after the snapshots of a backup that is made").WithHint(`send {"job":"Backup","clusterID":…,"name":…}, or invoke the backup function`)
}

// Work looks once, and says when to look again.
func (w *Settling) Work(ctx context.Context, job event.Job) (*Answer, error) {
	if job.Kind != salvor.KindBackup {
		return nil, salvor.Errorf(salvor.Invalid, "this function looks after the snapshots of backups, and the job is a %s", job.Kind)
	}
	id := salvor.BackupID{ClusterID: job.ClusterID, Name: job.Name}
	trace := w.Trace(ctx)
	defer trace.End()
	settler := w.Settler(w.Holder(ctx))
	settler.OnStep = func(s backup.Step) {
		w.Log.InfoContext(ctx, "step", "backup", id.Name, "step", s)
		trace.Step(string(s))
	}
	before, err := w.Catalog.GetBackup(ctx, id)
	if err == nil && before.Status.Phase.Done() { // asked for twice
		return ended(before.Status.Phase, before.Status.Message, before.Status.Lease.Epoch), nil
	}
	var b *salvor.Backup
	if err == nil {
		b, err = settler.Settle(home.CameFrom(ctx, before.ObjectMeta), id)
	}
	switch {
	case salvor.Is(err, salvor.NotFound), salvor.Is(err, salvor.Conflict) && b != nil && b.Status.Phase == salvor.PhaseDeleting:
		return deleted(), nil
	case salvor.Is(err, salvor.Conflict) && b != nil: // the backup function is at it
		return &Answer{Status: Continue, Phase: b.Status.Phase, Message: err.Error(), Epoch: b.Status.Lease.Epoch}, nil
	case err != nil:
		return nil, err
	case b.Status.Phase == salvor.PhaseSettling:
		return settling(b, w.Now()), nil
	}
	measure(ctx, w.Home, b)
	return ended(b.Status.Phase, b.Status.Message, b.Status.Lease.Epoch), nil
}

// settling is the answer about a backup whose snapshots are not ready yet.
func settling(b *salvor.Backup, now time.Time) *Answer {
	seconds := int(math.Ceil(backup.NextLook(b).Sub(now).Seconds()))
	return &Answer{Status: Settle, Phase: b.Status.Phase, Message: b.Status.Message, WaitSeconds: max(seconds, 1), Epoch: b.Status.Lease.Epoch}
}
