package restore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"salvor.io/salvor/shared/cluster"
)

// served is what the target serves, and what this restore adds to it.
type served struct {
	mu    sync.RWMutex
	kinds map[string]cluster.Resource // by Resource.String
	stale []string
	// defined are the definitions and APIServices that this restore has brought, by name; their kinds may come.
	defined map[string]bool
}

func discover(ctx context.Context, t Target) (*served, error) {
	s := &served{defined: map[string]bool{}}
	return s, s.refresh(ctx, t)
}

func (s *served) refresh(ctx context.Context, t Target) error {
	d, err := t.Discover(ctx)
	if err != nil {
		return fmt.Errorf("asking the target cluster what it serves: %w", err)
	}
	kinds := make(map[string]cluster.Resource, len(d.Resources))
	for _, r := range d.Resources {
		kinds[r.String()] = r
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kinds, s.stale = kinds, d.Stale
	return nil
}

// find returns the stored kind as the target serves it, in the version it was stored in.
func (s *served) find(stored cluster.Resource) (cluster.Resource, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if r, ok := s.kinds[stored.String()]; ok {
		r.Version = stored.Version
		return r, nil
	}
	what := fmt.Sprintf("target cluster does not serve %s/%s", stored, stored.Version)
	for _, gv := range s.stale {
		if group, _, _ := strings.Cut(gv, "/"); group == stored.Group {
			what += "; the aggregated API server of " + gv + " does not answer"
		}
	}
	// A definition is called as its kind is; an APIService may bring any.
	if s.defined[stored.String()] || s.defined[stored.Version+"."+stored.Group] {
		return cluster.Resource{}, &deferral{what + " yet"}
	}
	return cluster.Resource{}, fmt.Errorf("%s; install its CRD or include it", what)
}

// notIn is the error of a kind that is served, but not in the version it was stored in.
func (s *served) notIn(stored cluster.Resource) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	what := fmt.Sprintf("target cluster does not serve %s in version %s; it prefers %s", stored, stored.APIVersion(), s.kinds[stored.String()].APIVersion())
	if s.defined[stored.String()] {
		return &deferral{what} // its definition is a moment old
	}
	return errors.New(what)
}

// ofKind returns the resource that serves an object's kind.
func (s *served) ofKind(apiVersion, kind string) (cluster.Resource, bool) {
	group, version, grouped := strings.Cut(apiVersion, "/")
	if !grouped {
		group, version = "", apiVersion
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, r := range s.kinds {
		if r.Group == group && r.Kind == kind && !strings.Contains(r.Name, "/") {
			r.Version = version
			return r, true
		}
	}
	return cluster.Resource{}, false
}

func (s *served) define(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.defined[name] = true
}

// lacking returns those of the kinds that are defined and not served yet, sorted.
func (s *served) lacking(units []*unit) []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	lack := map[string]bool{}
	for _, u := range units {
		kind := u.res.String()
		if _, ok := s.kinds[kind]; !ok && s.defined[kind] {
			lack[kind] = true
		}
	}
	return slices.Sorted(maps.Keys(lack))
}

// awaitDefinitions waits until the kinds that the restore has defined are served: the API server lists a kind once its
// definition is Established. What does not come in time is tried again in the second pass.
func (r *run) awaitDefinitions(ctx context.Context, units []*unit) error {
	if len(r.served.lacking(units)) == 0 {
		return nil
	}
	pause := 50 * time.Millisecond
	for waited := time.Duration(0); ; waited += pause {
		if err := r.refresh(ctx); err != nil {
			return err
		}
		lack := r.served.lacking(units)
		if len(lack) == 0 {
			return nil
		}
		if waited >= r.tuning.Definitions {
			r.tally.warn("after %s the target does not serve yet: %s", r.tuning.Definitions, strings.Join(lack, ", "))
			return nil
		}
		pause = min(2*pause, time.Second)
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}
