package restore

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/salvor"
)

// feed reads the units and hands their objects to the workers; it returns when all have been applied.
func (r *run) feed(ctx context.Context, units []*unit) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(r.tuning.Streams)
	for _, u := range units {
		g.Go(func() error { return r.feedUnit(ctx, u) })
	}
	return g.Wait()
}

// task is one object to apply.
type task struct {
	unit *unit
	line int
	raw  []byte
	done *sync.WaitGroup
}

func (r *run) feedUnit(ctx context.Context, u *unit) error {
	if r.settled.segments[u.key()] && !u.seen() {
		return nil
	}
	size := min(u.segment.Bytes, r.tuning.Memory)
	if err := r.memory.Acquire(ctx, size); err != nil {
		return context.Cause(ctx)
	}
	defer r.memory.Release(size)
	data, err := r.segment(ctx, u)
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		r.lost(u, err)
		return nil
	}
	var done sync.WaitGroup
	defer done.Wait()
	line := -1
	for raw := range archive.Lines(data) {
		if line++; u.lines != nil && !u.lines[line] {
			continue
		}
		if err := r.inFlight.Acquire(ctx, r.weight(raw)); err != nil {
			return context.Cause(ctx)
		}
		done.Add(1)
		select {
		case r.tasks <- task{u, line, raw, &done}:
		case <-ctx.Done():
			done.Done()
			r.inFlight.Release(r.weight(raw))
			return context.Cause(ctx)
		}
	}
	if done.Wait(); u.lines == nil && !r.checking {
		r.applied(u)
	}
	return nil
}

func (r *run) weight(raw []byte) int64 { return min(int64(len(raw)), r.tuning.InFlight) }

// withWorkers does something while workers take the tasks. Objects in flight are finished when the restore is stopped:
// their context is the stopped one's, without its end, for a while.
func (r *run) withWorkers(ctx context.Context, work func(context.Context, task), do func() error) error {
	grace, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		_ = sleep(grace, 10*time.Second)
		cancel()
	})()
	r.tasks = make(chan task)
	var all sync.WaitGroup
	for range r.tuning.Workers {
		all.Go(func() {
			for t := range r.tasks {
				work(grace, t)
				r.inFlight.Release(r.weight(t.raw))
				t.done.Done()
			}
		})
	}
	err := do()
	close(r.tasks)
	all.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// segment reads a segment, again for a while when the location does not answer.
func (r *run) segment(ctx context.Context, u *unit) ([]byte, error) {
	pause := r.tuning.RetryBase
	for tries := 1; ; tries++ {
		data, err := u.source.Repository.Segment(ctx, u.segment)
		if err == nil || tries == 6 || ctx.Err() != nil || !salvor.Is(err, salvor.Unavailable) {
			return data, err
		}
		if err := sleep(ctx, pause); err != nil {
			return nil, err
		}
		pause *= 2
	}
}

// lost records a segment that could not be read: none of its objects is applied.
func (r *run) lost(u *unit, err error) {
	if r.checking {
		return
	}
	r.lostClaims(u, err)
	if salvor.Is(err, salvor.Corrupt) {
		r.tally.damage()
	}
	out := salvor.ObjectOutcome{Kind: u.res.String(), Namespace: r.moved(u.segment.Namespace), Backup: u.source.Backup.Name, Outcome: salvor.OutcomeFailed,
		Reason: fmt.Sprintf("nothing of this segment was applied (%s, %s to %s): %v", salvor.Count(u.segment.Objects, "object"), u.segment.First, u.segment.Last, err)}
	r.tally.add(out, u.segment.Objects)
}
