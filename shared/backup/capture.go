package backup

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/volume"
)

// capture reads all chosen objects at the capture revision.
type capture struct {
	*run
	revision string
	uploads  *uploader
	gathered *gathered
	streams  chan struct{}
	large    chan struct{}
	// show, if set, is told of each object instead of storing it.
	show func(ScopeObject)
	// reasons holds why each object was taken, of a backup with a closure.
	reasons *reasons
	// chosenObjects counts what the scope chose, before anything was left out.
	chosenObjects atomic.Int64

	// earlier are the lists that an earlier worker has read, finished those that are read by now.
	earlierLists map[listKey]*listed
	finished     []listed

	mu       sync.Mutex
	chosen   map[string]bool              // namespaces that are taken themselves
	segments map[string][]archive.Segment // by kind
	claimed  []volume.Claim               // claims that are taken
	excluded map[archive.Excluded]int64
}

// largeStreams is how many lists may hold more than leastSegment bytes at once; with uploads it bounds the memory.
const largeStreams = 3

// newCapture prepares to read at the revision, once the namespaces are settled.
func (r *run) newCapture(revision string) *capture {
	c := &capture{run: r, revision: revision, chosen: map[string]bool{},
		streams: make(chan struct{}, r.tuning.Streams), large: make(chan struct{}, largeStreams),
		segments: map[string][]archive.Segment{}, excluded: map[archive.Excluded]int64{}}
	for _, ns := range r.namespaces {
		c.chosen[ns] = true
	}
	c.gathered = c.newGathered()
	if r.selection.Closes() {
		c.reasons = &reasons{}
	}
	return c
}

// captureAt reads and stores every chosen kind at the revision.
func (r *run) captureAt(ctx context.Context, revision string) error {
	if err := r.newKinds(ctx); err != nil {
		return err
	}
	if err := r.settleNamespaces(ctx, revision); err != nil {
		return err
	}
	c := r.newCapture(revision)
	var err error
	if c.uploads, err = r.newUploader(ctx); err != nil {
		return err
	}
	c.uploads.restore(r.resumed)
	c.earlierLists = r.resumed.lists()
	r.uploading.Store(c.uploads)
	r.capture = c
	err = c.all(ctx)
	if uploadErr := c.uploads.wait(); uploadErr != nil {
		return fmt.Errorf("location %q: %w", r.spec.Location, uploadErr)
	}
	return err
}

// all captures everything: first what has a namespace, then what that needs.
func (c *capture) all(ctx context.Context) error {
	defer c.gathered.shelf.free()
	var err error
	if c.selection.Closes() {
		err = c.closed(ctx)
	} else if err = c.direct(ctx); err == nil {
		err = c.clusterScoped(ctx)
	}
	if err != nil {
		return err
	}
	taken := c.totals.objects.Load()
	if err := c.takenNamespaces(ctx); err != nil {
		return err
	}
	c.noteUnmatched()
	c.noteReferences()
	if taken > 0 {
		return nil
	}
	return c.emptiness(c.whyNothing())
}

// settleNamespaces chooses the namespaces as they were at the revision.
func (r *run) settleNamespaces(ctx context.Context, revision string) error {
	if p := r.resumed; p != nil && p.Namespaces != nil {
		r.settled, r.allNamespaces = p.Namespaces, p.AllNamespaces
	} else {
		n, err := r.chooseNamespaces(ctx, revision)
		if err != nil {
			return err
		}
		r.settled = &n
	}
	n := r.settled
	r.namespaces = n.Chosen
	for _, ns := range n.Missing {
		r.manifest.Failures = append(r.manifest.Failures, salvor.Failure{Kind: "namespaces", Namespace: ns, Objects: 1,
			Reason: fmt.Sprintf("namespace %q does not exist", ns)})
	}
	for _, ns := range n.OptedOut {
		r.manifest.Warnings = append(r.manifest.Warnings, fmt.Sprintf("namespace %q is left out: it is labelled so", ns))
	}
	for _, ns := range n.Ending {
		if slices.Contains(n.Chosen, ns) {
			r.manifest.Failures = append(r.manifest.Failures, salvor.Failure{Kind: "namespaces", Namespace: ns, Objects: 1,
				Reason: fmt.Sprintf("namespace %q was being deleted: this is what was left of it; an earlier backup has it whole", ns)})
			continue
		}
		r.manifest.Warnings = append(r.manifest.Warnings, fmt.Sprintf("namespace %q is left out: it was being deleted; what is left of it is taken where it is named", ns))
	}
	return nil
}

// direct captures every chosen kind that has a namespace as it is read.
func (c *capture) direct(ctx context.Context) error {
	if len(c.namespaces) == 0 {
		return nil
	}
	for _, ns := range c.namespaces {
		c.gathered.graph.LoadedNamespace(ns)
		if c.selection.Whole() {
			c.gathered.graph.Whole(ns)
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, res := range c.kinds {
		if !res.Namespaced {
			continue
		}
		c.totals.kinds.Add(1)
		group.Go(func() error {
			defer c.totals.kindsDone.Add(1)
			return c.each(ctx, res, c.namespaces, c.chosen, c.chooses)
		})
	}
	return group.Wait()
}

// list reads one list into a sink; take, if set, says of which objects. Those that were read before an error are kept.
func (c *capture) list(ctx context.Context, res cluster.Resource, namespace string, take func(cluster.Item) bool, to func(*stream) (sink, error)) error {
	select {
	case c.streams <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-c.streams }()
	s := &stream{capture: c, resource: res, chooser: c.selection.Chooser(res), take: take, ctx: ctx}
	return s.read(namespace, to)
}

// failed turns the error of one kind into a failure of the backup's record, unless the whole run has to end.
func (c *capture) failed(ctx context.Context, res cluster.Resource, namespace string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if _, ours := errors.AsType[*takeError](err); ours || salvor.Is(err, salvor.Gone) && c.spec.Consistency == salvor.ConsistencyStrict {
		return err
	}
	reason := err.Error()
	if apierrors.IsForbidden(err) {
		reason += "; apply infra/kubernetes/rbac.yaml to grant it"
	}
	c.gathered.graph.Unread(res.String())
	c.mu.Lock()
	defer c.mu.Unlock()
	c.manifest.Failures = append(c.manifest.Failures, salvor.Failure{Kind: res.String(), Namespace: namespace, Objects: -1, Reason: reason})
	return nil
}

// clusterScoped captures the objects without namespace that are wanted beside directly captured ones.
func (c *capture) clusterScoped(ctx context.Context) error {
	if c.selection.ClusterScoped() == salvor.ClusterScopedNeeded {
		return c.needed(ctx)
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, res := range c.kinds {
		if !res.Namespaced && res.String() != namespaceKind.String() && c.selection.Loads(res) {
			group.Go(func() error { return c.one(ctx, res, nil, c.chooses) })
		}
	}
	return group.Wait()
}

// takenNamespaces captures the chosen namespaces themselves.
func (c *capture) takenNamespaces(ctx context.Context) error {
	i := slices.IndexFunc(c.kinds, func(r cluster.Resource) bool { return r.String() == namespaceKind.String() })
	c.namespaces = slices.Sorted(maps.Keys(c.chosen))
	if i < 0 {
		return nil
	}
	return c.one(ctx, c.kinds[i], func(i cluster.Item) bool { return c.chosen[i.Name] }, c.takes)
}

// one captures one kind without namespace.
func (c *capture) one(ctx context.Context, res cluster.Resource, take func(cluster.Item) bool, to func(*stream) (sink, error)) error {
	c.totals.kinds.Add(1)
	defer c.totals.kindsDone.Add(1)
	return c.failed(ctx, res, "", c.list(ctx, res, "", take, to))
}

// stored returns the kinds that have segments, sorted, each with its segments in the order of their objects.
func (c *capture) stored() []archive.Kind {
	var kinds []archive.Kind
	for _, res := range c.kinds {
		segments := c.segments[res.String()]
		if len(segments) == 0 {
			continue
		}
		slices.SortStableFunc(segments, func(a, b archive.Segment) int {
			return strings.Compare(a.Namespace+"/"+a.First, b.Namespace+"/"+b.First)
		})
		kinds = append(kinds, archive.Kind{Resource: res, Segments: segments})
	}
	return kinds
}
