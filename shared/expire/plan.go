package expire

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/retention"
	"salvor.io/salvor/shared/salvor"
)

// Plan is what retention makes of the backups of one schedule.
type Plan struct {
	// Schedule is the schedule's name, Policy that of its policy, TimeZone the one whose days and weeks count.
	Schedule, Policy, TimeZone string
	// Keep and Remove are every backup of the schedule, newest first, with the reasons.
	Keep, Remove []retention.Decision
	// Locked is how many of Keep no rule keeps: the location does, until their lock ends.
	Locked int
}

// Plan decides about the backups of the named schedule; of every schedule when the name is empty. Nothing is changed. The
// error says of which schedules that could not be done; the plans of the others come with it.
func (p *Pass) Plan(ctx context.Context, name string) ([]*Plan, error) {
	var schedules []*salvor.BackupSchedule
	if name != "" {
		o, err := p.Catalog.Get(ctx, salvor.KindBackupSchedule, name)
		if err != nil {
			return nil, err
		}
		schedules = append(schedules, o.(*salvor.BackupSchedule))
	} else if err := objects(ctx, p, salvor.KindBackupSchedule, func(s *salvor.BackupSchedule) { schedules = append(schedules, s) }); err != nil {
		return nil, err
	}
	restoring, err := catalog.Restoring(ctx, p.Catalog)
	if err != nil {
		return nil, err
	}
	var plans []*Plan
	var failed problems
	for _, s := range schedules {
		plan, err := p.plan(ctx, s, restoring)
		if err != nil {
			failed.add(fmt.Errorf("retention of schedule %q: %w", s.Name, err))
		}
		if plan != nil {
			plans = append(plans, plan)
		}
	}
	return plans, failed.join()
}

func (p *Pass) plan(ctx context.Context, s *salvor.BackupSchedule, restoring map[salvor.BackupID]string) (*Plan, error) {
	o, err := p.Catalog.Get(ctx, salvor.KindSchedulePolicy, s.Spec.Policy)
	if err != nil {
		return nil, err
	}
	policy := o.(*salvor.SchedulePolicy)
	zone, err := policy.Spec.Location()
	if err != nil {
		return nil, err
	}
	var backups []*salvor.Backup
	if err := p.each(ctx, catalog.Query{Schedule: s.Name}, func(b *salvor.Backup) { backups = append(backups, b) }); err != nil {
		return nil, err
	}
	plan := &Plan{Schedule: s.Name, Policy: policy.Name, TimeZone: zone.String()}
	plan.Keep, plan.Remove = retention.Plan(policy.Spec.Retention, zone, backups, p.Now())
	return plan, p.spare(ctx, plan, restoring)
}

// spare keeps what would go but is needed by a restore, or locked by its location, or not to be deleted unasked. The error says of what that is not known;
// such backups stay, too.
func (p *Pass) spare(ctx context.Context, plan *Plan, restoring map[salvor.BackupID]string) error {
	var remove []retention.Decision
	var failed problems
	for _, d := range plan.Remove {
		why := ""
		if name := restoring[d.Backup.ID()]; name != "" {
			why = "restore " + name + " reads it"
		}
		if gone(d.Backup) && d.Backup.Status.Phase != salvor.PhaseDeleting {
			d.Reasons = append([]string{"its manifest is gone, and may be brought back"}, d.Reasons...)
			plan.Keep = append(plan.Keep, d)
			continue
		}
		until, err := p.lockedUntil(ctx, d.Backup)
		if err != nil {
			failed.add(err)
			why = "whether its location keeps it locked is not known"
		}
		if p.Now().Before(until) {
			plan.Locked++
			why = "the location keeps it locked until " + until.UTC().Format(time.RFC3339)
		}
		if why == "" || d.Backup.Status.Phase == salvor.PhaseDeleting {
			remove = append(remove, d)
			continue
		}
		d.Reasons = append([]string{why}, d.Reasons...)
		plan.Keep = append(plan.Keep, d)
	}
	plan.Remove = remove
	slices.SortStableFunc(plan.Keep, func(a, b retention.Decision) int {
		if c := b.Backup.Date().Compare(a.Backup.Date()); c != 0 {
			return c
		}
		return strings.Compare(b.Backup.Name, a.Backup.Name)
	})
	return failed.join()
}

// lockedUntil asks the location for a lock on the backup.
func (p *Pass) lockedUntil(ctx context.Context, b *salvor.Backup) (time.Time, error) {
	if p.Open == nil || b.Spec.Location == "" || b.Status.RootDigest == "" {
		return time.Time{}, nil
	}
	repo, err := p.Open(ctx, b.Spec.Location, b.Status.ClusterID)
	if err != nil {
		return time.Time{}, err
	}
	return repo.LockedUntil(ctx, b.Name)
}

// remover deletes one backup for the reason.
func (p *Pass) remover(reason string) backup.Remover {
	return backup.Remover{Volumes: p.Volumes, CatalogID: p.CatalogID, Now: p.Now, By: p.By, Reason: reason,
		Open: p.open}
}
