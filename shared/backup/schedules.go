package backup

import (
	"context"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/schedule"
)

// Schedules begins the runs of schedules. Each run is recorded in the catalog under its scheduled time before anybody works
// on it, and only when all are, that time is noted as the schedule's last: who is killed between, or does it twice, loses
// and doubles none.
type Schedules struct {
	// Catalog keeps schedules, policies, clusters and backups.
	Catalog catalog.Catalog
	// Begin records a backup, as *Engine does; Skip records one that is not to be made, with the reason.
	Begin func(ctx context.Context, b *salvor.Backup) (recorded *salvor.Backup, created bool, err error)
	Skip  func(ctx context.Context, b *salvor.Backup, why string) (recorded *salvor.Backup, created bool, err error)
	// Work makes sure that somebody works on a backup that was begun; it does not wait for that. Twice does it once.
	Work func(ctx context.Context, b *salvor.Backup) error
	// Now is the clock.
	Now func() time.Time
	// Slack is how long another way of delivery gets to begin a run before Due does. Default: none.
	Slack time.Duration
	// RequestedBy is who runs this; it may be empty.
	RequestedBy string
}

// Schedules returns what begins runs with this engine.
func (e *Engine) Schedules(c catalog.Catalog, work func(context.Context, *salvor.Backup) error) *Schedules {
	return &Schedules{Catalog: c, Begin: e.Begin, Skip: e.BeginSkipped, Work: work, Now: e.Now}
}

// Fired is what was begun.
type Fired struct {
	// At is the time that the runs were meant for; zero: none was due.
	At time.Time
	// Missed is how many runs before it were missed, and are not made up for.
	Missed int
	// Created are the runs that are recorded now and were not before; Runs are all of that time.
	Created, Runs []*salvor.Backup
	// Next is the next run after now; zero: there is none.
	Next time.Time
	// Reason says why there is nothing to do.
	Reason string
}

// mostMissed bounds the count of missed runs.
const mostMissed = 10_000

// Due begins the newest run of the schedule that is due and was not begun, if it was not missed for too long.
func (s *Schedules) Due(ctx context.Context, b *salvor.BackupSchedule) (*Fired, error) {
	if b.Spec.Suspend {
		return &Fired{Reason: "it is suspended"}, nil
	}
	policy, plan, err := s.plan(ctx, b)
	if err != nil {
		return &Fired{}, err
	}
	now := s.Now()
	f := &Fired{Next: plan.Next(now)}
	since := beginsAfter(b, policy, now)
	after := since
	if earliest := now.Add(-policy.Spec.LatestStart()); earliest.After(after) {
		after = earliest
	}
	f.At = plan.Newest(after, now.Add(-s.Slack))
	if f.At.IsZero() {
		return f, nil
	}
	f.Missed = plan.Count(since, f.At, mostMissed)
	return f, s.begin(ctx, b, policy, f)
}

// beginsAfter is the time that runs which may be due come after: what was noted at last, unless the clock was wrong then, for
// no run would begin until that time.
func beginsAfter(b *salvor.BackupSchedule, policy *salvor.SchedulePolicy, now time.Time) time.Time {
	since := b.RunsSince(policy).Add(-time.Second) // a schedule may be due at the second it was made
	if since.After(now.Add(salvor.ClockAhead)) {
		since = now.Add(-salvor.ClockAhead)
	}
	if last := b.Status.LastRun.Time; last.After(since) && !last.After(now.Add(salvor.ClockAhead)) {
		return last
	}
	return since
}

// Deliver begins the runs of the schedule that a delivery of the time asks for, unless the policy has none then.
func (s *Schedules) Deliver(ctx context.Context, name string, at time.Time) (*Fired, error) {
	b, err := s.get(ctx, name)
	if err != nil {
		return nil, err
	}
	if b.Spec.Suspend {
		return &Fired{Reason: fmt.Sprintf("schedule %q is suspended", name)}, nil
	}
	policy, plan, err := s.plan(ctx, b)
	if err != nil {
		return nil, err
	}
	run := plan.Meant(at)
	if run.IsZero() {
		return &Fired{Reason: fmt.Sprintf("schedule %q has no run at %s: it is a blackout, a week that is not meant, or the policy was changed", name, at.UTC().Format(time.RFC3339))}, nil
	}
	f := &Fired{At: run}
	return f, s.begin(ctx, b, policy, f)
}

// Ask begins runs of the schedule by hand, as of a time, at once, whether or not it is suspended. The same time twice is the
// same run.
func (s *Schedules) Ask(ctx context.Context, name string, at time.Time, by string) (*Fired, error) {
	b, err := s.get(ctx, name)
	if err != nil {
		return nil, err
	}
	f := &Fired{At: at.Truncate(time.Second)}
	return f, s.record(ctx, b, salvor.SchedulePolicySpec{}, by, f)
}

func (s *Schedules) get(ctx context.Context, name string) (*salvor.BackupSchedule, error) {
	o, err := s.Catalog.Get(ctx, salvor.KindBackupSchedule, name)
	if err != nil {
		return nil, err
	}
	return o.(*salvor.BackupSchedule), nil
}

func (s *Schedules) plan(ctx context.Context, b *salvor.BackupSchedule) (*salvor.SchedulePolicy, *schedule.Plan, error) {
	o, err := s.Catalog.Get(ctx, salvor.KindSchedulePolicy, b.Spec.Policy)
	if err != nil {
		return nil, nil, missing(err, "spec.policy", "policy", b.Spec.Policy)
	}
	policy := o.(*salvor.SchedulePolicy)
	plan, err := schedule.Compile(policy.Spec, b.CreationTimestamp.Time)
	return policy, plan, err
}

// begin records the runs of a time, and notes it as the last.
func (s *Schedules) begin(ctx context.Context, b *salvor.BackupSchedule, policy *salvor.SchedulePolicy, f *Fired) error {
	by := "schedule/" + b.Name
	if s.RequestedBy != "" {
		by += " by " + s.RequestedBy
	}
	if err := s.record(ctx, b, policy.Spec, by, f); err != nil {
		return err
	}
	return s.note(ctx, b.Name, f.At)
}

// record records the run of each cluster, and has it worked on. One that can't be recorded holds up no other.
func (s *Schedules) record(ctx context.Context, b *salvor.BackupSchedule, policy salvor.SchedulePolicySpec, by string, f *Fired) error {
	clusters, err := ScheduledClusters(ctx, s.Catalog, b)
	if err != nil {
		return fmt.Errorf("schedule %q: %w", b.Name, err)
	}
	var errs []error
	for _, c := range clusters {
		run := ScheduledRun(b, c.Name, f.At, by)
		run.Status.ClusterID = c.ID()
		run.Spec.NotBefore = jitterOf(policy, b.Name, c.ID(), f.At)
		recorded, created, err := s.one(ctx, b, run)
		if err == nil && ongoing(recorded, s.Now()) {
			err = s.Work(ctx, recorded)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		f.Runs = append(f.Runs, recorded)
		if created {
			f.Created = append(f.Created, recorded)
		}
	}
	return errors.Join(errs...)
}

// one records a run, unless it is recorded already; one that has to be left out, as that.
func (s *Schedules) one(ctx context.Context, b *salvor.BackupSchedule, run *salvor.Backup) (*salvor.Backup, bool, error) {
	recorded, err := s.Catalog.GetBackup(ctx, run.ID())
	if !salvor.Is(err, salvor.NotFound) {
		return recorded, false, err
	}
	n, earlier, err := earlierRuns(ctx, s.Catalog, run, s.Now())
	if err != nil {
		return nil, false, err
	}
	switch {
	case n > 0 && b.Spec.Overlap != salvor.OverlapQueue:
		return s.Skip(ctx, run, "skipped: "+earlier+" of the same schedule had not ended (overlap: Skip)")
	case n > 1:
		return s.Skip(ctx, run, "skipped: another run of the same schedule waited already for the end of "+earlier+" (overlap: Queue)")
	}
	return s.Begin(ctx, run)
}

// note remembers a time as the schedule's last, unless there is a later one that can have been.
func (s *Schedules) note(ctx context.Context, name string, at time.Time) error {
	for {
		b, err := s.get(ctx, name)
		if err != nil {
			return err
		}
		if last := b.Status.LastRun.Time; last.Equal(at) || last.After(at) && !last.After(s.Now().Add(salvor.ClockAhead)) {
			return nil
		}
		b.Status.LastRun = metav1.NewTime(at.UTC())
		if err = s.Catalog.Update(ctx, b); !salvor.Is(err, salvor.Conflict) {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// Left calls do with each run of the schedule of the last day that is unfinished, and on which nobody works though it may
// begin or go on.
func (s *Schedules) Left(ctx context.Context, name string, do func(*salvor.Backup) error) error {
	now := s.Now()
	q := catalog.Query{Schedule: name, From: now.Add(-forgotten), Limit: catalog.MaxLimit, Phases: unfinished}
	for {
		page, err := s.Catalog.Search(ctx, q)
		if err != nil {
			return err
		}
		for _, b := range page.Backups {
			if b.Status.Thaw != nil || !Released(b) && !Abandoned(b, now) {
				continue
			}
			until, _, err := Waits(ctx, s.Catalog, b, now)
			if err != nil {
				return err
			}
			if !until.IsZero() {
				continue
			}
			if err := do(b); err != nil {
				return err
			}
		}
		if q.Cursor = page.Next; page.Next == "" {
			return nil
		}
	}
}

// Each calls do with every schedule.
func (s *Schedules) Each(ctx context.Context, do func(*salvor.BackupSchedule) error) error {
	return eachObject(ctx, s.Catalog, salvor.KindBackupSchedule, func(o salvor.Object) error { return do(o.(*salvor.BackupSchedule)) })
}

func eachObject(ctx context.Context, c catalog.Objects, kind string, do func(salvor.Object) error) error {
	for cursor := ""; ; {
		page, next, err := c.List(ctx, kind, cursor, catalog.MaxLimit)
		if err != nil {
			return err
		}
		for _, o := range page {
			if err := do(o); err != nil {
				return err
			}
		}
		if cursor = next; next == "" {
			return nil
		}
	}
}
