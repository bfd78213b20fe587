package schedules

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

// Config is what the template tells of Scheduler.
type Config struct {
	// Group holds all schedules; Role invokes Target, the backup function, by its ARN. What can't be delivered goes to
	// DeadLetters, a queue's ARN.
	Group, Role, Target, DeadLetters string
}

// Sync keeps the group equal to the catalog.
type Sync struct {
	// Now is the clock.
	Now func() time.Time

	config  Config
	catalog catalog.Objects
	api     *scheduler.Client
}

// New returns the sync of a group.
func New(sdk aws.Config, c catalog.Objects, now func() time.Time, config Config) *Sync {
	return &Sync{Now: now, config: config, catalog: c, api: scheduler.NewFromConfig(sdk)}
}

// Accept returns Invalid for a policy that Scheduler can't follow.
func (s *Sync) Accept(_ context.Context, o salvor.Object) error {
	p, ok := o.(*salvor.SchedulePolicy)
	if !ok {
		return nil
	}
	_, err := Expressions(p.Spec)
	return err
}

// Changed brings the group up to date after an object of the kind and name was stored or deleted. Doing so twice does it once.
func (s *Sync) Changed(ctx context.Context, kind, name string) error {
	switch kind {
	case salvor.KindBackupSchedule:
		return s.schedule(ctx, name)
	case salvor.KindSchedulePolicy:
		return s.policy(ctx, name)
	}
	return nil
}

// policy brings the schedules of a policy up to date.
func (s *Sync) policy(ctx context.Context, name string) error {
	for cursor := ""; ; {
		items, next, err := s.catalog.List(ctx, salvor.KindBackupSchedule, cursor, 0)
		if err != nil {
			return err
		}
		for _, o := range items {
			if b := o.(*salvor.BackupSchedule); b.Spec.Policy == name {
				if err := s.schedule(ctx, b.Name); err != nil {
					return err
				}
			}
		}
		if cursor = next; next == "" {
			return nil
		}
	}
}

// schedule brings one up to date.
func (s *Sync) schedule(ctx context.Context, name string) error {
	o, err := s.catalog.Get(ctx, salvor.KindBackupSchedule, name)
	if salvor.Is(err, salvor.NotFound) {
		return s.removeFrom(ctx, name, 1)
	}
	if err != nil {
		return err
	}
	all, err := s.wanted(ctx, o.(*salvor.BackupSchedule))
	if err != nil {
		return err
	}
	for _, w := range all {
		if err := s.put(ctx, w); err != nil {
			return fmt.Errorf("keeping schedule %q at EventBridge: %w", name, err)
		}
	}
	return s.removeFrom(ctx, name, len(all)+1)
}

// put makes the schedule, or what it is to be of one that is there.
func (s *Sync) put(ctx context.Context, w wanted) error {
	_, err := s.api.UpdateSchedule(ctx, &w.UpdateScheduleInput)
	var missing *types.ResourceNotFoundException
	if !errors.As(err, &missing) {
		return coded(err)
	}
	_, err = s.api.CreateSchedule(ctx, &scheduler.CreateScheduleInput{Name: w.Name, GroupName: w.GroupName, ScheduleExpression: w.ScheduleExpression,
		ScheduleExpressionTimezone: w.ScheduleExpressionTimezone, FlexibleTimeWindow: w.FlexibleTimeWindow, Target: w.Target, State: w.State,
		StartDate: w.StartDate, EndDate: w.EndDate})
	return coded(err)
}

// removeFrom removes the schedules of that name from a number on.
func (s *Sync) removeFrom(ctx context.Context, name string, n int) error {
	for ; ; n++ {
		there, err := s.remove(ctx, awsName(name, n))
		if err != nil {
			return fmt.Errorf("removing schedule %q from EventBridge: %w", name, err)
		}
		if !there {
			return nil
		}
	}
}

// remove removes the schedule of AWS, and says whether it was there.
func (s *Sync) remove(ctx context.Context, name string) (there bool, err error) {
	_, err = s.api.DeleteSchedule(ctx, &scheduler.DeleteScheduleInput{Name: &name, GroupName: &s.config.Group})
	var missing *types.ResourceNotFoundException
	if errors.As(err, &missing) {
		return false, nil
	}
	return err == nil, coded(err)
}

// coded says what an error of Scheduler means to the caller.
func coded(err error) error {
	var invalid *types.ValidationException
	switch {
	case err == nil:
		return nil
	case errors.As(err, &invalid):
		return salvor.Errorf(salvor.Invalid, "EventBridge Scheduler does not take it: %s", invalid.ErrorMessage())
	}
	return salvor.Errorf(salvor.Unavailable, "%w", err)
}

// maxName is the longest name that Scheduler takes, with room for the number.
const maxName = 64 - len("_999")

// awsName is the name of the schedule's expression; of one that is too long, its beginning and a hash.
func awsName(name string, n int) string {
	if len(name) > maxName {
		sum := sha256.Sum256([]byte(name))
		name = name[:maxName-17] + "_" + hex.EncodeToString(sum[:8])
	}
	return fmt.Sprintf("%s_%d", name, n)
}
