package restore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/salvor"
)

// run is one restore being done.
type run struct {
	e       *Engine
	tuning  Tuning
	target  Target
	plan    *Plan
	scope   *scope
	policy  salvor.ConflictPolicy
	started time.Time // in seconds, as the API server writes times
	resumed bool      // an earlier process began this restore
	tally   *tally
	served  *served
	spaces  *spaces
	uids    *uidMap
	claims  *claims
	pending *waiting
	settled *settled
	// done are the keys of units of which every object has been applied, opened of those that had some without outcome.
	done, opened map[string]bool
	// leave reports whether what is open is left to another process.
	leave func() bool

	inventory *inventory
	tasks     chan task
	checking  bool
	writing   bool // nothing is compared only any more
	memory    *semaphore.Weighted
	inFlight  *semaphore.Weighted
	abort     context.CancelCauseFunc

	mu    sync.Mutex
	later []deferred
	// insist: what may be brought in spite of a reason against it waits no more.
	insist bool
}

// deferred is an object that failed and may succeed later.
type deferred struct {
	unit *unit
	line int
	out  salvor.ObjectOutcome
	err  error
}

// Run does the restore and records how it goes in the catalog. It returns nil when it ends Completed or
// PartiallyFailed, and the reason when it ends Failed or Canceled, which the status has too. One that has ended before
// is left as it is. When it returns, r holds the status as recorded. Conflict: another process works on it. Suspended: ctx
// ended with a cause of that code, and the next Run goes on.
func (e *Engine) Run(ctx context.Context, r *salvor.Restore) error {
	if r.Status.Phase.Done() {
		return nil
	}
	r.Default()
	if errs := r.Validate(); len(errs) > 0 {
		return salvor.Errorf(salvor.Invalid, "restore %q: %w", r.Name, errs.ToAggregate())
	}
	t, err := newTally()
	if err != nil {
		return err
	}
	resumed, err := e.begin(ctx, r)
	if err != nil {
		return fmt.Errorf("restore %q: recording its start: %w", r.Name, err)
	}
	workCtx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stopBeat := e.beat(workCtx, r, t, cancel)
	plan, err := e.do(workCtx, cancel, r, t, resumed)
	stopBeat()
	return e.finish(ctx, r, plan, t, err)
}

// do plans and works. The plan is nil when there is none.
func (e *Engine) do(ctx context.Context, abort context.CancelCauseFunc, r *salvor.Restore, t *tally, resumed bool) (*Plan, error) {
	t.begin("choosing backups")
	plan, err := e.Plan(ctx, r.Spec)
	if err != nil {
		return nil, err
	}
	for _, w := range plan.Warnings {
		t.warn("%s", w)
	}
	w := &run{e: e, tuning: e.Tuning.withDefaults(), plan: plan, policy: r.Spec.Conflict, started: r.Status.StartedAt.Truncate(time.Second), resumed: resumed,
		tally: t, spaces: newSpaces(), uids: newUIDMap(), claims: &claims{by: map[string]*Source{}}, pending: &waiting{}, abort: abort,
		settled: newSettled(), done: map[string]bool{}, opened: map[string]bool{}, leave: func() bool { return suspended(ctx) }}
	w.memory, w.inFlight = semaphore.NewWeighted(w.tuning.Memory), semaphore.NewWeighted(w.tuning.InFlight)
	if w.scope, err = newScope(r.Spec); err != nil {
		return plan, err
	}
	if err := w.goOn(ctx, r); err != nil {
		return plan, err
	}
	t.begin("signing in to " + r.Spec.TargetCluster)
	if w.target, err = e.Connect(ctx, r.Spec.TargetCluster); err != nil {
		return plan, fmt.Errorf("connecting to cluster %q: %w", r.Spec.TargetCluster, err)
	}
	if w.served, err = discover(ctx, w.target); err != nil {
		return plan, err
	}
	err = w.work(ctx)
	switch {
	case err == nil || !w.leave():
	case !w.writing:
		return nil, err // there is nothing to go on with
	default:
		w.uids.note(t)
		w.noteSegments()
	}
	return plan, err
}

// work brings back all units of the plan.
func (r *run) work(ctx context.Context) error {
	units := r.scope.units(r.plan.Sources)
	if err := r.readNeeds(ctx, r.plan.Sources, units); err != nil {
		return err
	}
	for _, u := range units {
		r.tally.expect(u.segment.Objects)
	}
	r.inventory = newInventory(r, units)
	if r.policy == salvor.ConflictFail {
		if err := r.check(ctx, units); err != nil {
			return err
		}
	}
	defer func() {
		if !r.leave() { // the next process settles what is open
			r.flush()
		}
	}()
	r.writing = true
	return r.withWorkers(ctx, r.apply, func() error { return r.waves(ctx, units) })
}

// waves runs the waves, and then what was deferred.
func (r *run) waves(ctx context.Context, units []*unit) error {
	for w := wave(0); w < waveEnd; w++ {
		r.tally.begin(w.String())
		if err := r.wave(ctx, w, units); err != nil {
			return err
		}
	}
	if err := r.second(ctx); err != nil {
		return err
	}
	r.tally.begin("owners")
	return r.settle(ctx, true)
}

func (r *run) wave(ctx context.Context, w wave, units []*unit) error {
	var mine []*unit
	for _, u := range units {
		if u.wave == w {
			mine = append(mine, u)
		}
	}
	if err := r.pass(ctx, mine); err != nil {
		return err
	}
	switch w {
	case waveNamespaces:
		return r.bareNamespaces(ctx, units)
	case waveDefinitions:
		return r.awaitDefinitions(ctx, units)
	}
	return r.settle(ctx, false)
}

// pass applies the units. Of objects without namespace that several backups hold, the newest backup's is taken: those
// units go source by source.
func (r *run) pass(ctx context.Context, units []*unit) error {
	var namespaced []*unit
	for _, src := range r.plan.Sources {
		var global []*unit
		for _, u := range units {
			switch {
			case u.source != src:
			case u.res.Namespaced:
				namespaced = append(namespaced, u)
			default:
				global = append(global, u)
			}
		}
		if err := r.feed(ctx, global); err != nil {
			return err
		}
	}
	return r.feed(ctx, namespaced)
}

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
	if salvor.Is(err, salvor.Corrupt) {
		r.tally.damage()
	}
	out := salvor.ObjectOutcome{Kind: u.res.String(), Namespace: r.moved(u.segment.Namespace), Backup: u.source.Backup.Name, Outcome: salvor.OutcomeFailed,
		Reason: fmt.Sprintf("nothing of this segment was applied (%s, %s to %s): %v", salvor.Count(u.segment.Objects, "object"), u.segment.First, u.segment.Last, err)}
	r.tally.add(out, u.segment.Objects)
}

// moved returns the namespace's name in the target.
func (r *run) moved(ns string) string {
	if to, ok := r.plan.Spec.NamespaceMapping[ns]; ok {
		return to
	}
	return ns
}

// claims remembers which source an object without namespace was taken from.
type claims struct {
	mu sync.Mutex
	by map[string]*Source
}

// take reports whether the source may bring the object.
func (c *claims) take(u *unit, name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := u.res.String() + "/" + name
	if first, ok := c.by[key]; ok {
		return first == u.source
	}
	c.by[key] = u.source
	return true
}

// errStopped is the cause of a run that somebody canceled.
var errStopped = errors.New("canceled")
