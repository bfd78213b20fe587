package backup

import (
	"context"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/selection"
	"salvor.io/salvor/shared/volume"
)

// claims finds the PersistentVolumeClaims that the scope takes now. What can't be read is named by the capture itself.
func (r *run) claims(ctx context.Context) ([]volume.Claim, error) {
	i := slices.IndexFunc(r.kinds, func(res cluster.Resource) bool { return res.String() == volume.ClaimKind })
	if i < 0 || len(r.namespaces) == 0 {
		return nil, nil
	}
	if any, err := r.anyOf(ctx, r.kinds[i]); err != nil || !any {
		return nil, err
	}
	probe, err := r.probe()
	if err != nil {
		return nil, err
	}
	revision, err := probe.newestRevision(ctx)
	if err != nil {
		return nil, err
	}
	c := probe.newCapture(revision)
	c.show = func(ScopeObject) {}
	defer c.gathered.shelf.free()
	if c.selection.Closes() {
		err = c.closed(ctx)
	} else {
		err = c.each(ctx, r.kinds[i], c.namespaces, c.chosen, c.chooses)
	}
	return c.claimed, err
}

// anyOf reports whether the cluster has an object of the kind, or does not tell.
func (r *run) anyOf(ctx context.Context, res cluster.Resource) (bool, error) {
	some := false
	err := r.retry(ctx, func() error {
		some = false
		_, err := r.site.Cluster.List(ctx, cluster.ListRequest{Resource: res, Limit: 1}, func(cluster.Item) error {
			some = true
			return nil
		})
		return err
	})
	if apierrors.IsForbidden(err) {
		return true, nil
	}
	return some, err
}

// probe is a run that looks at what this one will read, and leaves nothing of it behind.
func (r *run) probe() (*run, error) {
	p := &run{Engine: r.Engine, tuning: r.tuning, spec: r.spec, name: r.name, site: r.site,
		served: r.served, kinds: r.kinds, namespaces: r.namespaces, allNamespaces: r.allNamespaces}
	p.report.r.Retries = map[string]int{}
	var err error
	p.selection, err = selection.New(r.spec.Scope)
	return p, err
}

// noteClaim notes a claim that is taken.
func (s *stream) noteClaim(i cluster.Item) error {
	if s.resource.String() != volume.ClaimKind {
		return nil
	}
	claim, err := volume.ClaimOf(i.Raw)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.claimed = append(s.claimed, claim)
	return nil
}
