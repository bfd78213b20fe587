package restore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/rawjson"
	"salvor.io/salvor/shared/salvor"
)

// state is how far the volume of a claim is.
type state struct {
	// bound: it is made.
	bound bool
	// idle: it is made when a pod uses it, and no pod does.
	idle bool
	// trouble is what its snapshot says; gone is why there is nothing to wait for.
	trouble, gone error
	bytes         int64
}

// awaitVolumes waits until the volumes are made, records what came of each, and removes the helpers that nobody needs any more.
func (r *run) awaitVolumes(ctx context.Context) error {
	if len(r.made.waits) == 0 {
		return r.removeIdle(ctx)
	}
	began, total, pause := r.e.Now(), len(r.made.waits), r.tuning.Poll/8
	troubled := map[string]time.Time{}
	for {
		r.tally.begin(fmt.Sprintf("volumes: %d of %d made", total-len(r.made.waits), total))
		for _, key := range sortedKeys(r.made.waits) {
			w := r.made.waits[key]
			s, live, err := r.stateOf(ctx, w.v)
			if err != nil {
				return err
			}
			if s.trouble == nil {
				delete(troubled, key)
			} else if troubled[key].IsZero() {
				troubled[key] = r.e.Now()
			}
			if r.settleVolume(ctx, w, s, live, r.e.Now().Sub(began), troubled[key]) {
				delete(r.made.waits, key)
			}
		}
		if len(r.made.waits) == 0 {
			break
		}
		pause = min(2*pause, 8*r.tuning.Poll)
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
	r.tally.begin("removing what volumes were made with")
	return r.removeIdle(ctx)
}

// settleVolume records what came of the volume, if that is known; false: it isn't yet.
func (r *run) settleVolume(ctx context.Context, w *waitingVolume, s state, live []byte, waited time.Duration, troubled time.Time) bool {
	v, limit := w.v, r.plan.Spec.VolumeTimeout()
	idle := s.idle && waited >= r.tuning.Consumer // by then all is applied, and what makes pods has had time
	// What an earlier process has waited counts; the claim is no older than the restore, whatever the API server's clock says.
	waited = max(waited, min(r.e.Now().Sub(createdAt(live)), r.e.Now().Sub(r.started)))
	switch {
	case s.bound:
		r.endVolume(w, "its volume is made of snapshot "+v.Snapshot.Handle, nil)
		r.tally.volume(func(c *salvor.RestoreVolumeCounts) { c.Restored++; c.Bytes += s.bytes })
	case s.gone != nil:
		r.endVolume(w, "", s.gone)
	case !troubled.IsZero() && r.e.Now().Sub(troubled) >= r.tuning.Unready:
		r.endVolume(w, "", fmt.Errorf("snapshot %s can't be used: %w", v.Snapshot.Handle, s.trouble))
	case idle:
		r.keepHelpers(v)
		r.endVolume(w, "no pod uses it yet; its volume is made of snapshot "+v.Snapshot.Handle+" when one does", nil)
		r.tally.volume(func(c *salvor.RestoreVolumeCounts) { c.Waiting++ })
		r.tally.warn("claim %s has no volume yet: no pod uses it. Until one does, keep backup %q; what the volume is made with stays in the cluster until a later restore, or salvor cluster clean-up, finds it made", v, v.Backup)
	case waited >= limit:
		r.keepHelpers(v)
		r.endVolume(w, "", fmt.Errorf("its volume was not made within %s%s; it may still be, as what it is made with stays", limit, r.lastEvent(ctx, v)))
	default:
		return false
	}
	return true
}

// endVolume records the outcome of the claim.
func (r *run) endVolume(w *waitingVolume, reason string, err error) {
	out := salvor.ObjectOutcome{Kind: kindClaims, Namespace: w.v.Namespace, Name: w.v.Claim, Backup: w.v.Backup, Outcome: salvor.OutcomeCreated}
	if w.out != nil {
		out = *w.out
	}
	out.Reason = join(reason, out.Reason)
	if err != nil {
		out.Outcome, out.Reason = salvor.OutcomeFailed, err.Error()
		r.tally.volume(func(c *salvor.RestoreVolumeCounts) { c.Failed++ })
	}
	r.tally.add(out, 1)
}

// stateOf looks how far the volume is. Live is the claim.
func (r *run) stateOf(ctx context.Context, v *Volume) (s state, live []byte, err error) {
	live, err = r.look(ctx, claimKind, v.Namespace, v.Claim)
	switch {
	case err != nil:
		return s, nil, fmt.Errorf("looking for the volume of claim %s: %w", v, err)
	case live == nil || deleting(live):
		s.gone = errors.New("it was deleted while its volume was made")
		return s, live, nil
	case !r.ours(live, v):
		s.gone = errors.New("something else made it anew while its volume was made")
		return s, live, nil
	}
	switch phase := textOf(live, "status", "phase"); phase {
	case "Bound":
		s.bound = true
		if q, err := resource.ParseQuantity(textOf(live, "status", "capacity", "storage")); err == nil {
			s.bytes = q.Value()
		}
		return s, live, nil
	case "Lost":
		s.gone = errors.New("its volume is lost: somebody deleted its PersistentVolume")
		return s, live, nil
	}
	for kind, ns := range map[string]string{"snapshot": v.Namespace, "content": ""} {
		what := map[string]cluster.Resource{"snapshot": snapshotKind, "content": contentKind}[kind]
		raw, err := r.look(ctx, what, ns, r.helper(v))
		if err != nil {
			return s, live, err
		}
		if raw == nil {
			s.trouble = fmt.Errorf("somebody deleted its %s", what.Kind)
		} else if _, trouble := snapshotState(raw); trouble != nil {
			s.trouble = trouble
		}
	}
	if v.Waits && rawjson.Get(live, "metadata", "annotations", "volume.kubernetes.io/selected-node") == nil {
		used, err := r.usedByPod(ctx, v)
		s.idle = !used
		return s, live, err
	}
	return s, live, nil
}

// usedByPod reports whether a pod uses the claim.
func (r *run) usedByPod(ctx context.Context, v *Volume) (bool, error) {
	pods, err := r.podsOf(ctx, v.Namespace, v.Claim)
	return len(pods) > 0, err
}

// podsOf lists the pods in the namespace that use the claim and have not ended.
func (r *run) podsOf(ctx context.Context, namespace, claim string) (pods [][]byte, err error) {
	err = r.each(ctx, cluster.ListRequest{Resource: podKind, Namespace: namespace}, func(i cluster.Item) {
		if phase := textOf(i.Raw, "status", "phase"); phase != "Succeeded" && phase != "Failed" && usesClaim("pods", i.Raw, claim) {
			pods = append(pods, slices.Clone(i.Raw))
		}
	})
	if err != nil {
		return nil, fmt.Errorf("listing the pods that use claim %s/%s: %w", namespace, claim, err)
	}
	return pods, nil
}

// lastEvent is what the cluster says last about the claim, for an error.
func (r *run) lastEvent(ctx context.Context, v *Volume) string {
	var events [][]byte
	err := r.each(ctx, cluster.ListRequest{Resource: eventKind, Namespace: v.Namespace, FieldSelector: "involvedObject.kind=PersistentVolumeClaim,involvedObject.name=" + v.Claim}, func(i cluster.Item) {
		events = append(events, slices.Clone(i.Raw))
	})
	if message := telling(events); err == nil && message != "" {
		return ": " + message
	}
	return ""
}

// telling is the message of the last of the events. Warnings go first: Kubernetes repeats that it waits for the driver after
// the driver has said what is wrong.
func telling(events [][]byte) string {
	best, message := "", ""
	for _, e := range events {
		at := textOf(e, "lastTimestamp")
		if textOf(e, "type") == "Warning" {
			at = "w" + at // sorts behind digits
		}
		if at >= best {
			best, message = at, strings.TrimSpace(textOf(e, "message"))
		}
	}
	return message
}

// keepHelpers leaves the helpers of the claim when the restore ends.
func (r *run) keepHelpers(v *Volume) {
	r.made.mu.Lock()
	defer r.made.mu.Unlock()
	r.made.keep[r.helper(v)] = true
}

// removeIdle removes the helpers of this restore, and of those that are over, that are not needed any more. What can't be removed is a warning: all the
// data is there.
func (r *run) removeIdle(ctx context.Context) error {
	if !slices.ContainsFunc(r.plan.Volumes, func(v *Volume) bool { return v.Snapshot != nil }) {
		return nil
	}
	return r.cleanUp(ctx, func(h helper) bool {
		if h.restore == r.name {
			return !r.made.keep[h.name]
		}
		over, err1 := r.e.over(ctx, h.restore)
		idle, err2 := r.idle(ctx, h)
		return over && idle && errors.Join(err1, err2) == nil
	})
}

// forgetWaits records the claims that a restore which ends early has not waited for.
func (r *run) forgetWaits() {
	r.made.mu.Lock()
	waits := maps.Clone(r.made.waits)
	clear(r.made.waits)
	for _, w := range waits {
		r.made.keep[r.helper(w.v)] = true
	}
	r.made.mu.Unlock()
	for _, key := range sortedKeys(waits) {
		r.endVolume(waits[key], "", errors.New("the restore ended before its volume was made; it may still be, as what it is made with stays"))
	}
}
