package rule

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/labels"

	"salvor.io/salvor/shared/salvor"
)

// leaderTime is what a pod gets to say whether it leads.
const leaderTime = 10 * time.Second

// selected keeps the pods that a single one may be chosen of by their labels.
func selected(where string, s *salvor.SinglePod, pods []pod) ([]pod, error) {
	if s == nil || s.Selector == nil || len(pods) == 0 {
		return pods, nil
	}
	selector, err := salvor.Selector(s.Selector)
	if err != nil {
		return nil, err
	}
	pods = slices.DeleteFunc(slices.Clone(pods), func(p pod) bool { return !selector.Matches(labels.Set(p.Metadata.Labels)) })
	if len(pods) == 0 {
		return nil, salvor.Errorf(salvor.NotFound, "%s: its singlePod.selector chooses none of the pods", where)
	}
	return pods, nil
}

// narrow keeps the targets that a single one may be of, in their order; who leads among them is asked when the action
// begins. After the cut it is one that was begun in, if it is left: whoever leads by then was never frozen.
func (r *run) narrow(s *salvor.SinglePod, targets []Target) []Target {
	if len(targets) == 0 {
		return nil
	}
	if s == nil {
		s = &salvor.SinglePod{}
	}
	if begun := slices.DeleteFunc(slices.Clone(targets), func(t Target) bool { return !r.owes(t.ref()) }); len(begun) > 0 {
		targets = begun
	}
	slices.SortFunc(targets, func(a, b Target) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), natural(a.Pod, b.Pod))
	})
	if s.Order == salvor.PodOrderLast {
		slices.Reverse(targets)
	}
	if s.Leader != nil {
		return targets
	}
	return targets[:1]
}

// lead asks each pod whether it leads, all at once, and keeps the first that says so.
func (r *run) lead(ctx context.Context, a salvor.Action, targets []Target) ([]Target, error) {
	if !a.RunInSinglePod || a.SinglePod == nil || a.SinglePod.Leader == nil || len(targets) == 0 {
		return targets, nil
	}
	answers := make([]error, len(targets))
	var group errgroup.Group
	group.SetLimit(r.parallel())
	for i, t := range targets {
		group.Go(func() error {
			answers[i] = r.ask(ctx, *a.SinglePod.Leader, a.Env, t)
			return nil
		})
	}
	group.Wait()
	if ctx.Err() != nil {
		return nil, ended(ctx, ctx, context.Cause(ctx))
	}
	if i := slices.Index(answers, nil); i >= 0 {
		return targets[i : i+1], nil
	}
	if r.phase == PostExec { // something may be frozen: whoever it is, the first one is as good as any
		return targets[:1], nil
	}
	return nil, salvor.Errorf(salvor.NotFound, "no pod says that it is the leader; pod %s/%s: %s", targets[0].Namespace, targets[0].Pod, Mask(answers[0].Error()))
}

// ask runs a probe: no error means yes.
func (r *run) ask(ctx context.Context, p salvor.Probe, env []salvor.EnvVar, t Target) error {
	bounded, cancel := context.WithTimeoutCause(ctx, leaderTime, fmt.Errorf("no answer within %v", leaderTime))
	defer cancel()
	_, err := r.exec(bounded, salvor.Action{Shell: p.Shell, Command: p.Command, Env: env}, t, &tail{}, &tail{})
	return ended(ctx, bounded, err)
}

// natural compares names so that numbers in them count as such.
func natural(a, b string) int {
	for a != "" && b != "" {
		x, restA := chunk(a)
		y, restB := chunk(b)
		if x != y {
			if digit(x[0]) && digit(y[0]) {
				p, q := strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
				return cmp.Or(cmp.Compare(len(p), len(q)), strings.Compare(p, q), strings.Compare(x, y))
			}
			return strings.Compare(x, y)
		}
		a, b = restA, restB
	}
	return cmp.Compare(len(a), len(b))
}

// chunk cuts off the digits, or what are none, that a text begins with.
func chunk(s string) (head, rest string) {
	i := 1
	for i < len(s) && digit(s[i]) == digit(s[0]) {
		i++
	}
	return s[:i], s[i:]
}

func digit(c byte) bool { return '0' <= c && c <= '9' }
