package serve

import (
	"context"
	"fmt"
	"maps"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/schedule"
)

// mostMissed is how far back missed runs are looked for: longer than a month, so that a monthly run is caught up on.
const mostMissed = 35 * 24 * time.Hour

// fire starts the run of each schedule that is due. Of several that were missed only the newest is made up for.
func (s *Server) fire(ctx, work context.Context) error {
	for cursor := ""; ; {
		page, next, err := s.Catalog.List(ctx, salvor.KindBackupSchedule, cursor, catalog.MaxLimit)
		if err != nil {
			return err
		}
		for _, o := range page {
			if err := s.fireOne(ctx, work, o.(*salvor.BackupSchedule)); err != nil && ctx.Err() == nil {
				s.Log.Error("firing a schedule", "schedule", o.Meta().Name, "error", err)
			}
		}
		if cursor = next; next == "" {
			return nil
		}
	}
}

func (s *Server) fireOne(ctx, work context.Context, b *salvor.BackupSchedule) error {
	if b.Spec.Suspend {
		delete(s.next, b.Name)
		return nil
	}
	o, err := s.Catalog.Get(ctx, salvor.KindSchedulePolicy, b.Spec.Policy)
	if err != nil {
		return err
	}
	policy := o.(*salvor.SchedulePolicy).Spec
	last, err := s.lastRun(ctx, b)
	if err != nil {
		return err
	}
	due, missed, next, err := Due(policy, last, b.CreationTimestamp.Time, s.Now())
	if err != nil {
		return err
	}
	if !next.Equal(s.next[b.Name]) {
		s.next[b.Name] = next
		s.Log.Info("next run", "schedule", b.Name, "at", next)
	}
	if due.IsZero() {
		return nil
	}
	return s.fireAt(ctx, work, b, policy, due, missed)
}

// Due returns the newest time at or before now that the policy names and that is after the last run, how many others
// there are before it, and the next time after now. Times are zero when there are none.
func Due(policy salvor.SchedulePolicySpec, last, created, now time.Time) (due time.Time, missed int, next time.Time, err error) {
	after := created.Add(-time.Second) // a schedule may be due at the second it was made
	for _, t := range []time.Time{last, now.Add(-mostMissed)} {
		if t.After(after) {
			after = t
		}
	}
	for {
		at, err := schedule.Next(policy, after, created)
		if err != nil || at.IsZero() || at.After(now) {
			return due, max(missed-1, 0), at, err
		}
		due, after = at, at
		missed++
	}
}

// lastRun is the newest scheduled time of the schedule's backups.
func (s *Server) lastRun(ctx context.Context, b *salvor.BackupSchedule) (time.Time, error) {
	page, err := s.Catalog.Search(ctx, catalog.Query{Schedule: b.Name, Limit: 20})
	if err != nil {
		return time.Time{}, err
	}
	var last time.Time
	for _, run := range page.Backups {
		if at := run.Spec.ScheduledFor.Time; at.After(last) {
			last = at
		}
	}
	return last, nil
}

func (s *Server) fireAt(ctx, work context.Context, b *salvor.BackupSchedule, policy salvor.SchedulePolicySpec, due time.Time, missed int) error {
	if s.busy(b.Name) {
		return nil // a later turn finds it due again
	}
	run := salvor.New(salvor.KindBackup).(*salvor.Backup)
	run.Name, run.Labels, run.Spec = salvor.RunName(b.Name, due), maps.Clone(b.Spec.Template.Labels), b.Spec.Template.Spec
	run.Spec.Schedule, run.Spec.ScheduledFor = b.Name, metav1.NewTime(due.UTC())
	run.RequestedBy = fmt.Sprintf("schedule/%s by %s", b.Name, s.RequestedBy)
	recorded, created, err := s.Engine().Begin(ctx, run)
	if err != nil {
		return err
	}
	if !created {
		return nil // somebody else fired it; resume sees to it when they die
	}
	if missed > 0 {
		s.Log.Warn("runs were missed while nobody served; the newest is made up for", "schedule", b.Name, "missed", missed, "for", due)
	}
	s.start(work, recorded.ID(), b.Name, func(*salvor.Backup) { s.expireSoon() })
	return nil
}
