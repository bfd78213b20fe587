package restore

import (
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

// mayScaleDown finds out whether the workload may be changed, by changing a version of it that is long gone.
func (r *run) mayScaleDown(ctx context.Context, w *workload) error {
	err := r.merge(ctx, w.kind, w.namespace, w.name, map[string]any{"metadata": map[string]any{"resourceVersion": "1"}})
	if denied(err) {
		return fmt.Errorf("%s may not be scaled down: %w; put the identity into the group salvor-restore (infra/kubernetes/rbac.yaml)", w, err)
	}
	return nil // a conflict, which is the answer to be expected; what else is wrong shows again
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
