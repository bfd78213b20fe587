package restore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"salvor.io/salvor/shared/salvor"
)

// run is one restore being done.
type run struct {
	e       *Engine
	name    string
	tuning  Tuning
	target  Target
	plan    *Plan
	scope   *scope
	policy  salvor.ConflictPolicy
	born    time.Time // when it was asked for: another one of its name may have been, and been deleted
	started time.Time // in seconds, as the API server writes times
	resumed bool      // an earlier process began this restore
	lacked  []string  // namespaces that the target lacked then
	epoch   int64
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
	// volumes are those of the plan, replacedBy those that give a stored PersistentVolume's claim a new one, by its name.
	volumes, replacedBy map[volumeKey]*Volume
	made                *made
	// held are the old volumes of claims that an earlier process began to replace in place, by namespace/name of the claim.
	held map[string]*heldVolume
	// matched says that an object other than a Namespace was chosen.
	matched atomic.Bool
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
	if errors.Is(err, errEnded) {
		return nil
	}
	if salvor.Is(err, salvor.Conflict) {
		return err
	}
	if err != nil {
		return fmt.Errorf("restore %q: recording its start: %w", r.Name, err)
	}
	t.scaled, t.missing = slices.Clone(r.Status.ScaledDown), r.Status.MissingNamespaces
	workCtx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stopBeat := e.beat(workCtx, r, t, cancel)
	plan, err := e.do(workCtx, cancel, r, t, resumed)
	stopBeat()
	return e.finish(ctx, r, plan, t, err)
}

// do plans and works. The plan is nil when there is none.
func (e *Engine) do(ctx context.Context, abort context.CancelCauseFunc, r *salvor.Restore, t *tally, resumed bool) (*Plan, error) {
	if r.Status.CancelRequested {
		abort(errStopped)
	}
	t.begin("choosing backups")
	plan, err := e.Plan(ctx, r.Spec)
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if err != nil {
		w := e.newRun(ctx, abort, r, t, resumed, &Plan{Spec: r.Spec})
		w.abandon(ctx, err)
		return nil, err
	}
	for _, w := range plan.Warnings {
		t.warn("%s", w)
	}
	w := e.newRun(ctx, abort, r, t, resumed, plan)
	err = w.all(ctx, r)
	w.abandon(ctx, err)
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

func (e *Engine) newRun(ctx context.Context, abort context.CancelCauseFunc, r *salvor.Restore, t *tally, resumed bool, plan *Plan) *run {
	w := &run{e: e, name: r.Name, born: r.CreationTimestamp.Time, epoch: r.Status.Lease.Epoch, made: newMade(), tuning: e.Tuning.withDefaults(), plan: plan, policy: r.Spec.Conflict, started: r.Status.StartedAt.Truncate(time.Second), resumed: resumed, lacked: r.Status.MissingNamespaces,
		tally: t, spaces: newSpaces(), uids: newUIDMap(), claims: &claims{by: map[string]*Source{}}, pending: &waiting{}, abort: abort,
		settled: newSettled(), done: map[string]bool{}, opened: map[string]bool{}, leave: func() bool { return suspended(ctx) }}
	w.memory, w.inFlight = semaphore.NewWeighted(w.tuning.Memory), semaphore.NewWeighted(w.tuning.InFlight)
	return w
}

// all takes over what is known, signs in, and works.
func (r *run) all(ctx context.Context, restore *salvor.Restore) (err error) {
	if r.scope, err = newScope(restore.Spec); err != nil {
		return err
	}
	if err := r.goOn(ctx, restore); err != nil {
		return err
	}
	r.tally.begin("signing in to " + restore.Spec.TargetCluster)
	if r.target, err = r.e.Connect(ctx, restore.Spec.TargetCluster); err != nil {
		return fmt.Errorf("connecting to cluster %q: %w", restore.Spec.TargetCluster, err)
	}
	if r.served, err = discover(ctx, r.target); err != nil {
		return err
	}
	return r.work(ctx)
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
	if err := r.checkVolumes(ctx, units); err != nil {
		return err
	}
	if err := r.findHeld(ctx); err != nil {
		return err
	}
	if r.policy == salvor.ConflictFail {
		if err := r.check(ctx, units); err != nil {
			return err
		}
	}
	if err := r.noteMissing(ctx); err != nil {
		return err
	}
	defer func() {
		if !r.leave() { // the next process settles what is open
			r.flush()
		}
	}()
	r.writing = true
	err := r.withWorkers(ctx, r.apply, func() error { return r.waves(ctx, units) })
	if err == nil && r.scope.labels != nil && !r.matched.Load() && !r.resumed {
		r.tally.warn("no object has the labels %s", r.scope.labels)
	}
	return err
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
	if err := r.settle(ctx, true); err != nil {
		return err
	}
	return r.awaitVolumes(ctx)
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
		if err := r.bareNamespaces(ctx, units); err != nil {
			return err
		}
		return r.noteMade(ctx)
	case waveDefinitions:
		return r.awaitDefinitions(ctx, units)
	case waveBindings:
		if err := r.replaceQueued(ctx); err != nil {
			return err
		}
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
