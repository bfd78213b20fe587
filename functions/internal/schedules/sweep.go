package schedules

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"salvor.io/salvor/functions/internal/home"
	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/salvor"
)

// Slack is what a delivery by EventBridge gets to begin a run before a sweep does: it comes within a minute.
const Slack = 2 * time.Minute

// Sweep looks after all schedules, again and again: it keeps EventBridge equal to the catalog, begins runs that no delivery
// has begun, and has work gone on with that was begun and left. Twice does it once.
type Sweep struct {
	*home.Home
	Sync *Sync
	// Runs begins runs; its Work hands them to the state machine.
	Runs *backup.Schedules
}

// Or handles {"sweep":"schedules"}, and leaves every other event to another.
func (s *Sweep) Or(other func(context.Context, json.RawMessage) (any, error)) func(context.Context, json.RawMessage) (any, error) {
	return func(ctx context.Context, raw json.RawMessage) (any, error) {
		var ask struct{ Sweep string }
		if err := json.Unmarshal(raw, &ask); err != nil || ask.Sweep != "schedules" {
			return other(ctx, raw)
		}
		return s.Handle(ctx)
	}
}

// Handle sweeps once and returns a *Report. What could not be done is logged, and the sweep fails then.
func (s *Sweep) Handle(ctx context.Context) (any, error) {
	r := &Report{}
	err := s.Sync.Reconcile(ctx, r)
	if err != nil {
		r.add(&r.Failed, err.Error())
	}
	if err := s.runs(ctx, r); err != nil {
		r.add(&r.Failed, err.Error())
	}
	s.Emit(ctx, nil,
		home.Metric{Name: "SchedulesRepaired", Unit: "Count", Value: float64(len(r.Repaired) + len(r.Removed))},
		home.Metric{Name: "RunsMadeUp", Unit: "Count", Value: float64(len(r.MadeUp))},
		home.Metric{Name: "RunsResumed", Unit: "Count", Value: float64(len(r.Resumed))})
	s.Log.InfoContext(ctx, "swept schedules", "checked", r.Checked, "repaired", r.Repaired, "removed", r.Removed, "made_up", r.MadeUp, "resumed", r.Resumed)
	if len(r.Failed) > 0 {
		s.Log.ErrorContext(ctx, "sweep of schedules not done", "failed", r.Failed)
		return nil, salvor.Errorf(salvor.Unavailable, "%d things could not be done, the first: %s", len(r.Failed), r.Failed[0])
	}
	return r, nil
}

// runs begins what is due and was not delivered, and has gone on with what was left.
func (s *Sweep) runs(ctx context.Context, r *Report) error {
	var group errgroup.Group
	group.SetLimit(atOnce)
	err := s.Runs.Each(ctx, func(b *salvor.BackupSchedule) error {
		group.Go(func() error {
			if err := s.one(ctx, b, r); err != nil {
				r.add(&r.Failed, fmt.Sprintf("runs of schedule %q: %v", b.Name, err))
			}
			return nil
		})
		return nil
	})
	_ = group.Wait() // what failed is in the report
	return err
}

func (s *Sweep) one(ctx context.Context, b *salvor.BackupSchedule, r *Report) error {
	f, err := s.Runs.Due(ctx, b)
	for _, run := range f.Created {
		r.add(&r.MadeUp, run.ID().String())
	}
	if err != nil {
		return err
	}
	return s.Runs.Left(ctx, b.Name, func(run *salvor.Backup) error {
		r.add(&r.Resumed, run.ID().String())
		return s.Runs.Work(ctx, run)
	})
}
