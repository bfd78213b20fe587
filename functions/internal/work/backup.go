package work

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"salvor.io/salvor/functions/internal/event"
	"salvor.io/salvor/functions/internal/home"
	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/salvor"
)

// Backups makes backups.
type Backups struct {
	*home.Home
	// Engine makes the engine of one invocation.
	Engine func(holder string) *backup.Engine
	// HandOver lets the state machine work on a backup. Twice with one epoch does it once.
	HandOver func(ctx context.Context, job event.Job, epoch int64) error
}

// Begin records the backup that the ask wants, or the run of its schedule.
func (w *Backups) Begin(ctx context.Context, ask *event.Ask) (*event.Job, string, error) {
	b, ok := ask.Object.(*salvor.Backup)
	switch {
	case ask.Schedule != nil:
		return w.deliver(ctx, *ask.Schedule)
	case !ok:
		return nil, "", salvor.Errorf(salvor.Invalid, "this function makes backups, and the event asks for a %s", ask.Object.GetKind())
	case b.Spec.Schedule != "":
		return nil, "", salvor.Errorf(salvor.Invalid, "spec.schedule: only a schedule sets it")
	case b.RequestedBy == "":
		b.RequestedBy = "invocation/" + home.RequestID(ctx)
	}
	b.RequestID(home.RequestID(ctx))
	asked := b.Spec
	recorded, created, err := w.Engine(w.Holder(ctx)).Begin(ctx, b)
	if err != nil {
		return nil, "", err
	}
	if !created && !salvor.Same(asked, recorded.Spec) {
		return nil, "", salvor.Errorf(salvor.Exists, "backup %s is there already, and of something else", recorded.ID()).WithHint("choose another name")
	}
	w.Log.InfoContext(ctx, "backup begun", "backup", recorded.Name, "cluster", recorded.Status.ClusterID, "created", created)
	return jobOf(recorded), "", nil
}

func jobOf(b *salvor.Backup) *event.Job {
	return &event.Job{Kind: salvor.KindBackup, ClusterID: b.Status.ClusterID, Name: b.Name}
}

// deliver begins the runs of a schedule. One alone is worked on here; several by the state machine, each by itself.
func (w *Backups) deliver(ctx context.Context, s event.Schedule) (*event.Job, string, error) {
	var runs []*salvor.Backup
	engine := w.Engine(w.Holder(ctx))
	schedules := engine.Schedules(w.Catalog, func(ctx context.Context, b *salvor.Backup) error {
		if runs = append(runs, b); len(runs) == 2 {
			if err := w.handOver(ctx, runs[0]); err != nil {
				return err
			}
		}
		if len(runs) > 1 {
			return w.handOver(ctx, b)
		}
		return nil
	})
	schedules.Begin = func(ctx context.Context, b *salvor.Backup) (*salvor.Backup, bool, error) {
		b.RequestID(home.RequestID(ctx))
		return engine.Begin(ctx, b)
	}
	f, err := schedules.Deliver(ctx, s.Name, s.For)
	switch {
	case err != nil && len(runs) == 1: // what could be begun is not lost with the rest
		return nil, "", errors.Join(err, w.handOver(ctx, runs[0]))
	case err != nil:
		return nil, "", err
	case len(f.Runs) > 1:
		return nil, fmt.Sprintf("schedule %q: the state machine works on the runs of %d clusters", s.Name, len(runs)), nil
	case len(f.Runs) == 0:
		return nil, f.Reason, nil
	case f.Runs[0].Status.Phase == salvor.PhaseCanceled:
		return nil, f.Runs[0].Status.Message, nil
	}
	w.Log.InfoContext(ctx, "backup begun", "backup", f.Runs[0].Name, "cluster", f.Runs[0].Status.ClusterID, "created", len(f.Created) > 0)
	return jobOf(f.Runs[0]), "", nil
}

func (w *Backups) handOver(ctx context.Context, b *salvor.Backup) error {
	return w.HandOver(ctx, *jobOf(b), b.Status.Lease.Epoch)
}

// Work makes the backup, or goes on with it.
func (w *Backups) Work(ctx context.Context, job event.Job) (*Answer, error) {
	if job.Kind != salvor.KindBackup {
		return nil, salvor.Errorf(salvor.Invalid, "this function makes backups, and the job is a %s", job.Kind)
	}
	id := salvor.BackupID{ClusterID: job.ClusterID, Name: job.Name}
	b, err := w.Catalog.GetBackup(ctx, id)
	if salvor.Is(err, salvor.NotFound) {
		return deleted(), nil
	}
	if err != nil {
		return nil, err
	}
	until, why, err := backup.Waits(ctx, w.Catalog, b, w.Now())
	if err != nil {
		return nil, err
	}
	if !until.IsZero() {
		seconds := int(math.Ceil(until.Sub(w.Now()).Seconds()))
		return &Answer{Status: Wait, Phase: b.Status.Phase, Message: why, WaitSeconds: min(max(seconds, 1), longestWait), Origin: b.Annotations[salvor.RequestAnnotation]}, nil
	}
	answer, err := w.run(home.CameFrom(ctx, b.ObjectMeta), id)
	if answer != nil {
		answer.Origin = b.Annotations[salvor.RequestAnnotation]
	}
	return answer, err
}

// longestWait is after how many seconds a backup that waits is looked at again: whether it was canceled, too.
const longestWait = 900

func (w *Backups) run(ctx context.Context, id salvor.BackupID) (*Answer, error) {
	trace := w.Trace(ctx)
	defer trace.End()
	engine := w.Engine(w.Holder(ctx))
	engine.OnStep = func(s backup.Step) {
		w.Log.InfoContext(ctx, "step", "backup", id.Name, "step", s)
		trace.Step(string(s))
	}
	b, err := engine.Run(ctx, id)
	switch {
	case salvor.Is(err, salvor.Suspended):
		return &Answer{Status: Continue, Phase: b.Status.Phase, Message: err.Error(), Epoch: b.Status.Lease.Epoch}, nil
	case b != nil && b.Status.Phase == salvor.PhaseSettling:
		return settling(b, w.Now()), nil
	case b != nil:
		measure(ctx, w.Home, b)
		return ended(b.Status.Phase, b.Status.Message, b.Status.Lease.Epoch), nil
	case salvor.Is(err, salvor.NotFound):
		return deleted(), nil
	case salvor.Is(err, salvor.Conflict), salvor.Is(err, salvor.Fenced):
		return w.other(ctx, id)
	}
	return nil, err
}

func deleted() *Answer {
	return &Answer{Status: Done, Message: "there is no such backup; it may have been deleted"}
}

// measure emits what a backup that has ended took.
func measure(ctx context.Context, h *home.Home, b *salvor.Backup) {
	s := b.Status
	h.Emit(ctx, map[string]string{"Backup": b.Name, "Cluster": s.ClusterID, "Schedule": b.Spec.Schedule},
		home.Flag("BackupFailed", !s.Phase.Good() && s.Phase != salvor.PhasePartiallyFailed && s.Phase != salvor.PhaseCanceled),
		home.Flag("BackupPartial", s.Phase == salvor.PhasePartiallyFailed),
		home.Flag("ThawOwed", s.Thaw != nil),
		home.Metric{Name: "BackupFailures", Unit: "Count", Value: float64(len(s.Failures))},
		home.Metric{Name: "BackupDuration", Unit: "Milliseconds", Value: float64(s.CompletedAt.Sub(s.StartedAt.Time).Milliseconds())},
		home.Metric{Name: "BackupFrozen", Unit: "Milliseconds", Value: float64(s.FrozenFor.Milliseconds())},
		home.Metric{Name: "BackupObjects", Unit: "Count", Value: float64(s.Progress.Objects)},
		home.Metric{Name: "BackupUploaded", Unit: "Bytes", Value: float64(s.Progress.BytesUploaded)})
}

// other answers about a backup that is not to be made: it is made already, or being made by another process, or to be deleted.
func (w *Backups) other(ctx context.Context, id salvor.BackupID) (*Answer, error) {
	b, err := w.Catalog.GetBackup(context.WithoutCancel(ctx), id)
	if err != nil {
		return nil, err
	}
	s := b.Status
	if s.Phase == salvor.PhaseDeleting {
		return &Answer{Status: Done, Phase: s.Phase, Message: "it is to be deleted, which another function does"}, nil
	}
	if s.Phase == salvor.PhaseCanceled {
		if err := w.Engine(w.Holder(ctx)).Tidy(ctx, b); err != nil {
			w.Log.ErrorContext(ctx, "snapshots stay in the cluster; salvor volumes orphans finds them", "error", err)
		}
	}
	if s.Phase.Done() {
		return ended(s.Phase, s.Message, s.Lease.Epoch), nil
	}
	if s.Phase == salvor.PhaseSettling {
		return settling(b, w.Now()), nil
	}
	return waitFor(s.Phase, s.Lease, w.Now()), nil
}

// waitFor is the answer about work that somebody else has the lease of.
func waitFor(phase salvor.Phase, lease salvor.Lease, now time.Time) *Answer {
	seconds := int(math.Ceil(lease.Expires.Sub(now).Seconds())) + 1
	return &Answer{Status: Wait, Phase: phase, Message: lease.Holder + " works on it", WaitSeconds: min(max(seconds, 5), 120), Epoch: lease.Epoch}
}
