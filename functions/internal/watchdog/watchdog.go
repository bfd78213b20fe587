// Package watchdog pays the thaws of backups whose worker is gone: no application stays frozen because a process died.
//
// It is woken by a message that was sent before the application was frozen, and by a schedule that finds what a lost
// message left. Whatever comes twice is paid once: who pays holds the backup's lease, and a thaw that is recorded as done
// is not repeated.
package watchdog

import (
	"context"
	"encoding/json"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"golang.org/x/sync/errgroup"

	"salvor.io/salvor/functions/internal/event"
	"salvor.io/salvor/functions/internal/home"
	"salvor.io/salvor/functions/internal/wake"
	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

// Payer is what the watchdog needs of the engine that makes backups.
type Payer interface {
	// Owing lists the backups that may owe a thaw.
	Owing(ctx context.Context) ([]*salvor.Backup, error)
	// PayThaw pays one. Conflict: it owes none, or another process is at it.
	PayThaw(ctx context.Context, id salvor.BackupID) (*salvor.Backup, error)
}

var _ Payer = (*backup.Engine)(nil)

// Watchdog handles the function's events.
type Watchdog struct {
	*home.Home
	Catalog catalog.Backups
	// Payer makes the engine of one invocation.
	Payer func(holder string) Payer
	// Send has a message come at a time.
	Send func(ctx context.Context, call wake.Call, at time.Time) error
	// HandOver lets the state machine go on with a backup. Twice with one epoch does it once.
	HandOver func(ctx context.Context, job event.Job, epoch int64) error
}

// atOnce is how many backups are looked at side by side: one that hangs holds up no other.
const atOnce = 16

// Handle handles one event and returns an *Answer; for records of a queue, which of them failed.
func (w *Watchdog) Handle(ctx context.Context, raw json.RawMessage) (any, error) {
	if records, ok := event.Records(raw); ok {
		return w.records(ctx, records), nil
	}
	a, err := parse(raw)
	if err == nil && a.Sweep {
		return w.sweep(ctx)
	}
	if err == nil && a.Settling {
		return w.settling(ctx)
	}
	if err == nil {
		var f *finding
		if f, err = w.look(ctx, a.Call); err == nil {
			return w.report(ctx, []*finding{f}), nil
		}
	}
	w.Log.ErrorContext(ctx, "event not done", "error", err)
	return nil, err
}

// records looks at the backups that messages name; those that fail come again.
// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
func (w *Watchdog) records(ctx context.Context, records []events.SQSMessage) events.SQSEventResponse {
	response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	findings, failed := make([]*finding, len(records)), make([]error, len(records))
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i, r := range records {
		group.Go(func() error {
			findings[i], failed[i] = w.message(ctx, r)
			return nil
		})
	}
	_ = group.Wait() // what failed is noted
	w.report(ctx, findings)
	for i, err := range failed {
		if err != nil {
			w.Log.ErrorContext(ctx, "message not done", "message", records[i].MessageId, "error", err)
			response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: records[i].MessageId})
		}
	}
	return response
}

// again is how long after a look that failed the next one is: a message that fails comes back much later.
const again = 15 * time.Second

// message does what one message asks for, and sends the next one.
func (w *Watchdog) message(ctx context.Context, r events.SQSMessage) (*finding, error) {
	a, err := parse([]byte(r.Body))
	if err != nil {
		return nil, err
	}
	if a.Sweep || a.Settling {
		return nil, salvor.Errorf(salvor.Invalid, "a message asks for one backup, and the schedule for a sweep")
	}
	f, err := w.look(ctx, a.Call)
	if err != nil {
		w.Log.ErrorContext(ctx, "a look at a backup failed; it is tried again", "backup", a.Backup.Name, "cluster", a.Backup.ClusterID, "error", err)
		return f, w.Send(ctx, a.Call, w.Now().Add(again))
	}
	if f.next.IsZero() {
		return f, nil
	}
	return f, w.Send(ctx, f.call, f.next)
}

// sweep looks at everything that is owed.
func (w *Watchdog) sweep(ctx context.Context) (*Answer, error) {
	owing, err := w.Payer(w.Holder(ctx)).Owing(ctx)
	if err != nil {
		w.Log.ErrorContext(ctx, "sweep not done", "error", err)
		return nil, err
	}
	findings, failed := make([]*finding, len(owing)), make([]error, len(owing))
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i, b := range owing {
		group.Go(func() error {
			findings[i], failed[i] = w.look(ctx, wake.Call{Backup: b.ID()})
			return nil
		})
	}
	_ = group.Wait()
	answer := w.report(ctx, findings)
	for i, err := range failed {
		if err != nil {
			w.Log.ErrorContext(ctx, "a look at a backup failed", "backup", owing[i].Name, "cluster", owing[i].Status.ClusterID, "error", err)
			answer.Failed++
		}
	}
	if answer.Failed > 0 {
		return nil, salvor.Errorf(salvor.Unavailable, "%d of %d backups could not be looked at; the log says why", answer.Failed, len(owing))
	}
	return answer, nil
}
