package restore

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/transform"
	"salvor.io/salvor/shared/volume"
)

// helper is a VolumeSnapshotContent, with its VolumeSnapshot, that a restore has made.
type helper struct {
	name, restore    string
	namespace, claim string
}

// helpers lists those of this catalog in the target: by the contents, and by the snapshots, should a content be gone.
func (r *run) helpers(ctx context.Context) ([]helper, error) {
	seen := map[helper]bool{}
	var list []helper
	for _, kind := range []cluster.Resource{contentKind, snapshotKind} {
		selector := volume.LabelCatalog + "=" + volume.Hash(r.e.CatalogID) + "," + volume.LabelRestore
		err := r.each(ctx, cluster.ListRequest{Resource: kind, LabelSelector: selector}, func(i cluster.Item) {
			h := helper{name: i.Name, restore: textOf(i.Raw, "metadata", "annotations", volume.AnnotationFor)}
			h.namespace, h.claim, _ = strings.Cut(textOf(i.Raw, "metadata", "annotations", annotationClaim), "/")
			if !deleting(i.Raw) && h.namespace != "" && h.claim != "" && !seen[h] {
				seen[h] = true
				list = append(list, h)
			}
		})
		if apierrors.IsNotFound(err) {
			continue // the kind isn't served
		}
		if err != nil {
			return nil, fmt.Errorf("listing what volumes are made with: %w", err)
		}
	}
	return list, nil
}

// cleanUp removes those helpers of the target that are chosen. A failure is a warning.
func (r *run) cleanUp(ctx context.Context, choose func(helper) bool) error {
	list, err := r.helpers(ctx)
	if err != nil {
		if fatal(err) || ctx.Err() != nil {
			return err
		}
		r.tally.warn("%v", err)
		return nil
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(r.tuning.Workers)
	for _, h := range list {
		if !choose(h) {
			continue
		}
		g.Go(func() error {
			err := r.removeHelpers(ctx, h.namespace, h.name)
			if err != nil && !fatal(err) && ctx.Err() == nil {
				r.tally.warn("%v", err)
				return nil
			}
			return err
		})
	}
	return g.Wait()
}

// idle reports whether nothing waits for the helper any more: its claim has its volume, or is not made of it.
func (r *run) idle(ctx context.Context, h helper) (bool, error) {
	live, err := r.look(ctx, claimKind, h.namespace, h.claim)
	if err != nil {
		return false, err
	}
	return live == nil || transform.SourceOf(live) != h.name || textOf(live, "status", "phase") == "Bound", nil
}

// CleanUp removes from the cluster (by its name) what restores of this catalog have made volumes with and nothing waits for
// any more, and returns how many are removed and how many are still needed. Those of a restore that is not over are left to it.
func (e *Engine) CleanUp(ctx context.Context, clusterName string) (removed, needed int, err error) {
	target, err := e.Connect(ctx, clusterName)
	if err != nil {
		return 0, 0, fmt.Errorf("connecting to cluster %q: %w", clusterName, err)
	}
	r := &run{e: e, tuning: e.Tuning.withDefaults(), target: target, plan: &Plan{}}
	list, err := r.helpers(ctx)
	if err != nil {
		return 0, 0, err
	}
	var gone atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(r.tuning.Workers)
	for _, h := range list {
		g.Go(func() error {
			if over, err := e.over(ctx, h.restore); err != nil || !over {
				return err
			}
			if idle, err := r.idle(ctx, h); err != nil || !idle {
				return err
			}
			gone.Add(1)
			return r.removeHelpers(ctx, h.namespace, h.name)
		})
	}
	err = g.Wait()
	return int(gone.Load()), len(list) - int(gone.Load()), err
}

// over reports whether the restore has ended, or is not known.
func (e *Engine) over(ctx context.Context, name string) (bool, error) {
	stored, err := get(ctx, e.Catalog, name)
	if salvor.Is(err, salvor.NotFound) {
		return true, nil
	}
	return err == nil && stored.Status.Phase.Done(), err
}
