package rule

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
)

var podKind = cluster.Resource{Version: "v1", Name: "pods", Kind: "Pod", Namespaced: true}

// pageSize of pod lists.
const pageSize = 500

// Target is one container that an action runs in.
type Target struct {
	Namespace string `json:"namespace"`
	Pod       string `json:"pod"`
	UID       string `json:"uid"`
	Container string `json:"container"`
}

func (t Target) ref() salvor.PodRef {
	return salvor.PodRef{Namespace: t.Namespace, Name: t.Pod, UID: t.UID}
}

func (t Target) key() string { return t.Namespace + "/" + t.Pod }

// Choice is what a sub-rule would run in now.
type Choice struct {
	SubRule string `json:"subRule"`
	// Pods as namespace/name, sorted.
	Pods []string `json:"pods,omitempty"`
	// Actions are the targets of each action, sorted by namespace and name.
	Actions [][]Target `json:"actions,omitempty"`
	// Warnings name pods that were left out, and why.
	Warnings []string `json:"warnings,omitempty"`
}

// choose finds the targets of each action of a sub-rule. With an error, the choice still has what could be told.
func (r *run) choose(ctx context.Context, s salvor.SubRule, namespaces []string) (Choice, error) {
	c := Choice{SubRule: s.Name}
	pods, err := r.pods(ctx, s, namespaces)
	if err != nil {
		return c, fmt.Errorf("sub-rule %q: choosing pods: %w", s.Name, ended(ctx, ctx, err))
	}
	for _, p := range pods {
		c.Pods = append(c.Pods, p.key())
	}
	if len(pods) == 0 {
		return c, c.none(s, fmt.Sprintf("sub-rule %q: its selectors choose no running pod", s.Name))
	}
	var errs []error
	for _, a := range s.Actions {
		where := fmt.Sprintf("sub-rule %q, action %q", s.Name, a.Name)
		targets, err := r.targets(&c, where, a, pods)
		if err == nil && len(targets) == 0 {
			err = c.none(s, where+": its container runs in none of the pods")
		}
		c.Actions, errs = append(c.Actions, targets), append(errs, err)
	}
	return c, join(errs)
}

// none warns or fails, as the sub-rule wants it when there is nothing to run in.
func (c *Choice) none(s salvor.SubRule, what string) error {
	if s.OnNoPods == salvor.OnNoPodsFail {
		return salvor.Errorf(salvor.NotFound, "%s", what)
	}
	c.Warnings = append(c.Warnings, what)
	return nil
}

// targets finds the container in each pod. Of pods where it can't be told, the first is named, with their number.
func (r *run) targets(c *Choice, where string, a salvor.Action, pods []pod) (targets []Target, err error) {
	var errs []error
	if pods, err = selected(where, a.SinglePod, pods); err != nil {
		return nil, err
	}
	for _, p := range pods {
		if r.spares(p.ref()) {
			continue
		}
		name, err := p.container(a.Container)
		if err != nil {
			errs = append(errs, salvor.Errorf(salvor.Invalid, "%s: pod %s: %w", where, p.key(), err))
			continue
		}
		if why := p.why(name); why != "" {
			text := fmt.Sprintf("%s: pod %s is left out: its container %s is not running (%s)", where, p.key(), name, why)
			if r.owes(p.ref()) { // it may come back as it was, and frozen
				errs = append(errs, salvor.Errorf(salvor.Unavailable, "%s: pod %s: its container %s is not running (%s), and has to be let go on", where, p.key(), name, why))
				continue
			}
			c.Warnings = append(c.Warnings, text)
			continue
		}
		targets = append(targets, Target{Namespace: p.Metadata.Namespace, Pod: p.Metadata.Name, UID: p.Metadata.UID, Container: name})
	}
	if a.RunInSinglePod {
		targets = r.narrow(a.SinglePod, targets)
	}
	return targets, first(errs)
}

// pods lists the running pods that any selector chooses in the namespaces, each once, sorted by namespace and name. After
// the cut, those that may be frozen are among them also while they terminate.
func (r *run) pods(ctx context.Context, s salvor.SubRule, namespaces []string) ([]pod, error) {
	var mu sync.Mutex
	chosen := map[string]pod{}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(r.parallel())
	for _, ns := range namespaces {
		for i := range s.PodSelectors {
			selector, err := salvor.Selector(&s.PodSelectors[i])
			if err != nil {
				return nil, err
			}
			group.Go(func() error {
				return r.list(ctx, ns, selector.String(), func(p pod) {
					mu.Lock()
					defer mu.Unlock()
					chosen[p.key()] = p
				})
			})
		}
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	pods := make([]pod, 0, len(chosen))
	for _, p := range chosen {
		if p.running() || r.owes(p.ref()) && p.Status.Phase == phaseRunning { // as long as it ends, it may be frozen
			pods = append(pods, p)
		}
	}
	slices.SortFunc(pods, func(a, b pod) int { return strings.Compare(a.key(), b.key()) })
	return pods, nil
}

// gone reports whether a pod is surely not there any more.
func (r *run) gone(ctx context.Context, t Target) bool {
	there := false
	err := r.list(ctx, t.Namespace, "", func(p pod) { there = there || p.ref() == t.ref() })
	return err == nil && !there
}

// list hands out the pods of one namespace, some perhaps twice. A server that fails is asked again.
func (e *Engine) list(ctx context.Context, namespace, selector string, each func(pod)) error {
	r := cluster.ListRequest{Resource: podKind, Namespace: namespace, LabelSelector: selector, Limit: pageSize}
	take := func(i cluster.Item) error {
		var p pod
		if err := json.Unmarshal(i.Raw, &p); err != nil {
			return salvor.Errorf(salvor.Internal, "decoding pod %s: %w", i.Key(), err)
		}
		if p.Metadata.Namespace != namespace {
			return salvor.Errorf(salvor.Internal, "the list of namespace %s has pod %s", namespace, p.key())
		}
		each(p)
		return nil
	}
	for {
		var result cluster.ListResult
		err := retry(ctx, transient, func() (err error) {
			result, err = e.Cluster.List(ctx, r, take)
			return err
		})
		if apierrors.IsResourceExpired(err) && r.Continue != "" {
			r.Continue = ""
			continue
		}
		if err != nil {
			return fmt.Errorf("listing pods of namespace %s: %w", namespace, err)
		}
		if result.Continue == "" {
			return nil
		}
		r.Continue = result.Continue
	}
}
