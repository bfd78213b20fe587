package restore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"salvor.io/salvor/shared/rawjson"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/transform"
)

// errVanished is an object that existed a moment ago.
var errVanished = errors.New("it is gone again")

const ownerPath = "/metadata/ownerReferences"

// settleWith settles with an object that exists. Unsure: our own create may have made it, without our hearing of it.
func (r *run) settleWith(ctx context.Context, o *object, unsure bool) (verdict, error) {
	live, err := r.read(ctx, o)
	if err != nil {
		return verdict{}, err
	}
	same := verdict{outcome: salvor.OutcomeUnchanged, live: live}
	switch {
	case unsure:
		same.outcome = salvor.OutcomeCreated
	case r.spaces.fresh(o.result.Namespace):
		same.outcome, same.reason = salvor.OutcomeCreated, "a controller of the target made it first"
	}
	if o.unit.silent {
		return same, nil
	}
	if deleting(live) {
		return verdict{}, &deferral{"it exists in the target and is being deleted"}
	}
	fields, err := r.differ(o, live)
	if err != nil {
		return verdict{}, err
	}
	switch {
	case len(fields) == 0:
		return same, nil
	case o.runs() && r.controllerMade(o, live):
		same.reason = itsController
		return same, nil
	case r.policy == salvor.ConflictUpdate, interrupted(fields, live):
		return r.makeEqual(ctx, o, fields, "", same)
	case r.spaces.made(o.result.Namespace):
		return r.makeEqual(ctx, o, fields, "a controller of the target made it first", same)
	}
	if fields = r.reallyDiffer(ctx, o, live, fields); len(fields) == 0 {
		return same, nil
	}
	reason := "exists and differs: " + some(fields)
	if r.policy == salvor.ConflictFail {
		return verdict{}, fmt.Errorf("%s; it was changed while the restore ran", reason)
	}
	return verdict{outcome: salvor.OutcomeSkipped, reason: reason, live: live}, nil
}

// read gets the live object.
func (r *run) read(ctx context.Context, o *object) ([]byte, error) {
	live, _, err := r.try(ctx, func(ctx context.Context) ([]byte, error) {
		return r.target.Get(ctx, o.res, o.result.Namespace, o.result.Name)
	})
	if apierrors.IsNotFound(err) {
		return nil, errVanished
	}
	if err != nil {
		return nil, fmt.Errorf("exists, and can't be read to compare: %w", err)
	}
	return live, nil
}

// differ returns where the live object differs from the backup's. Owners are left aside while some have no UID yet.
func (r *run) differ(o *object, live []byte) ([]string, error) {
	normal, err := transform.Normal(live, o.res)
	if err != nil {
		return nil, err
	}
	return transform.Differences(o.body, normal, len(o.result.Unresolved) > 0)
}

// interrupted: the live object is the backup's without its owners, as a restore leaves it that is killed at the wrong moment.
func interrupted(fields []string, live []byte) bool {
	return rawjson.Get(live, "metadata", "ownerReferences") == nil &&
		!slices.ContainsFunc(fields, func(f string) bool { return !strings.HasPrefix(f, ownerPath) })
}

// itsController is why an object need not be as in the backup.
const itsController = "its controller makes it what it is"

// runs: its controller makes it from its own spec, and will go on doing so, whatever else writes it.
func (o *object) runs() bool {
	return o.unit.wave == wavePods || o.unit.wave == waveWorkloads || o.unit.wave == waveOwned
}

// makeEqual updates the live object. What its controller has made since, and the target refuses to change, stays as that
// makes it. That does not hold for data: a password that an operator made meanwhile fits nothing else that comes back.
func (r *run) makeEqual(ctx context.Context, o *object, fields []string, why string, same verdict) (verdict, error) {
	v, err := r.update(ctx, o, same.live, fields, why)
	if err == nil || o.unit.wave == waveData || !refused(err) || !r.controllerMade(o, same.live) {
		return v, err
	}
	same.reason = itsController + ", and can't be made equal: " + some(fields)
	return same, nil
}

// refused reports whether the target says no to what is sent, rather than that something is amiss.
func refused(err error) bool {
	return apierrors.IsInvalid(err) || apierrors.IsForbidden(err) && !denied(err) || strings.Contains(err.Error(), "admission webhook")
}

// controllerMade: the live object belongs to the same controller as the backup's, which the restore has brought and which
// has made the object since.
func (r *run) controllerMade(o *object, live []byte) bool {
	if createdAt(live).Before(r.started) {
		return false
	}
	for _, owner := range o.result.Owners {
		if owner.Controller == nil || !*owner.Controller {
			continue
		}
		uid, ok := r.uids.get(owner.UID)
		return ok && strings.Contains(string(rawjson.Get(live, "metadata", "ownerReferences")), `"`+uid+`"`)
	}
	return false
}

// reallyDiffer asks the API server what an update would change: fields that it fills in or drops are no difference. If
// it won't say, all stand.
func (r *run) reallyDiffer(ctx context.Context, o *object, live []byte, fields []string) []string {
	body, err := o.merged(live)
	if err != nil {
		return fields
	}
	after, _, err := r.try(ctx, func(ctx context.Context) ([]byte, error) {
		return r.target.DryUpdate(ctx, o.res, o.result.Namespace, o.result.Name, body)
	})
	if err != nil && r.relax(o, err) {
		return r.reallyDiffer(ctx, o, live, fields)
	}
	if err != nil {
		return fields
	}
	a, err1 := transform.Normal(after, o.res)
	b, err2 := transform.Normal(live, o.res)
	if err1 != nil || err2 != nil {
		return fields
	}
	changed, err := transform.Differences(a, b, false)
	if err != nil {
		return fields
	}
	return changed
}

// merged returns the body of an update of the live object. A *transform.Skip says that there can be none.
func (o *object) merged(live []byte) ([]byte, error) {
	result := *o.result
	result.Body = o.body
	body, err := result.Merge(live, o.res)
	if err != nil {
		return nil, err
	}
	return fitting(body)
}

// update makes the live object equal to the backup's.
func (r *run) update(ctx context.Context, o *object, live []byte, fields []string, why string) (verdict, error) {
	for range 10 {
		body, err := o.merged(live)
		if err != nil {
			return skipped(live, err)
		}
		after, _, err := r.try(ctx, func(ctx context.Context) ([]byte, error) {
			return r.target.Update(ctx, o.res, o.result.Namespace, o.result.Name, body)
		})
		switch {
		case err == nil && identityOf(after) == identityOf(live):
			return verdict{outcome: salvor.OutcomeUnchanged, live: after}, nil
		case err == nil:
			return verdict{outcome: salvor.OutcomeUpdated, reason: why, fields: fields, live: after}, nil
		case apierrors.IsNotFound(err):
			return verdict{}, errVanished
		case r.relax(o, err):
			continue
		case !apierrors.IsConflict(err):
			return verdict{}, fmt.Errorf("exists, differs (%s) and can't be updated: %w", some(fields), err)
		}
		if live, err = r.read(ctx, o); err != nil {
			return verdict{}, err
		}
		if fields, err = r.differ(o, live); err != nil {
			return verdict{}, err
		}
	}
	return verdict{}, &deferral{"exists, differs, and is changed by something else all the time"}
}

// skipped turns a refusal to merge into an outcome, for the object is there.
func skipped(live []byte, err error) (verdict, error) {
	var skip *transform.Skip
	if errors.As(err, &skip) {
		return verdict{outcome: salvor.OutcomeSkipped, reason: "exists, differs and " + skip.Reason, live: live}, nil
	}
	return verdict{}, err
}

func deleting(live []byte) bool { return rawjson.Get(live, "metadata", "deletionTimestamp") != nil }

// createdAt is when the API server made the object, in whole seconds.
func createdAt(live []byte) time.Time {
	t, err := time.Parse(time.RFC3339, textOf(live, "metadata", "creationTimestamp"))
	if err != nil {
		return time.Time{}
	}
	return t
}
