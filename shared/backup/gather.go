package backup

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/closure"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
)

// gathered is what was read before it was known what is taken: objects on a shelf, and what they say about each other.
type gathered struct {
	graph  *closure.Graph
	shelf  *shelf
	rows   map[string][]*row // by kind
	result *closure.Result
}

func (c *capture) newGathered() *gathered {
	policy := closure.Policy{Refuse: c.selection.Refuse}
	if c.selection.Closes() {
		policy.Follow = c.selection.Follows
	}
	return &gathered{graph: closure.New(c.served, policy), shelf: &shelf{dir: c.tuning.TempDir}, rows: map[string][]*row{}}
}

// closed captures what the scope chooses and what that needs: it reads every object of the chosen namespaces and of those
// that the closure names, and of others and of those without namespace what turns out to be demanded, and takes what the closure says.
func (c *capture) closed(ctx context.Context) error {
	namespaces := slices.Concat(c.namespaces, c.selection.FollowedByName())
	slices.Sort(namespaces)
	if err := c.readNamespaces(ctx, slices.Compact(namespaces)); err != nil {
		return err
	}
	if err := c.completed(ctx); err != nil {
		return err
	}
	return c.keep(ctx)
}

// needed captures what objects without namespace the captured ones need, besides those that are chosen.
func (c *capture) needed(ctx context.Context) error {
	if err := c.completed(ctx); err != nil {
		return err
	}
	return c.keep(ctx)
}

// completed computes the closure again and again, reading what it demands, until it demands nothing more.
func (c *capture) completed(ctx context.Context) error {
	g := c.gathered
	read := map[string]bool{}
	for _, res := range c.kinds {
		if !res.Namespaced && res.String() != namespaceKind.String() && c.selection.Loads(res) {
			if err := c.readKind(ctx, res); err != nil {
				return err
			}
			read[res.String()] = true
		}
	}
	for {
		g.result = g.graph.Close()
		if g.result.Demand.Empty() {
			return nil
		}
		if err := c.readNamespaces(ctx, g.result.Demand.Namespaces); err != nil {
			return err
		}
		for _, res := range c.kinds {
			if kind := res.String(); !read[kind] && slices.Contains(g.result.Demand.Kinds, kind) {
				if err := c.readKind(ctx, res); err != nil {
					return err
				}
				read[kind] = true
			}
		}
		for _, kind := range g.result.Demand.Kinds {
			g.graph.Loaded(kind) // also one that is not served any more
		}
	}
}

// readNamespaces puts all objects of the namespaces onto the shelf.
func (c *capture) readNamespaces(ctx context.Context, namespaces []string) error {
	if len(namespaces) == 0 {
		return nil
	}
	wanted := map[string]bool{}
	for _, ns := range namespaces {
		wanted[ns] = true
	}
	group, groupCtx := errgroup.WithContext(ctx)
	for _, res := range c.kinds {
		if !res.Namespaced {
			continue
		}
		c.totals.kinds.Add(1)
		group.Go(func() error {
			defer c.totals.kindsDone.Add(1)
			return c.each(groupCtx, res, namespaces, wanted, c.gather)
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, ns := range namespaces {
		c.gathered.graph.LoadedNamespace(ns)
	}
	return nil
}

// readKind puts all objects of a kind without namespace onto the shelf.
func (c *capture) readKind(ctx context.Context, res cluster.Resource) error {
	c.totals.kinds.Add(1)
	defer c.totals.kindsDone.Add(1)
	defer c.gathered.graph.Loaded(res.String())
	return c.failed(ctx, res, "", c.list(ctx, res, "", nil, c.gather))
}

// gather is a sink that puts each object onto the shelf and into the graph.
func (c *capture) gather(s *stream) (sink, error) {
	r := &row{shelf: c.gathered.shelf}
	return sink{
		item: func(i cluster.Item) error {
			left, made := s.chooser.Left(i)
			mark := closure.Mark{Chosen: s.chooser.Chosen(i), Left: left, Made: made}
			if mark.Chosen != "" {
				c.chosenObjects.Add(1)
			}
			n := c.gathered.graph.Add(s.resource, i, mark)
			if left != "" {
				return nil
			}
			return r.add(n, i)
		},
		end: func() error {
			c.mu.Lock()
			kind := s.resource.String()
			c.gathered.rows[kind] = append(c.gathered.rows[kind], r)
			c.mu.Unlock()
			return r.done()
		},
	}, nil
}

// each lists one kind in the namespaces: by one list when those are most of the cluster's, else namespace by namespace.
func (c *capture) each(ctx context.Context, res cluster.Resource, namespaces []string, wanted map[string]bool, to func(*stream) (sink, error)) error {
	if len(namespaces)*2 >= c.allNamespaces && len(c.revisions) == 0 {
		err := c.list(ctx, res, "", func(i cluster.Item) bool { return wanted[i.Namespace] }, to)
		if err == nil || !apierrors.IsForbidden(err) {
			return c.failed(ctx, res, "", err)
		}
	}
	for _, ns := range namespaces {
		if err := c.failed(ctx, res, ns, c.list(ctx, res, ns, nil, to)); err != nil {
			return err
		}
	}
	return nil
}

// keep captures what of the gathered objects is taken.
func (c *capture) keep(ctx context.Context) error {
	g := c.gathered
	for _, res := range c.kinds {
		for _, r := range g.rows[res.String()] {
			if err := c.keepRow(ctx, res, r); err != nil {
				return err
			}
		}
	}
	if !c.selection.Closes() {
		return nil
	}
	for _, left := range g.result.Left {
		c.excluded[archive.Excluded{Kind: left.ID.Kind, Reason: left.Reason}]++
	}
	return nil
}

func (c *capture) keepRow(ctx context.Context, res cluster.Resource, r *row) error {
	s := &stream{capture: c, resource: res, ctx: ctx}
	to, err := c.store(s)
	if err != nil {
		return err
	}
	g := c.gathered
	err = r.each(g.result.Takes, func(n closure.Node, raw []byte, hasType bool) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		id := g.graph.ID(n)
		c.takenIn(id.Namespace)
		return s.keep(to, cluster.Item{Namespace: id.Namespace, Name: id.Name, HasType: hasType, Raw: raw}, g.result.Reason(n))
	})
	if endErr := to.end(); err == nil {
		err = endErr
	}
	s.note("", nil, false)
	return err
}

// takenIn notes that something of the namespace is taken: then the Namespace is taken too.
func (c *capture) takenIn(namespace string) {
	if namespace != "" {
		c.chosen[namespace] = true
	}
}

// whyNothing says why nothing is taken: nothing is chosen, or all of that is left out.
func (c *capture) whyNothing() string {
	if c.chosenObjects.Load() == 0 {
		return c.selection.Nothing(c.namespaces)
	}
	var reasons []string
	for _, e := range c.excludedList() {
		reasons = append(reasons, fmt.Sprintf("%s (%d): %s", e.Kind, e.Objects, e.Reason))
	}
	return "all that the scope chooses is left out: " + strings.Join(reasons, "; ")
}

// emptiness ends a backup that nothing is taken for as the scope asks.
func (r *run) emptiness(why string) error {
	if r.spec.Scope.EmptyMode() == salvor.OnEmptyFail {
		return salvor.Errorf(salvor.Invalid, "nothing is taken: %s", why).WithHint("salvor scope shows what a scope takes; onEmpty: Complete makes an empty backup")
	}
	r.manifest.Warnings = append(r.manifest.Warnings, why+"; the backup is empty")
	return nil
}
