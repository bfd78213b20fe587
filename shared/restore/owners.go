package restore

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/rawjson"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/transform"
)

// uidMap knows the UIDs, in the target, of the objects that had others in the old cluster. UIDs are UUIDs, kept in 16 bytes each.
type uidMap struct {
	mu sync.RWMutex
	m  map[uuid.UUID]uuid.UUID
}

func newUIDMap() *uidMap { return &uidMap{m: map[uuid.UUID]uuid.UUID{}} }

func (u *uidMap) put(old, now string) {
	a, err1 := uuid.Parse(old)
	b, err2 := uuid.Parse(now)
	if err1 != nil || err2 != nil {
		return
	}
	u.mu.Lock()
	u.m[a] = b
	u.mu.Unlock()
}

func (u *uidMap) get(old string) (string, bool) {
	id, err := uuid.Parse(old)
	if err != nil {
		return "", false
	}
	u.mu.RLock()
	defer u.mu.RUnlock()
	now, ok := u.m[id]
	return now.String(), ok
}

// pending is an object in the target that lacks owners.
type pending struct {
	res    cluster.Resource
	out    salvor.ObjectOutcome
	owners []transform.Owner // as in the backup, all of them
	uid    string
	there  []transform.Owner // that the live object has
}

// ours reports whether this run has written the object, and may go on doing so whatever the policy.
func (p *pending) ours() bool {
	return p.out.Outcome == salvor.OutcomeCreated || p.out.Outcome == salvor.OutcomeUpdated
}

// waiting are the pending objects.
type waiting struct {
	mu   sync.Mutex
	list []pending
}

func (w *waiting) add(p pending) {
	w.mu.Lock()
	w.list = append(w.list, p)
	w.mu.Unlock()
}

// settle gives pending objects the owners that have come meanwhile. At last, owners are looked for in the target by
// their names, and those that aren't there are dropped.
func (r *run) settle(ctx context.Context, last bool) error {
	r.pending.mu.Lock()
	list := r.pending.list
	r.pending.list = nil
	r.pending.mu.Unlock()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(r.tuning.Workers)
	for _, p := range list {
		known, unknown := transform.ResolveOwners(p.owners, r.uids.get)
		if len(unknown) > 0 && !last {
			r.pending.add(p)
			continue
		}
		g.Go(func() error { return r.adopt(ctx, p, known, unknown) })
	}
	return g.Wait()
}

// adopt gives the object its owners and records its outcome.
func (r *run) adopt(ctx context.Context, p pending, known, unknown []transform.Owner) error {
	for _, o := range unknown {
		uid, err := r.findOwner(ctx, p.out.Namespace, o)
		switch {
		case fatal(err):
			return err
		case err != nil:
			p.out.Reason = join(p.out.Reason, fmt.Sprintf("its owner %s could not be looked for, and is left out: %v", o, err))
		case uid == "":
			p.out.Reason = join(p.out.Reason, fmt.Sprintf("its owner %s is not in the target, and is left out", o))
		default:
			o.UID = uid
			known = append(known, o)
		}
	}
	if len(known) > 0 {
		if err := r.patchOwners(ctx, &p, known); err != nil {
			if fatal(err) || ctx.Err() != nil {
				return err
			}
			p.out.Outcome, p.out.Reason = salvor.OutcomeFailed, "its owners could not be set: "+err.Error()
		}
	}
	r.record(p.out)
	return nil
}

// findOwner returns the UID of the owner in the target, "" when it isn't there.
func (r *run) findOwner(ctx context.Context, namespace string, o transform.Owner) (string, error) {
	res, ok := r.served.ofKind(o.APIVersion, o.Kind)
	if !ok {
		return "", nil
	}
	if !res.Namespaced {
		namespace = ""
	}
	live, _, err := r.try(ctx, func(ctx context.Context) ([]byte, error) { return r.target.Get(ctx, res, namespace, o.Name) })
	if apierrors.IsNotFound(err) || err == nil && deleting(live) {
		return "", nil
	}
	return textOf(live, "metadata", "uid"), err
}

// patchOwners sets the owners of the object. One that this run has not written gets them only if it has none: then a
// restore was interrupted here.
func (r *run) patchOwners(ctx context.Context, p *pending, owners []transform.Owner) error {
	list := owners
	var refusal error
	for tries := range 10 {
		if tries > 0 || !p.ours() {
			uid, there := p.uid, p.there
			if err := r.readOwned(ctx, p); err != nil {
				return err
			}
			if refusal != nil && p.uid == uid && reflect.DeepEqual(p.there, there) {
				return refusal // nothing has changed: something else is against it
			}
			if list = union(p.there, owners); len(list) == len(p.there) {
				return nil
			}
			if len(p.there) > 0 && !p.ours() && r.policy != salvor.ConflictUpdate {
				p.out.Outcome, p.out.Reason = salvor.OutcomeSkipped, join(p.out.Reason, "exists and differs: "+ownerPath)
				return nil
			}
		}
		err := r.sendOwners(ctx, p, list)
		switch {
		case err == nil:
			return nil
		case apierrors.IsConflict(err):
			refusal = nil
		case apierrors.IsInvalid(err) && len(refusedFields(err)) == 0:
			refusal = err // a test that fails looks like this, but so do admission policies
		default:
			return err
		}
	}
	return fmt.Errorf("it is changed by something else all the time")
}

// readOwned reads which object it is, and which owners it has.
func (r *run) readOwned(ctx context.Context, p *pending) error {
	live, _, err := r.try(ctx, func(ctx context.Context) ([]byte, error) {
		return r.target.Get(ctx, p.res, p.out.Namespace, p.out.Name)
	})
	if err != nil {
		return err
	}
	p.uid, p.there, err = ownersOf(live)
	return err
}

// ownersOf returns the UID and the owners of a live object.
func ownersOf(live []byte) (uid string, there []transform.Owner, err error) {
	if raw := rawjson.Get(live, "metadata", "ownerReferences"); raw != nil {
		if err := json.Unmarshal(raw, &there); err != nil {
			return "", nil, fmt.Errorf("decoding owners: %w", err)
		}
	}
	return textOf(live, "metadata", "uid"), there, nil
}

// sendOwners sets the list of owners if the object still is the one given, with the owners given; otherwise it is Invalid
// without a field. Whatever else of it changes meanwhile does not matter: some objects are changed all the time.
func (r *run) sendOwners(ctx context.Context, p *pending, list []transform.Owner) error {
	patch, err := json.Marshal([]map[string]any{
		{"op": "test", "path": "/metadata/uid", "value": p.uid},
		{"op": "test", "path": ownerPath, "value": p.there},
		{"op": "add", "path": ownerPath, "value": list},
	})
	if err != nil {
		return fmt.Errorf("encoding owners: %w", err)
	}
	_, _, err = r.try(ctx, func(ctx context.Context) ([]byte, error) {
		return r.target.Patch(ctx, p.res, p.out.Namespace, p.out.Name, types.JSONPatchType, patch)
	})
	if err == nil && !p.ours() {
		p.out.Outcome, p.out.Reason = salvor.OutcomeUpdated, join(p.out.Reason, "its owners were missing")
	}
	return err
}

// union adds to the live owners those that they lack.
func union(there, owners []transform.Owner) []transform.Owner {
	list := slices.Clone(there)
	for _, o := range owners {
		if !slices.ContainsFunc(there, func(t transform.Owner) bool { return t.UID == o.UID }) {
			list = append(list, o)
		}
	}
	return list
}
