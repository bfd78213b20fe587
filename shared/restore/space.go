package restore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/transform"
)

// spaces is what is known of the namespaces of the target, by their new names.
type spaces struct {
	mu sync.Mutex
	by map[string]space
}

// space is one namespace of the target.
type space struct {
	// made: this restore made it, so that whatever else is in it something in the target has put there meanwhile.
	made bool
	// fresh: this very run made it.
	fresh bool
	// closed: nothing can be brought into it, for this reason.
	closed error
}

func newSpaces() *spaces { return &spaces{by: map[string]space{}} }

func (s *spaces) set(name string, v space) {
	s.mu.Lock()
	s.by[name] = v
	s.mu.Unlock()
}

// skip closes a namespace whose Namespace isn't brought back on purpose.
func (s *spaces) skip(u *unit, name string, err error) {
	var skip *transform.Skip
	if u.res.String() == kindNamespaces && errors.As(err, &skip) {
		s.set(name, space{closed: &transform.Skip{Reason: "its namespace " + skip.Reason}})
	}
}

func (s *spaces) known(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.by[name]
	return ok
}

// open returns why nothing can be brought into the namespace, nil when it can.
func (s *spaces) open(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.by[name].closed
}

func (s *spaces) made(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return name != "" && s.by[name].made
}

func (s *spaces) allMade() (names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, v := range s.by {
		if v.made {
			names = append(names, name)
		}
	}
	return names
}

func (s *spaces) fresh(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return name != "" && s.by[name].fresh
}

// namespace brings a Namespace, waiting for one of that name to go if it is being deleted, and remembers how it stands.
func (r *run) namespace(ctx context.Context, o *object) (verdict, error) {
	name := o.result.Name
	v, err := r.place(ctx, o)
	var gone *deferral
	if errors.As(err, &gone) {
		v, err = r.awaitGone(ctx, o)
	}
	if err != nil {
		// Who may neither see nor make namespaces may still bring objects into one that is there.
		if ctx.Err() == nil && !fatal(err) && !denied(err) {
			r.spaces.set(name, space{closed: fmt.Errorf("its namespace could not be made: %w", err)})
		}
		return v, err
	}
	fresh := v.outcome == salvor.OutcomeCreated
	r.spaces.set(name, space{made: fresh || r.earlier(name), fresh: fresh})
	return v, nil
}

// earlier reports whether the target lacked the namespace when a process before this one began.
func (r *run) earlier(name string) bool { return slices.Contains(r.lacked, name) }

// noteMissing records, before anything is written, which namespaces the target lacks: what a later process finds in them
// this restore has brought, or something in the target after it. Times of creation don't tell: clocks differ. A namespace
// that can't be looked at is taken to be there, with all that is in it.
func (r *run) noteMissing(ctx context.Context) error {
	var mu sync.Mutex
	missing := slices.Clone(r.lacked)
	group := errgroup.Group{}
	group.SetLimit(looksAtOnce)
	for _, s := range r.plan.Sources {
		for _, ns := range s.Namespaces {
			group.Go(func() error {
				live, err := r.look(ctx, namespaceKind, "", r.moved(ns))
				if fatal(err) || ctx.Err() != nil {
					return err
				}
				if err == nil && (live == nil || deleting(live)) { // with all that is in it
					mu.Lock()
					missing = append(missing, r.moved(ns))
					mu.Unlock()
				}
				return nil
			})
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return r.rememberMissing(ctx, missing)
}

// noteMade records, when the namespaces are there, which of them this restore has made: one that somebody else made since
// it looked is not its own, and one that was deleted and made again is.
func (r *run) noteMade(ctx context.Context) error { return r.rememberMissing(ctx, r.spaces.allMade()) }

func (r *run) rememberMissing(ctx context.Context, missing []string) error {
	slices.Sort(missing)
	missing = slices.Compact(missing)
	if !r.tally.lack(missing) {
		return nil
	}
	return r.remember(ctx, "which namespaces were missing", func(s *salvor.RestoreStatus) { s.MissingNamespaces = missing })
}

// looksAtOnce is how many namespaces are looked at at the same time.
const looksAtOnce = 16

// awaitGone waits for the namespace to go and makes it again.
func (r *run) awaitGone(ctx context.Context, o *object) (verdict, error) {
	r.tally.begin(fmt.Sprintf("waiting for namespace %s, which is being deleted", o.result.Name))
	defer r.tally.begin(waveNamespaces.String())
	pause := r.tuning.RetryBase
	for waited := time.Duration(0); ; waited += pause {
		if waited >= r.tuning.Terminating {
			return verdict{}, fmt.Errorf("namespace %q is being deleted in the target and is still there after %s; see which finalizers hold it", o.result.Name, r.tuning.Terminating)
		}
		if err := sleep(ctx, pause); err != nil {
			return verdict{}, err
		}
		v, err := r.place(ctx, o)
		var still *deferral
		if !errors.As(err, &still) {
			return v, err
		}
		pause = min(2*pause, 2*time.Second)
	}
}

// bareNamespaces makes the namespaces that the units need and of which the backup holds no Namespace, without labels.
func (r *run) bareNamespaces(ctx context.Context, units []*unit) error {
	var need []string
	for _, u := range units {
		if ns := r.moved(u.segment.Namespace); u.res.Namespaced && !slices.Contains(need, ns) {
			need = append(need, ns)
		}
	}
	slices.Sort(need)
	for _, ns := range need {
		if r.spaces.known(ns) || r.scope.except.Match(namespaceKind) {
			continue
		}
		o := bare(namespaceKind, ns)
		v, err := r.namespace(ctx, o)
		if fatal(err) || ctx.Err() != nil {
			return err
		}
		if err == nil && v.outcome == salvor.OutcomeCreated {
			r.tally.warn("no Namespace %q was in the backup; it was made without labels", ns)
		}
	}
	return nil
}

func bare(res cluster.Resource, name string) *object {
	body := []byte(`{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"` + name + `"}}`)
	return &object{unit: &unit{res: res, silent: true}, res: res, result: &transform.Result{Name: name, Body: body}, body: body}
}
