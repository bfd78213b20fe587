// Package work does what events ask for, within the time that one invocation has.
//
// Work that is not done when the time is nearly up is suspended: it thaws, notes how far it is, and lets go. Then it is
// handed to the state machine, which invokes the function again and again until it is done; when it was the state
// machine that asked, the answer tells it to go on. Asking for the same thing twice does it once: who comes second finds
// the work done, or being done by somebody whose lease has not expired, and waits for that.
package work

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"salvor.io/salvor/functions/internal/event"
	"salvor.io/salvor/shared/salvor"
)

// Worker does one kind of work.
type Worker interface {
	// Begin records what the ask wants, unless it is recorded already, and returns the job. No job: there is nothing to do,
	// for the reason given.
	Begin(ctx context.Context, ask *event.Ask) (job *event.Job, reason string, err error)
	// Work works on the job until it has ended or ctx does. The error means that nothing came of it, and trying again may help.
	Work(ctx context.Context, job event.Job) (*Answer, error)
}

// Handler handles the events of a function.
type Handler struct {
	Worker Worker
	// HandOver lets the state machine go on with a job. Twice with one epoch does it once.
	HandOver func(ctx context.Context, job event.Job, epoch int64) error
	Now      func() time.Time
	Log      *slog.Logger
}

// Handle handles one event and returns an *Answer; for records of a queue, which of them failed.
func (h *Handler) Handle(ctx context.Context, raw json.RawMessage) (any, error) {
	if records, ok := event.Records(raw); ok {
		return h.records(ctx, records), nil
	}
	answer, err := h.one(ctx, raw)
	if err != nil {
		h.Log.ErrorContext(ctx, "event not done", "error", err)
		return nil, err
	}
	return answer, nil
}

// records handles the records one after the other; those that fail come again.
// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
func (h *Handler) records(ctx context.Context, records []events.SQSMessage) events.SQSEventResponse {
	response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for _, r := range records {
		if _, err := h.one(ctx, []byte(r.Body)); err != nil {
			h.Log.ErrorContext(ctx, "message not done", "message", r.MessageId, "error", err)
			response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: r.MessageId})
		}
	}
	return response
}

func (h *Handler) one(ctx context.Context, raw []byte) (*Answer, error) {
	ask, err := event.Parse(raw)
	if err != nil {
		return nil, err
	}
	job, reason, err := ask.Job, "", error(nil)
	if job == nil {
		if job, reason, err = h.Worker.Begin(ctx, ask); err != nil {
			return nil, err
		}
	}
	if job == nil {
		h.Log.InfoContext(ctx, "nothing to do", "reason", reason)
		return &Answer{Status: Done, Message: reason}, nil
	}
	answer, err := h.work(ctx, *job)
	if err != nil || ask.Job != nil || answer.Status == Done || answer.Status == Failed {
		return answer, err
	}
	answer.HandedOver = true
	return answer, h.HandOver(ctx, *job, answer.Epoch)
}

func (h *Handler) work(ctx context.Context, job event.Job) (*Answer, error) {
	limited, stop := h.untilNearlyUp(ctx)
	defer stop()
	answer, err := h.Worker.Work(limited, job)
	if err != nil {
		return nil, err
	}
	answer.Job = job
	h.Log.InfoContext(ctx, "worked", "job", job.String(), "status", answer.Status, "phase", answer.Phase, "message", answer.Message,
		"origin_request_id", answer.Origin)
	return answer, nil
}

// The time that is kept for thawing and for noting how far the work is: a part of what the invocation has, at most so much.
const (
	marginPart = 6
	mostMargin = 2 * time.Minute
)

// untilNearlyUp returns a context that suspends the work while there is still time to let go of it.
func (h *Handler) untilNearlyUp(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	margin := min(deadline.Sub(h.Now())/marginPart, mostMargin)
	return context.WithDeadlineCause(ctx, deadline.Add(-margin), salvor.Errorf(salvor.Suspended, "the invocation's time is nearly up"))
}
