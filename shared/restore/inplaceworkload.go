package restore

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/rawjson"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/transform"
)

// annotationScaled is on a workload that is scaled down: who did it, and what it had.
const annotationScaled = "salvor.io/scaled-down"

type scaledDown struct {
	Restore  string `json:"restore"`
	Replicas int32  `json:"replicas"`
}

var (
	deploymentKind  = cluster.Resource{Group: "apps", Version: "v1", Name: "deployments", Kind: "Deployment", Namespaced: true}
	statefulSetKind = cluster.Resource{Group: "apps", Version: "v1", Name: "statefulsets", Kind: "StatefulSet", Namespaced: true}
	replicaSetKind  = cluster.Resource{Group: "apps", Version: "v1", Name: "replicasets", Kind: "ReplicaSet", Namespaced: true}
	autoscalerKind  = cluster.Resource{Group: "autoscaling", Version: "v2", Name: "horizontalpodautoscalers", Kind: "HorizontalPodAutoscaler", Namespaced: true}
)

// workload is a Deployment or a StatefulSet that uses claims that are replaced.
type workload struct {
	kind            cluster.Resource
	namespace, name string
	uid             string
	raw             []byte
}

func (w *workload) String() string { return w.kind.Kind + " " + w.name }

func (w *workload) replicas() int32 { return replicasOf(w.raw) }

func replicasOf(raw []byte) int32 {
	n, err := strconv.ParseInt(string(rawjson.Get(raw, "spec", "replicas")), 10, 32)
	if err != nil {
		return 1
	}
	return int32(n)
}

// scaled returns what a restore has noted on the workload.
func scaled(raw []byte) (s scaledDown, ok bool) {
	note := textOf(raw, "metadata", "annotations", annotationScaled)
	return s, note != "" && json.Unmarshal([]byte(note), &s) == nil
}

func (g *group) String() string {
	var names []string
	for _, c := range g.claims {
		names = append(names, c.v.String())
	}
	return some(names)
}

func (g *group) names() string {
	var names []string
	for _, w := range g.workloads {
		names = append(names, w.String())
	}
	return some(names)
}

func (g *group) keys() []string {
	var keys []string
	for _, c := range g.claims {
		keys = append(keys, c.v.String())
	}
	return keys
}

// workloads lists the Deployments and StatefulSets of the namespace.
func (r *run) workloads(ctx context.Context, namespace string) (list []*workload, err error) {
	for _, kind := range []cluster.Resource{deploymentKind, statefulSetKind} {
		err := r.each(ctx, cluster.ListRequest{Resource: kind, Namespace: namespace}, func(i cluster.Item) {
			w := &workload{kind: kind, namespace: namespace, name: i.Name, uid: textOf(i.Raw, "metadata", "uid"), raw: slices.Clone(i.Raw)}
			if !slices.ContainsFunc(list, func(o *workload) bool { return o.uid == w.uid }) {
				list = append(list, w)
			}
		})
		if err != nil {
			return nil, fmt.Errorf("listing the workloads of namespace %s: %w", namespace, err)
		}
	}
	return list, nil
}

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

// scaleDown scales the workloads to 0. What each had is noted on it in the same write, and in the restore's status before.
func (r *run) scaleDown(ctx context.Context, workloads []*workload) error {
	for _, w := range workloads {
		err := r.rewriteWorkload(ctx, w, func(raw []byte) map[string]any {
			if s, ok := scaled(raw); ok && s.Restore == r.name && replicasOf(raw) == 0 {
				return nil
			}
			n := replicasOf(raw)
			if n == 0 {
				return nil
			}
			r.noteScaled(salvor.ScaledWorkload{Kind: w.kind.String(), Namespace: w.namespace, Name: w.name, Replicas: n})
			return scalePatch(0, mustEncode(scaledDown{r.name, n}))
		})
		if err != nil {
			return fmt.Errorf("scaling %s in %s down: %w", w, w.namespace, err)
		}
	}
	return nil
}

// scaleUp gives the workloads back what they had, if this restore took it.
func (r *run) scaleUp(ctx context.Context, workloads []*workload) error {
	for _, w := range workloads {
		err := r.rewriteWorkload(ctx, w, func(raw []byte) map[string]any {
			s, ok := scaled(raw)
			if !ok || s.Restore != r.name {
				return nil
			}
			return scalePatch(max(s.Replicas, replicasOf(raw)), nil)
		})
		if err != nil {
			return fmt.Errorf("scaling %s in %s up: %w", w, w.namespace, err)
		}
		r.tally.unscale(w.kind.String(), w.namespace, w.name)
	}
	return nil
}

func scalePatch(replicas int32, note any) map[string]any {
	return map[string]any{"metadata": map[string]any{"annotations": map[string]any{annotationScaled: note}}, "spec": map[string]any{"replicas": replicas}}
}

// rewriteWorkload reads the workload and sends the patch that change makes of it; nil: there is nothing to change. One that
// is gone is no error.
func (r *run) rewriteWorkload(ctx context.Context, w *workload, change func(raw []byte) map[string]any) error {
	for range 10 {
		raw, err := r.look(ctx, w.kind, w.namespace, w.name)
		if err != nil || raw == nil || textOf(raw, "metadata", "uid") != w.uid {
			return err
		}
		patch := change(raw)
		if patch == nil {
			return nil
		}
		patch["metadata"].(map[string]any)["resourceVersion"] = textOf(raw, "metadata", "resourceVersion")
		if err := r.saveScaled(ctx); err != nil {
			return err
		}
		err = r.merge(ctx, w.kind, w.namespace, w.name, patch)
		if !apierrors.IsConflict(err) {
			return err
		}
	}
	return errors.New("it is changed by something else all the time")
}

// workloadsOf lists the workloads that use the volumes' claims, or that this restore has scaled down in their namespaces.
func (r *run) workloadsOf(ctx context.Context, held []*heldVolume) (users []*workload, err error) {
	var seen []string
	for _, h := range held {
		if slices.Contains(seen, h.namespace) {
			continue
		}
		seen = append(seen, h.namespace)
		list, err := r.workloads(ctx, h.namespace)
		if err != nil {
			return nil, err
		}
		for _, w := range list {
			if slices.ContainsFunc(held, func(h *heldVolume) bool {
				return h.namespace == w.namespace && usesClaim(w.kind.String(), w.raw, h.claim)
			}) {
				users = append(users, w)
			}
		}
	}
	return users, nil
}

func mustEncode(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic("encoding a note: " + err.Error()) // plain values: they always encode
	}
	return strings.TrimSpace(string(b))
}
