package backup

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/rawjson"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/selection"
)

// namespaceKind is the kind Namespace in the version that every cluster serves.
var namespaceKind = cluster.Resource{Version: "v1", Name: "namespaces", Kind: "Namespace", Verbs: []string{"list", "create"}}

// plan finds what the cluster serves and which namespaces are chosen now, before anything is frozen.
func (r *run) plan(ctx context.Context) error {
	var err error
	if r.selection, err = selection.New(r.spec.Scope); err != nil {
		return err
	}
	if err := r.greet(ctx); err != nil {
		return fmt.Errorf("cluster %q: %w", r.spec.Cluster, err)
	}
	served, err := r.discover(ctx)
	if err != nil {
		return fmt.Errorf("cluster %q: %w", r.spec.Cluster, err)
	}
	for _, res := range served.Resources {
		if take, _ := r.selection.Kind(res); take {
			r.kinds = append(r.kinds, res)
		}
	}
	if err := r.selection.CheckKinds(served.Resources); err != nil {
		return fmt.Errorf("cluster %q: %w", r.spec.Cluster, err)
	}
	r.served = served.Resources
	r.manifest.Warnings = append(r.manifest.Warnings, r.selection.Unserved(served.Resources)...)
	r.noteStale(served.Stale)
	n, err := r.chooseNamespaces(ctx, "")
	if err != nil {
		return fmt.Errorf("cluster %q: %w", r.spec.Cluster, err)
	}
	r.namespaces = n.Chosen
	return r.checkAny()
}

// greet asks the cluster who it is. One that can't be connected to at all is not asked again: most often its address is wrong.
func (r *run) greet(ctx context.Context) (err error) {
	if r.version, err = r.site.Cluster.Version(ctx); err != nil && !unreached(err) {
		err = r.retry(ctx, func() (err error) {
			r.version, err = r.site.Cluster.Version(ctx)
			return err
		})
	}
	if err != nil {
		return err
	}
	err = r.retry(ctx, func() (err error) {
		r.uid, err = r.site.Cluster.UID(ctx)
		return err
	})
	if apierrors.IsForbidden(err) {
		return nil
	}
	return err
}

// discover asks what the cluster serves.
func (r *run) discover(ctx context.Context) (served cluster.Discovery, err error) {
	err = r.retry(ctx, func() (err error) {
		served, err = r.site.Cluster.Discover(ctx)
		return err
	})
	return served, err
}

// newKinds adds kinds that were defined since the plan, while rules ran: there may be objects of them at the cut.
func (r *run) newKinds(ctx context.Context) error {
	if !r.quiesced {
		return nil
	}
	served, err := r.discover(ctx)
	if err != nil {
		return fmt.Errorf("cluster %q: looking for kinds that are new: %w", r.spec.Cluster, err)
	}
	for _, res := range served.Resources {
		if slices.ContainsFunc(r.served, func(known cluster.Resource) bool { return known.String() == res.String() }) {
			continue
		}
		r.served = append(r.served, res)
		if take, _ := r.selection.Kind(res); take {
			r.kinds = append(r.kinds, res)
		}
	}
	slices.SortFunc(r.kinds, func(a, b cluster.Resource) int { return strings.Compare(a.String(), b.String()) })
	return nil
}

// checkAny refuses a scope that chooses nothing at all before anything is frozen for it, if it asks for that.
func (r *run) checkAny() error {
	for _, res := range r.kinds {
		if len(r.namespaces) > 0 || !res.Namespaced && r.selection.Loads(res) {
			return nil
		}
	}
	if r.spec.Scope.EmptyMode() == salvor.OnEmptyFail {
		return r.emptiness(r.selection.Nothing(r.namespaces))
	}
	return nil
}

// metricsGroups are aggregated APIs that measure and store nothing: nothing is missing without them.
var metricsGroups = []string{"metrics.k8s.io/", "custom.metrics.k8s.io/", "external.metrics.k8s.io/"}

// noteStale names the aggregated APIs that did not answer discovery.
func (r *run) noteStale(stale []string) {
	for _, gv := range stale {
		reason := fmt.Sprintf("aggregated API %s does not answer; what it serves is not in the backup", gv)
		metrics := false
		for _, g := range metricsGroups {
			metrics = metrics || strings.HasPrefix(gv, g)
		}
		if metrics {
			r.manifest.Warnings = append(r.manifest.Warnings, reason)
			continue
		}
		group, _, _ := strings.Cut(gv, "/")
		r.manifest.Failures = append(r.manifest.Failures, salvor.Failure{Kind: "*." + group, Objects: -1, Reason: reason})
	}
}

// chooseNamespaces lists the namespaces at the revision and decides about them. When the role may not list namespaces, the
// plain names of the scope are taken as they are.
func (r *run) chooseNamespaces(ctx context.Context, revision string) (n selection.Namespaces, err error) {
	var all []selection.Namespace
	l := r.lister(namespaceKind, "", revision)
	err = l.each(ctx, func(i cluster.Item) error {
		ns := selection.Namespace{Name: i.Name, Ending: rawjson.Get(i.Raw, "metadata", "deletionTimestamp") != nil}
		if raw := rawjson.Get(i.Raw, "metadata", "labels"); raw != nil {
			if err := json.Unmarshal(raw, &ns.Labels); err != nil {
				return fmt.Errorf("decoding labels of namespace %s: %w", i.Name, err)
			}
		}
		all = append(all, ns)
		return nil
	})
	if names, plain := r.selection.PlainNamespaces(); apierrors.IsForbidden(err) && plain {
		r.allNamespaces = 1 << 30 // unknown: read only what is wanted
		return selection.Namespaces{Chosen: names}, nil
	}
	if err != nil {
		return n, fmt.Errorf("listing namespaces: %w", err)
	}
	r.allNamespaces = len(all)
	return r.selection.Namespaces(all), nil
}
