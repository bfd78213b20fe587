// Package expiry deletes what retention lets go, what somebody asks to delete, and segments that nobody uses any more. No
// other function may delete anything from the bucket.
//
// Every event may come twice, and every invocation may be killed: what is left is done by the next.
package expiry

import (
	"context"
	"encoding/json"
	"time"

	"salvor.io/salvor/functions/internal/home"
	"salvor.io/salvor/shared/expire"
	"salvor.io/salvor/shared/salvor"
)

// Expiry handles the function's events.
type Expiry struct {
	*home.Home
	// Pass makes the pass of one invocation.
	Pass func(by string) *expire.Pass
}

// Answer is what came of an event, for people.
type Answer struct {
	// Deleted are backups that are gone.
	Deleted []Deleted `json:"deleted"`
	// Kept counts backups of schedules that stay, Locked those of them that only their lock keeps.
	Kept   int `json:"kept"`
	Locked int `json:"locked"`
	// Segments tells of the look for unused ones.
	Segments *expire.Collected `json:"segments,omitempty"`
}

// Deleted is a backup that is gone, and why.
type Deleted struct {
	salvor.BackupID
	Reason string `json:"reason"`
}

// margin is what an invocation keeps of its time to say what it did.
const margin = 20 * time.Second

// Handle handles one event and returns an *Answer. An error says what could not be done; the rest is done all the same.
func (e *Expiry) Handle(ctx context.Context, raw json.RawMessage) (any, error) {
	a, err := parse(raw)
	if err != nil {
		e.Log.ErrorContext(ctx, "event not done", "error", err)
		return nil, err
	}
	work, stop := e.untilNearlyUp(ctx)
	defer stop()
	answer := &Answer{Deleted: []Deleted{}}
	p := e.Pass(e.Holder(ctx))
	switch {
	case a.Expire:
		err = e.expire(work, p, answer)
	case a.Collect:
		err = e.collect(work, p, answer)
	default:
		err = e.delete(work, p, a.BackupID, answer)
	}
	e.measure(ctx, answer, err)
	if err != nil {
		e.Log.ErrorContext(ctx, "not all could be deleted; it is tried again", "error", err)
		return nil, err
	}
	return answer, nil
}

func (e *Expiry) untilNearlyUp(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadlineCause(ctx, deadline.Add(-margin), salvor.Errorf(salvor.Unavailable, "the invocation's time is up; the next one goes on"))
}

func (e *Expiry) expire(ctx context.Context, p *expire.Pass, a *Answer) error {
	done, err := p.Expire(ctx)
	e.note(ctx, a, done)
	a.Kept, a.Locked = done.Kept, done.Locked
	return err
}

// collect first finishes deletions that were killed.
func (e *Expiry) collect(ctx context.Context, p *expire.Pass, a *Answer) error {
	done, err := p.Finish(ctx)
	e.note(ctx, a, done)
	if err != nil {
		e.Log.ErrorContext(ctx, "a deletion could not be finished", "error", err)
	}
	var collectErr error
	if a.Segments, collectErr = p.Collect(ctx); collectErr != nil {
		return collectErr
	}
	return err
}

// delete deletes a backup that is Deleting; no other, for whoever sends the event may not be who may ask for that.
func (e *Expiry) delete(ctx context.Context, p *expire.Pass, id salvor.BackupID, a *Answer) error {
	done, err := p.FinishOne(ctx, id)
	e.note(ctx, a, done)
	return err
}

func (e *Expiry) note(ctx context.Context, a *Answer, done *expire.Expired) {
	for _, d := range done.Deleted {
		a.Deleted = append(a.Deleted, Deleted{d.Backup.ID(), d.Reason()})
		e.Log.InfoContext(ctx, "deleted a backup", "backup", d.Backup.Name, "cluster", d.Backup.Status.ClusterID, "schedule", d.Backup.Spec.Schedule, "reason", d.Reason())
	}
}

// measure lets CloudWatch know.
func (e *Expiry) measure(ctx context.Context, a *Answer, failed error) {
	metrics := []home.Metric{
		{Name: "BackupsDeleted", Unit: "Count", Value: float64(len(a.Deleted))},
		{Name: "BackupsLocked", Unit: "Count", Value: float64(a.Locked)},
		home.Flag("ExpiryFailed", failed != nil)}
	if s := a.Segments; s != nil {
		e.Log.InfoContext(ctx, "looked for unused segments", "repositories", s.Repositories, "manifests", s.Manifests, "marked", s.Marked,
			"pending", s.Pending, "removed", s.Removed, "removed_bytes", s.RemovedBytes, "locked", s.Locked)
		metrics = append(metrics, home.Metric{Name: "SegmentsRemoved", Unit: "Count", Value: float64(s.Removed)},
			home.Metric{Name: "SegmentsRemovedBytes", Unit: "Bytes", Value: float64(s.RemovedBytes)},
			home.Metric{Name: "SegmentsLocked", Unit: "Count", Value: float64(s.Locked)})
	}
	e.Emit(ctx, nil, metrics...)
}
