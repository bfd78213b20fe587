package restore

import (
	"context"
	"fmt"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"salvor.io/salvor/shared/cluster"
)

// inventory knows what exists in the target. To try a create of what exists would not do: a quota counts it before the
// API server finds the object, and gives it back minutes later.
type inventory struct {
	*run
	mu   sync.Mutex
	want map[place]int64
	have map[place]*names
}

// place is a kind in a namespace of the target.
type place struct{ kind, namespace string }

// names are those of one place, listed once.
type names struct {
	once sync.Once
	set  map[string]bool
	err  error
}

// fewObjects of one place are asked for one by one; there may be many more in the target.
const fewObjects = 30

func newInventory(r *run, units []*unit) *inventory {
	v := &inventory{run: r, want: map[place]int64{}, have: map[place]*names{}}
	for _, u := range units {
		v.want[place{u.res.String(), r.moved(u.segment.Namespace)}] += u.segment.Objects
	}
	return v
}

// exists reports whether the object is in the target. Denied is an identity that may not look: it has to try a create.
func (v *inventory) exists(ctx context.Context, res cluster.Resource, namespace, name string) (bool, error) {
	at := place{res.String(), namespace}
	if v.want[at] <= fewObjects {
		_, _, err := v.try(ctx, func(ctx context.Context) ([]byte, error) { return v.target.Get(ctx, res, namespace, name) })
		switch {
		case apierrors.IsNotFound(err) || denied(err):
			return false, nil
		case err != nil:
			return false, fmt.Errorf("looking whether it exists: %w", err)
		}
		return true, nil
	}
	v.mu.Lock()
	n := v.have[at]
	if n == nil {
		n = &names{set: map[string]bool{}}
		v.have[at] = n
	}
	v.mu.Unlock()
	n.once.Do(func() { n.err = v.list(ctx, res, namespace, n.set) })
	return n.set[name], n.err
}

// list reads the names of one kind in one namespace.
func (v *inventory) list(ctx context.Context, res cluster.Resource, namespace string, set map[string]bool) error {
	req := cluster.ListRequest{Resource: res, Namespace: namespace, Limit: 500}
	for {
		var page cluster.ListResult
		_, _, err := v.try(ctx, func(ctx context.Context) (_ []byte, err error) {
			page, err = v.target.List(ctx, req, func(i cluster.Item) error {
				set[i.Name] = true
				return nil
			})
			return nil, err
		})
		switch {
		case apierrors.IsResourceExpired(err) || apierrors.IsGone(err):
			req.Continue = "" // names that were seen stay: each object is read again
			continue
		case apierrors.IsNotFound(err) || denied(err):
			return nil // not served in the stored version; or not to be seen
		case err != nil:
			return fmt.Errorf("listing %s to see what exists: %w", res, err)
		case page.Continue == "":
			return nil
		}
		req.Continue = page.Continue
	}
}
