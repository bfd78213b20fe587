package restore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"salvor.io/salvor/shared/salvor"
)

// A claim that exists is replaced in place in steps, each of which finds what an earlier process has done of it:
//
//	1. its snapshot is found to be usable
//	2. its old PersistentVolume is held: Retain, with the claim as it was and the restore's name on it
//	3. the workloads that use it are scaled to 0; what they had is noted on them in the same write
//	4. their pods go
//	5. the claim is deleted, and made anew of its snapshot
//	6. the workloads are scaled up
//	7. its volume is made
//	8. the old PersistentVolume is marked as replaced, where several go together
//	9. the old PersistentVolume is let go of, by the reclaim policy that it had
//
// Until step 9 everything can be put back, and is if a step fails: the new claim is deleted, the old one is made again with
// its old volume. Claims that one workload uses go together, all or none. All that is known is in the target, so that a
// process that dies leaves nothing behind that the next one can't find.

// replacement is a claim to be replaced.
type replacement struct {
	o   *object
	v   *Volume
	out salvor.ObjectOutcome
	// refused is why it can't be replaced.
	refused error
}

// group are claims that go together, and the workloads that use them.
type group struct {
	claims    []*replacement
	workloads []*workload
}

// replaceLater queues the claim.
func (r *run) replaceLater(o *object, v *Volume) error {
	out := salvor.ObjectOutcome{Kind: kindClaims, Namespace: v.Namespace, Name: v.Claim, Backup: v.Backup}
	r.made.mu.Lock()
	r.made.queue = append(r.made.queue, &replacement{o: o, v: v, out: out})
	r.made.mu.Unlock()
	return errQueued
}

// replaceQueued replaces the claims that were queued.
func (r *run) replaceQueued(ctx context.Context) error {
	r.made.mu.Lock()
	queue := r.made.queue
	r.made.queue = nil
	r.made.mu.Unlock()
	if len(queue) == 0 {
		return nil
	}
	groups, err := r.groups(ctx, queue)
	if err != nil {
		return err
	}
	for _, g := range groups {
		if err := r.replaceGroup(ctx, g); err != nil {
			return err
		}
	}
	return nil
}

// replaceGroup replaces the claims of the group, or puts everything back. An error ends the restore.
func (r *run) replaceGroup(ctx context.Context, g *group) error {
	r.tally.begin("replacing in place: " + g.String())
	err := g.refusal()
	if err == nil {
		if err = r.replaceAll(ctx, g); err != nil && ctx.Err() != nil && (r.leave() || salvor.Is(context.Cause(ctx), salvor.Fenced)) {
			return context.Cause(ctx)
		}
		if err != nil {
			if back := r.putBack(ctx, g.keys()); back != nil {
				err = fmt.Errorf("%w; and putting it back failed: %w", err, back)
			} else {
				err = fmt.Errorf("%w; the claim is as it was", err)
			}
		}
	}
	for _, c := range g.claims {
		r.replacedOutcome(g, c, err)
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if fatal(err) {
		return err
	}
	return nil
}

// replacedOutcome records what came of a claim.
func (r *run) replacedOutcome(g *group, c *replacement, err error) {
	r.made.mu.Lock()
	delete(r.made.failed, c.v.String())
	r.made.mu.Unlock()
	c.out.Outcome = salvor.OutcomeUpdated
	c.out.Reason = "replaced in place by a volume made of snapshot " + c.v.Snapshot.Handle
	if len(g.workloads) > 0 {
		c.out.Reason += "; scaled down meanwhile: " + g.names()
	}
	if err != nil {
		c.out.Outcome, c.out.Reason = salvor.OutcomeFailed, "it could not be replaced in place: "+err.Error()
		r.tally.volume(func(n *salvor.RestoreVolumeCounts) { n.Failed++ })
	} else {
		r.tally.volume(func(n *salvor.RestoreVolumeCounts) { n.Restored++; n.Bytes += c.v.Bytes })
	}
	r.tally.add(c.out, 1)
}

// replaceAll does the steps.
func (r *run) replaceAll(ctx context.Context, g *group) error {
	if err := r.usable(ctx, g); err != nil {
		return err
	}
	olds, err := r.hold(ctx, g)
	if err != nil {
		return err
	}
	if olds > 0 { // else the workloads have been scaled up again, or are about to be
		if err := r.scaleDown(ctx, g.workloads); err != nil {
			return err
		}
		if err := r.podsGone(ctx, g); err != nil {
			return err
		}
	}
	for _, c := range g.claims {
		if err := r.renew(ctx, c); err != nil {
			return err
		}
	}
	if !slices.ContainsFunc(g.claims, func(c *replacement) bool { return c.v.Waits }) {
		if err := r.allBound(ctx, g); err != nil { // before anything uses them
			return err
		}
	}
	if err := r.scaleUp(ctx, g.workloads); err != nil {
		return err
	}
	if err := r.allBound(ctx, g); err != nil {
		return err
	}
	return r.letGo(ctx, g)
}

// usable makes the helpers and waits until the snapshots can be used. Nothing has been touched yet.
func (r *run) usable(ctx context.Context, g *group) error {
	for _, w := range g.workloads {
		if err := r.mayScaleDown(ctx, w); err != nil {
			return err
		}
	}
	for _, c := range g.claims {
		if err := r.mayDelete(ctx, c.v); err != nil {
			return err
		}
		if err := r.makeHelpers(ctx, c.v); err != nil {
			return err
		}
	}
	for _, c := range g.claims {
		var trouble error
		since := time.Time{}
		ok, err := r.poll(ctx, r.plan.Spec.VolumeTimeout(), func() (ready bool, err error) {
			raw, err := r.look(ctx, snapshotKind, c.v.Namespace, r.helper(c.v))
			if err != nil {
				return false, err
			}
			if ready, trouble = snapshotState(raw); trouble == nil {
				since = time.Time{}
			} else if since.IsZero() {
				since = r.e.Now()
			} else if r.e.Now().Sub(since) >= r.tuning.Unready {
				return true, fmt.Errorf("snapshot %s can't be used: %w", c.v.Snapshot.Handle, trouble)
			}
			return ready, nil
		})
		if err == nil && !ok {
			err = fmt.Errorf("snapshot %s was not usable within %s", c.v.Snapshot.Handle, r.plan.Spec.VolumeTimeout())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// allBound waits until the volumes are made.
func (r *run) allBound(ctx context.Context, g *group) error {
	limit := r.plan.Spec.VolumeTimeout()
	for _, c := range g.claims {
		var since time.Time
		ok, err := r.poll(ctx, limit, func() (bool, error) {
			s, _, err := r.stateOf(ctx, c.v)
			if err = errors.Join(err, s.gone); err != nil {
				return false, err
			}
			switch {
			case s.trouble == nil:
				since = time.Time{}
			case since.IsZero():
				since = r.e.Now()
			case r.e.Now().Sub(since) >= r.tuning.Unready:
				return false, s.trouble
			}
			return s.bound, nil
		})
		if err == nil && !ok {
			err = fmt.Errorf("its volume was not made within %s%s", limit, r.lastEvent(ctx, c.v))
		}
		if err != nil {
			return fmt.Errorf("claim %s: %w", c.v, err)
		}
	}
	return nil
}

// podsGone waits until no pod uses the claims any more.
func (r *run) podsGone(ctx context.Context, g *group) error {
	for _, c := range g.claims {
		if err := r.noPods(ctx, c.v.Namespace, c.v.Claim); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) noPods(ctx context.Context, namespace, claim string) error {
	limit, left := r.plan.Spec.VolumeTimeout(), ""
	ok, err := r.poll(ctx, limit, func() (bool, error) {
		pods, err := r.podsOf(ctx, namespace, claim)
		if len(pods) > 0 {
			left = textOf(pods[0], "metadata", "name")
		}
		return len(pods) == 0, err
	})
	if err == nil && !ok {
		err = fmt.Errorf("pod %s/%s still uses claim %s, %s after its workload was scaled down; something may scale it up again", namespace, left, claim, limit)
	}
	return err
}
