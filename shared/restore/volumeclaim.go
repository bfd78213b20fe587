package restore

import (
	"context"
	"errors"
	"fmt"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/transform"
)

// made is what has become of the claims that get data.
type made struct {
	mu sync.Mutex
	// failed are claims that are not there, with the reason: what uses them would start without its data.
	failed map[string]error
	// waits are those whose volume is still to be made, by namespace/name.
	waits map[string]*waitingVolume
	// queue are those to be replaced in place.
	queue []*replacement
	// keep are names of helpers that are still needed when the restore ends.
	keep map[string]bool
}

// waitingVolume is a claim whose volume is to be made, with its outcome to be.
type waitingVolume struct {
	v   *Volume
	out *salvor.ObjectOutcome
}

func newMade() *made {
	return &made{failed: map[string]error{}, waits: map[string]*waitingVolume{}, keep: map[string]bool{}}
}

// waiting reports whether the outcome is that of a claim whose volume is to be made.
func (r *run) waiting(out salvor.ObjectOutcome) bool {
	r.made.mu.Lock()
	defer r.made.mu.Unlock()
	return out.Kind == kindClaims && r.made.waits[out.Namespace+"/"+out.Name] != nil
}

// errQueued: the claim is replaced once all claims of its wave have been looked at.
var errQueued = errors.New("it is replaced in place")

// claim brings a claim with its data.
func (r *run) claim(ctx context.Context, o *object, v *Volume) (verdict, error) {
	if v.Snapshot == nil {
		return r.emptyClaim(ctx, o, v)
	}
	got, err := r.claimOf(ctx, o, v)
	r.made.mu.Lock()
	defer r.made.mu.Unlock()
	delete(r.made.failed, v.String())
	if err != nil {
		r.made.failed[v.String()] = err
	}
	return got, err
}

// emptyClaim brings a claim of whose data there is no snapshot.
func (r *run) emptyClaim(ctx context.Context, o *object, v *Volume) (verdict, error) {
	got, err := r.place(ctx, o)
	if err == nil && got.outcome == salvor.OutcomeCreated {
		o.notes = append(o.notes, "without data: "+v.Reason)
		r.tally.volume(func(c *salvor.RestoreVolumeCounts) { c.Empty++ })
	}
	return got, err
}

func (r *run) claimOf(ctx context.Context, o *object, v *Volume) (verdict, error) {
	if v.problem != nil {
		return verdict{}, fmt.Errorf("no volume can be made of its snapshot: %w", v.problem)
	}
	plain := o.body
	o.body = transform.WithData(plain, transform.DataSource{Snapshot: r.helper(v), StorageClass: v.StorageClass, Bytes: v.Bytes})
	for range 5 {
		live, err := r.look(ctx, claimKind, v.Namespace, v.Claim)
		switch {
		case err != nil:
			return verdict{}, fmt.Errorf("looking whether it exists: %w", err)
		case r.held[v.String()] != nil:
			return verdict{}, r.replaceLater(o, v)
		case live == nil:
			got, err := r.createClaim(ctx, o, v)
			if err == nil || !apierrors.IsAlreadyExists(err) {
				return got, err
			}
		case deleting(live):
			return verdict{}, &deferral{"it exists in the target and is being deleted"}
		case r.ours(live, v):
			r.await(v)
			return verdict{outcome: salvor.OutcomeCreated, live: live}, r.makeHelpers(ctx, v)
		case r.plan.Spec.InPlace() && !r.intruder(v):
			return verdict{}, r.replaceLater(o, v)
		default:
			o.body = plain
			return r.keepClaim(ctx, o, v, live)
		}
	}
	return verdict{}, &deferral{"it comes and goes in the target: something else creates and deletes it"}
}

// createClaim creates the claim, made of its snapshot.
func (r *run) createClaim(ctx context.Context, o *object, v *Volume) (verdict, error) {
	if err := r.makeHelpers(ctx, v); err != nil {
		return verdict{}, err
	}
	live, _, err := r.create(ctx, o)
	if apierrors.IsAlreadyExists(err) {
		return verdict{}, err
	}
	if err != nil {
		return verdict{}, r.explain(o, err)
	}
	r.await(v)
	return verdict{outcome: salvor.OutcomeCreated, live: live}, nil
}

// ours reports whether this restore has made the live claim.
func (r *run) ours(live []byte, v *Volume) bool { return transform.SourceOf(live) == r.helper(v) }

// intruder reports whether something else made a claim that is there since the restore began, so that it has no data worth keeping.
func (r *run) intruder(v *Volume) bool { return r.spaces.made(v.Namespace) }

// keepClaim settles with a claim that exists: what is in its volume stays.
func (r *run) keepClaim(ctx context.Context, o *object, v *Volume, live []byte) (verdict, error) {
	if r.intruder(v) {
		return verdict{}, errors.New("something in the target made it first, with a volume that lacks the data; delete it, and whatever uses it, and restore again")
	}
	got, err := r.settleWith(ctx, o, false)
	if err != nil {
		return got, err
	}
	r.tally.volume(func(c *salvor.RestoreVolumeCounts) { c.Kept++ })
	if got.outcome == salvor.OutcomeUnchanged || got.outcome == salvor.OutcomeCreated {
		got.outcome = salvor.OutcomeSkipped
	}
	got.reason = join("it exists and keeps the data that it has; --in-place (spec.volumes.inPlace) replaces it", got.reason)
	return got, nil
}

// await notes that the volume of the claim is to be made.
func (r *run) await(v *Volume) {
	r.made.mu.Lock()
	defer r.made.mu.Unlock()
	if r.made.waits[v.String()] == nil {
		r.made.waits[v.String()] = &waitingVolume{v: v}
	}
}

// record records the outcome of an object; that of a claim whose volume is to be made waits for it.
func (r *run) record(out salvor.ObjectOutcome) {
	if out.Kind == kindClaims && out.Outcome != salvor.OutcomeFailed {
		r.made.mu.Lock()
		w := r.made.waits[out.Namespace+"/"+out.Name]
		if w != nil {
			w.out = &out
		}
		r.made.mu.Unlock()
		if w != nil {
			return
		}
	}
	r.tally.add(out, 1)
}

// lackData returns why an object that runs can't come yet: a claim it uses is not there, and would be made anew without its data.
func (r *run) lackData(o *object) error {
	if !o.runs() {
		return nil
	}
	r.made.mu.Lock()
	defer r.made.mu.Unlock()
	for _, v := range r.plan.Volumes {
		err := r.made.failed[v.String()]
		if err == nil || v.Namespace != o.result.Namespace || !usesClaim(o.res.String(), o.body, v.Claim) {
			continue
		}
		reason := fmt.Sprintf("claim %s, which it uses, is not there, and it would start without its data: %v", v.Claim, err)
		if deferrable(err) || errors.Is(err, errQueued) {
			return &deferral{reason}
		}
		return errors.New(reason)
	}
	return nil
}

// lostClaims notes that the claims of a unit that could not be read don't come back.
func (r *run) lostClaims(u *unit, err error) {
	if u.res.String() != kindClaims {
		return
	}
	r.made.mu.Lock()
	defer r.made.mu.Unlock()
	for _, v := range r.plan.Volumes {
		if v.source == u.source && v.From == u.segment.Namespace && v.Snapshot != nil && v.Claim >= u.segment.First && v.Claim <= u.segment.Last {
			r.made.failed[v.String()] = err
		}
	}
}
