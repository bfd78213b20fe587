package serve

import (
	"context"

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/salvor"
)

// fire begins the runs of each schedule that are due; what there is room for is worked on.
func (s *Server) fire(ctx context.Context) error {
	schedules := s.Engine().Schedules(s.Catalog, s.enqueue)
	schedules.RequestedBy = s.RequestedBy
	return schedules.Each(ctx, func(b *salvor.BackupSchedule) error {
		if err := s.fireOne(ctx, schedules, b); err != nil && ctx.Err() == nil {
			s.Log.Error("firing a schedule", "schedule", b.Name, "error", err)
		}
		return ctx.Err()
	})
}

func (s *Server) fireOne(ctx context.Context, schedules *backup.Schedules, b *salvor.BackupSchedule) error {
	f, err := schedules.Due(ctx, b)
	switch {
	case f.Next.IsZero():
		delete(s.next, b.Name)
	case !f.Next.Equal(s.next[b.Name]):
		s.next[b.Name] = f.Next
		s.Log.Info("next run", "schedule", b.Name, "at", f.Next)
	}
	if f.Missed > 0 && len(f.Created) > 0 {
		s.Log.Warn("runs were missed while nobody served; the newest is made up for", "schedule", b.Name, "missed", f.Missed, "for", f.At)
	}
	for _, run := range f.Created {
		log := s.Log.With("schedule", b.Name, "backup", run.Name, "cluster", run.Status.ClusterID)
		switch at := run.Spec.NotBefore; {
		case run.Status.Phase == salvor.PhaseCanceled:
			log.Warn("a run is left out", "reason", run.Status.Message)
		case !at.IsZero():
			log.Info("run recorded; its jitter lets it begin later", "at", at.Time)
		}
	}
	return err
}

// ready reports whether a backup may begin; a later turn looks at one that has to wait, and may be told of by s.nextStart.
func (s *Server) ready(ctx context.Context, b *salvor.Backup) bool {
	until, _, err := backup.Waits(ctx, s.Catalog, b, s.Now())
	if err != nil {
		s.Log.Error("looking whether a run may begin", "backup", b.Name, "error", err)
		return false
	}
	if until.IsZero() {
		return true
	}
	if s.nextStart.IsZero() || until.Before(s.nextStart) {
		s.nextStart = until
	}
	return false
}

// afterRun is what follows a run of a schedule; nil for other backups.
func (s *Server) afterRun(b *salvor.Backup) func(*salvor.Backup) {
	if b.Spec.Schedule == "" {
		return nil
	}
	return func(*salvor.Backup) { s.expireSoon() }
}
