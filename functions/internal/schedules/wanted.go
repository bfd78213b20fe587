package schedules

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"

	"salvor.io/salvor/shared/salvor"
)

// wanted is a schedule of AWS as it is to be.
type wanted struct {
	scheduler.UpdateScheduleInput
	// period is that of an interval: any start that is a multiple of it away does as well. 0: it is none.
	period time.Duration
}

// mostRetry is how long Scheduler tries to deliver a run; a policy that makes up for none has it give up sooner.
const mostRetry = time.Hour

// wanted lists what the schedule is at EventBridge.
func (s *Sync) wanted(ctx context.Context, b *salvor.BackupSchedule) ([]wanted, error) {
	o, err := s.catalog.Get(ctx, salvor.KindSchedulePolicy, b.Spec.Policy)
	if err != nil {
		return nil, fmt.Errorf("spec.policy of schedule %q: %w", b.Name, err)
	}
	policy := o.(*salvor.SchedulePolicy).Spec
	all, err := entries(policy, b.CreationTimestamp.Time, s.Now())
	if err != nil {
		return nil, err
	}
	var out []wanted
	for i, e := range all {
		w := wanted{UpdateScheduleInput: s.input(b, policy)}
		w.Name = aws.String(awsName(b.Name, i+1))
		w.ScheduleExpression, w.ScheduleExpressionTimezone = &e.expression, &e.zone
		w.StartDate, w.EndDate = e.start, e.end
		if e.grid {
			w.period = policy.Period()
		}
		out = append(out, w)
	}
	return out, nil
}

// input is what all expressions of a schedule have.
func (s *Sync) input(b *salvor.BackupSchedule, policy salvor.SchedulePolicySpec) scheduler.UpdateScheduleInput {
	state := types.ScheduleStateEnabled
	if b.Spec.Suspend {
		state = types.ScheduleStateDisabled
	}
	// Scheduler fills the time in that it meant: a second delivery asks for the same run.
	// https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
	input := fmt.Sprintf(`{"schedule":%q,"scheduledFor":"<aws.scheduler.scheduled-time>"}`, b.Name)
	age := min(policy.LatestStart(), mostRetry).Seconds()
	return scheduler.UpdateScheduleInput{GroupName: &s.config.Group, State: state,
		FlexibleTimeWindow: &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeOff},
		Target: &types.Target{Arn: &s.config.Target, RoleArn: &s.config.Role, Input: &input,
			DeadLetterConfig: &types.DeadLetterConfig{Arn: &s.config.DeadLetters},
			RetryPolicy:      &types.RetryPolicy{MaximumEventAgeInSeconds: aws.Int32(max(int32(age), 60)), MaximumRetryAttempts: aws.Int32(30)}}}
}

// is reports whether the schedule of AWS is as it is to be.
func (w *wanted) is(got *scheduler.GetScheduleOutput, now time.Time) bool {
	return aws.ToString(got.ScheduleExpression) == *w.ScheduleExpression &&
		aws.ToString(got.ScheduleExpressionTimezone) == *w.ScheduleExpressionTimezone &&
		got.State == w.State &&
		got.FlexibleTimeWindow != nil && got.FlexibleTimeWindow.Mode == w.FlexibleTimeWindow.Mode &&
		w.starts(got.StartDate, now) && sameTime(w.EndDate, got.EndDate) &&
		got.Target != nil && salvor.Same(*w.Target, *got.Target)
}

// starts reports whether a start does for the one that is wanted. One that is over is none.
func (w *wanted) starts(got *time.Time, now time.Time) bool {
	switch {
	case w.period > 0:
		return got != nil && !got.After(*w.StartDate) && w.StartDate.Sub(*got)%w.period == 0
	case w.StartDate == nil:
		return got == nil || !got.After(now)
	}
	return sameTime(w.StartDate, got)
}

func sameTime(a, b *time.Time) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Unix() == b.Unix()
}
