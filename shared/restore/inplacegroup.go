package restore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/transform"
)

// groups finds which workloads use the claims, and puts together what has to go together.
func (r *run) groups(ctx context.Context, queue []*replacement) ([]*group, error) {
	slices.SortFunc(queue, func(a, b *replacement) int { return cmp.Compare(a.v.String(), b.v.String()) })
	byNamespace := map[string][]*workload{}
	var groups []*group
	for _, c := range queue {
		ns := c.v.Namespace
		if _, ok := byNamespace[ns]; !ok {
			list, err := r.workloads(ctx, ns)
			if err != nil {
				return nil, err
			}
			byNamespace[ns] = list
		}
		g := &group{claims: []*replacement{c}}
		for _, w := range byNamespace[ns] {
			if usesClaim(w.kind.String(), w.raw, c.v.Claim) {
				g.workloads = append(g.workloads, w)
			}
		}
		if c.refused = r.strangers(ctx, c.v, g.workloads); c.refused == nil {
			c.refused = g.mayScale(c.v)
		}
		groups = together(groups, g)
	}
	return groups, r.warnOfScalers(ctx, groups)
}

// together adds the group, together with those that share a workload with it.
func together(groups []*group, g *group) []*group {
	return append(slices.DeleteFunc(groups, func(o *group) bool {
		if !slices.ContainsFunc(o.workloads, func(w *workload) bool { return slices.Contains(g.workloads, w) }) {
			return false
		}
		g.claims = append(o.claims, g.claims...)
		for _, w := range o.workloads {
			if !slices.Contains(g.workloads, w) {
				g.workloads = append(g.workloads, w)
			}
		}
		return true
	}), g)
}

// refusal is why the group can't be replaced in place.
func (g *group) refusal() error {
	var list []error
	for _, c := range g.claims {
		if c.refused != nil {
			list = append(list, fmt.Errorf("claim %s: %w", c.v, c.refused))
		}
	}
	return errors.Join(list...)
}

// mayScale refuses what scaling down would not be safe for, or not help.
func (g *group) mayScale(v *Volume) error {
	running := false
	for _, w := range g.workloads {
		if textOf(w.raw, "spec", "persistentVolumeClaimRetentionPolicy", "whenScaled") == "Delete" {
			return fmt.Errorf("%s deletes its claims when it is scaled down (persistentVolumeClaimRetentionPolicy.whenScaled); set that to Retain first", w)
		}
		s, ok := scaled(w.raw)
		running = running || w.replicas() > 0 || ok && s.Replicas > 0
	}
	if v.Waits && !running {
		return fmt.Errorf("no running workload uses it, and StorageClass %q makes its volume for a pod only; delete the claim and restore again, or scale the workload up first", v.StorageClass)
	}
	return nil
}

// strangers refuses a claim that pods use which none of the workloads makes.
func (r *run) strangers(ctx context.Context, v *Volume, workloads []*workload) error {
	pods, err := r.podsOf(ctx, v.Namespace, v.Claim)
	if err != nil {
		return err
	}
	for _, pod := range pods {
		owner, err := r.controllerOf(ctx, v.Namespace, pod)
		if err != nil {
			return err
		}
		name := textOf(pod, "metadata", "name")
		switch {
		case owner.Name == "":
			return fmt.Errorf("pod %s uses it, which nothing would make again; delete the pod first, and make it again afterwards", name)
		case !slices.ContainsFunc(workloads, func(w *workload) bool { return w.uid == owner.UID }):
			return fmt.Errorf("pod %s of %s %s uses it; only Deployments and StatefulSets are scaled down: stop what uses it, delete the claim and restore again", name, owner.Kind, owner.Name)
		}
	}
	return nil
}

// controllerOf returns the controller of a pod; of a ReplicaSet that of it, if it has one.
func (r *run) controllerOf(ctx context.Context, namespace string, raw []byte) (transform.Owner, error) {
	_, owners, err := ownersOf(raw)
	if err != nil {
		return transform.Owner{}, err
	}
	i := slices.IndexFunc(owners, func(o transform.Owner) bool { return o.Controller != nil && *o.Controller })
	if i < 0 {
		return transform.Owner{}, nil
	}
	if owners[i].Kind != "ReplicaSet" {
		return owners[i], nil
	}
	set, err := r.look(ctx, replicaSetKind, namespace, owners[i].Name)
	if err != nil || set == nil {
		return owners[i], err
	}
	above, err := r.controllerOf(ctx, namespace, set)
	if err != nil || above.Name == "" {
		return owners[i], err
	}
	return above, nil
}

// warnOfScalers warns of what may scale the workloads up meanwhile.
func (r *run) warnOfScalers(ctx context.Context, groups []*group) error {
	for _, g := range groups {
		for _, w := range g.workloads {
			if owner, err := r.controllerOf(ctx, w.namespace, w.raw); err == nil && owner.Name != "" {
				r.tally.warn("%s in %s belongs to %s %s, which may scale it up while its volumes are replaced; then everything is put back", w, w.namespace, owner.Kind, owner.Name)
			}
			err := r.each(ctx, cluster.ListRequest{Resource: autoscalerKind, Namespace: w.namespace}, func(i cluster.Item) {
				if textOf(i.Raw, "spec", "scaleTargetRef", "name") == w.name && textOf(i.Raw, "spec", "scaleTargetRef", "kind") == w.kind.Kind {
					r.tally.warn("HorizontalPodAutoscaler %s/%s rests while %s is scaled down, and goes on afterwards", w.namespace, i.Name, w)
				}
			})
			if err != nil && !apierrors.IsNotFound(err) && !denied(err) {
				return fmt.Errorf("listing autoscalers: %w", err)
			}
		}
	}
	return nil
}
