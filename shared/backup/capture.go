package backup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/selection"
)

// capture reads all chosen objects at the capture revision.
type capture struct {
	*run
	revision string
	uploads  *uploader
	chosen   map[string]bool
	needs    *selection.Needs
	streams  chan struct{}
	large    chan struct{}

	mu       sync.Mutex
	segments map[string][]archive.Segment // by kind
	excluded map[archive.Excluded]int64
}

// largeStreams is how many lists may hold more than leastSegment bytes at once; with uploads it bounds the memory.
const largeStreams = 3

// captureAt reads and stores every chosen kind at the revision: first what has a namespace, then what that needs.
func (r *run) captureAt(ctx context.Context, revision string) error {
	var err error
	if err := r.settleNamespaces(ctx, revision); err != nil {
		return err
	}
	c := &capture{run: r, revision: revision, chosen: map[string]bool{}, needs: selection.NewNeeds(r.namespaces),
		streams: make(chan struct{}, r.tuning.Streams), large: make(chan struct{}, largeStreams),
		segments: map[string][]archive.Segment{}, excluded: map[archive.Excluded]int64{}}
	for _, ns := range r.namespaces {
		c.chosen[ns] = true
	}
	if c.uploads, err = r.newUploader(ctx); err != nil {
		return err
	}
	r.uploading.Store(c.uploads)
	r.capture = c
	if err = c.namespaced(ctx); err == nil {
		err = c.clusterScoped(ctx)
	}
	if uploadErr := c.uploads.wait(); uploadErr != nil {
		return fmt.Errorf("location %q: %w", r.spec.Location, uploadErr)
	}
	return err
}

// settleNamespaces chooses the namespaces as they were at the revision.
func (r *run) settleNamespaces(ctx context.Context, revision string) error {
	chosen, missing, err := r.chooseNamespaces(ctx, revision)
	if err != nil {
		return err
	}
	r.namespaces = chosen
	for _, ns := range missing {
		r.manifest.Failures = append(r.manifest.Failures, salvor.Failure{Kind: "namespaces", Namespace: ns, Objects: 1,
			Reason: fmt.Sprintf("namespace %q does not exist", ns)})
	}
	if len(chosen) == 0 && r.selection.ClusterScoped() != salvor.ClusterScopedAll {
		r.manifest.Warnings = append(r.manifest.Warnings, "no namespace of the cluster is chosen; the backup is empty")
	}
	return nil
}

// namespaced captures every chosen kind that has a namespace.
func (c *capture) namespaced(ctx context.Context) error {
	if len(c.namespaces) == 0 {
		return nil
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, res := range c.kinds {
		if !res.Namespaced {
			continue
		}
		c.totals.kinds.Add(1)
		group.Go(func() error {
			defer c.totals.kindsDone.Add(1)
			return c.kind(ctx, res)
		})
	}
	return group.Wait()
}

// kind captures one kind: by one list when most namespaces are chosen, else namespace by namespace.
func (c *capture) kind(ctx context.Context, res cluster.Resource) error {
	if c.mostNamespaces() {
		err := c.list(ctx, res, "", func(i cluster.Item) bool { return c.chosen[i.Namespace] })
		if err == nil || !apierrors.IsForbidden(err) {
			return c.failed(ctx, res, "", err)
		}
	}
	for _, ns := range c.namespaces {
		err := c.list(ctx, res, ns, func(cluster.Item) bool { return true })
		if err := c.failed(ctx, res, ns, err); err != nil {
			return err
		}
	}
	return nil
}

// mostNamespaces tells whether listing all namespaces reads little that is not wanted.
func (c *capture) mostNamespaces() bool { return len(c.namespaces)*2 >= c.allNamespaces }

// list captures what one list holds and take wants. Objects that were read before an error are kept.
func (c *capture) list(ctx context.Context, res cluster.Resource, namespace string, take func(cluster.Item) bool) error {
	select {
	case c.streams <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-c.streams }()
	s := &stream{capture: c, resource: res, skipper: c.selection.Skipper(res), take: take, ctx: ctx}
	return s.read(namespace)
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
	c.mu.Lock()
	defer c.mu.Unlock()
	c.manifest.Failures = append(c.manifest.Failures, salvor.Failure{Kind: res.String(), Namespace: namespace, Objects: -1, Reason: reason})
	return nil
}

// clusterScoped captures the chosen namespaces themselves and the other objects without namespace that are wanted.
func (c *capture) clusterScoped(ctx context.Context) error {
	served := map[string]cluster.Resource{}
	for _, res := range c.kinds {
		if !res.Namespaced {
			served[res.String()] = res
		}
	}
	if ns, ok := served["namespaces"]; ok {
		if err := c.one(ctx, ns, func(i cluster.Item) bool { return c.chosen[i.Name] }); err != nil {
			return err
		}
		delete(served, "namespaces")
	}
	switch c.selection.ClusterScoped() {
	case salvor.ClusterScopedNone:
		return nil
	case salvor.ClusterScopedAll:
		return c.all(ctx, served)
	}
	for _, kind := range selection.NeedOrder() {
		res, ok := served[kind]
		if !ok || !c.needs.Any(kind) {
			continue
		}
		if err := c.one(ctx, res, func(i cluster.Item) bool { return c.needs.Needed(kind, i) }); err != nil {
			return err
		}
	}
	return nil
}

func (c *capture) all(ctx context.Context, served map[string]cluster.Resource) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, res := range served {
		group.Go(func() error { return c.one(ctx, res, func(cluster.Item) bool { return true }) })
	}
	return group.Wait()
}

// one captures one kind without namespace.
func (c *capture) one(ctx context.Context, res cluster.Resource, take func(cluster.Item) bool) error {
	c.totals.kinds.Add(1)
	defer c.totals.kindsDone.Add(1)
	return c.failed(ctx, res, "", c.list(ctx, res, "", take))
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
