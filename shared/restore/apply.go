package restore

import (
	"context"
	"errors"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/rawjson"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/transform"
)

// object is one object on its way.
type object struct {
	unit   *unit
	res    cluster.Resource
	result *transform.Result
	body   []byte // what is sent: the result's, without what the target refused and fills in itself
	notes  []string
}

// verdict is what became of an object.
type verdict struct {
	outcome salvor.Outcome
	reason  string
	fields  []string
	// live is the object in the target.
	live []byte
	// res and owners are set when some owners have no UID in the target yet; owners are all of them.
	res    cluster.Resource
	owners []transform.Owner
}

// maxFields is how many fields an outcome names.
const maxFields = 100

// apply brings one object and records its outcome.
func (r *run) apply(ctx context.Context, t task) {
	item := itemOf(t.raw)
	u := t.unit
	if !r.scope.chosen(u, item) || !u.res.Namespaced && !r.claims.take(u, item.Name) {
		r.tally.pass()
		return
	}
	out := salvor.ObjectOutcome{Kind: u.res.String(), Namespace: r.moved(item.Namespace), Name: item.Name, Backup: u.source.Backup.Name}
	if u.res.String() == kindNamespaces {
		out.Name = r.moved(item.Name)
	} else {
		r.matched.Store(true)
	}
	if r.settled.objects[settledKey(out)] {
		r.again(ctx, t)
		return
	}
	v, err := r.bring(ctx, u, t.raw)
	var skip *transform.Skip
	switch {
	case err != nil && ctx.Err() != nil && r.leave():
		r.open(u) // it is left to the next process
		return
	case err == nil:
		out.Outcome, out.Reason, out.Fields = v.outcome, v.reason, v.fields[:min(len(v.fields), maxFields)]
	case errors.As(err, &skip):
		out.Outcome, out.Reason = salvor.OutcomeSkipped, skip.Reason
	case errors.Is(err, errQueued):
		r.open(u)
		return
	case fatal(err):
		r.abort(err)
		out.Outcome, out.Reason = salvor.OutcomeFailed, err.Error()
	case deferrable(err):
		r.open(u)
		r.mu.Lock()
		r.later = append(r.later, deferred{u, t.line, out, err})
		r.mu.Unlock()
		return
	default:
		out.Outcome, out.Reason = salvor.OutcomeFailed, reasonOf(out.Kind, err)
	}
	switch {
	case len(v.owners) > 0:
		uid, there, _ := ownersOf(v.live) // an error comes again when they are set
		r.open(u)
		r.pending.add(pending{res: v.res, out: out, owners: v.owners, uid: uid, there: there})
	case u.silent && (out.Outcome == salvor.OutcomeUnchanged || out.Outcome == salvor.OutcomeSkipped):
		r.tally.pass()
	default:
		if r.waiting(out) {
			r.open(u)
		}
		r.record(out)
	}
}

// bring creates the object, or settles with the one that exists.
func (r *run) bring(ctx context.Context, u *unit, raw []byte) (verdict, error) {
	res, err := r.served.find(u.res)
	if err != nil {
		return verdict{}, err
	}
	if reason := r.replaced(u, itemOf(raw).Name); reason != "" {
		return verdict{}, &transform.Skip{Reason: reason}
	}
	result, err := transform.Object(raw, res, transform.Options{Namespaces: r.plan.Spec.NamespaceMapping, StorageClasses: r.plan.Spec.StorageClassMapping(), OwnerUID: r.uids.get})
	if err != nil {
		r.spaces.skip(u, r.moved(itemOf(raw).Name), err)
		return verdict{}, err
	}
	o := &object{unit: u, res: res, result: result, body: result.Body}
	var v verdict
	if u.res.String() == kindNamespaces {
		v, err = r.namespace(ctx, o)
	} else if err = r.mayCome(ctx, o); err == nil {
		if data := r.volumeOf(u, o); data != nil {
			v, err = r.claim(ctx, o, data)
		} else {
			v, err = r.place(ctx, o)
		}
	}
	if err != nil {
		return verdict{}, err
	}
	if v.outcome == salvor.OutcomeCreated && cutsAnew(o) {
		o.notes = append(o.notes, "it is a new snapshot, of the claim as it is now: the old one is not in the backup")
	}
	r.uids.put(result.OldUID, textOf(v.live, "metadata", "uid"))
	v.reason = join(append(o.notes, v.reason)...)
	switch u.res.String() {
	case kindDefinitions, kindAggregated:
		r.served.define(result.Name)
	}
	if len(result.Unresolved) > 0 {
		v.res, v.owners = res, result.Owners
	}
	return v, nil
}

// mayCome returns why the object can't be brought now, nil when it can.
func (r *run) mayCome(ctx context.Context, o *object) error {
	if err := r.spaces.open(o.result.Namespace); err != nil {
		return err
	}
	if err := r.lackData(o); err != nil {
		return err
	}
	return r.answered(ctx, o)
}

// join joins reasons; empty ones say nothing.
func join(reasons ...string) string {
	return strings.Join(slices.DeleteFunc(reasons, func(r string) bool { return r == "" }), "; ")
}

// place creates the object or settles with the one that exists.
func (r *run) place(ctx context.Context, o *object) (verdict, error) {
	exists, err := r.exists(ctx, o)
	if err != nil {
		return verdict{}, err
	}
	// An object that is there at one moment and gone at the next is met again at once, but not for ever.
	for range 5 {
		unsure := false
		if !exists {
			var live []byte
			live, unsure, err = r.create(ctx, o)
			if err == nil {
				return verdict{outcome: salvor.OutcomeCreated, live: live}, nil
			}
			if !apierrors.IsAlreadyExists(err) {
				return verdict{}, r.explain(o, err)
			}
		}
		v, err := r.settleWith(ctx, o, unsure)
		if !errors.Is(err, errVanished) {
			return v, err
		}
		exists = false
	}
	return verdict{}, &deferral{"it comes and goes in the target: something else creates and deletes it"}
}

// exists reports whether the object is in the target. In a namespace that this run has made it hardly is: there, a
// create finds out without another request.
func (r *run) exists(ctx context.Context, o *object) (bool, error) {
	if r.spaces.fresh(o.result.Namespace) {
		return false, nil
	}
	return r.inventory.exists(ctx, o.res, o.result.Namespace, o.result.Name)
}

// create sends the object, without what the target refuses and can fill in itself.
func (r *run) create(ctx context.Context, o *object) (live []byte, unsure bool, err error) {
	if o.body, err = fitting(o.body); err != nil {
		return nil, false, err
	}
	for {
		var lost bool
		live, lost, err = r.try(ctx, func(ctx context.Context) ([]byte, error) {
			return r.target.Create(ctx, o.res, o.result.Namespace, o.body)
		})
		unsure = unsure || lost
		if err == nil || !apierrors.IsInvalid(err) {
			return live, unsure, err
		}
		// A port can be taken by the very object, made by a create whose answer was lost.
		if there, _, _ := r.try(ctx, func(ctx context.Context) ([]byte, error) {
			return r.target.Get(ctx, o.res, o.result.Namespace, o.result.Name)
		}); there != nil {
			return nil, unsure, apierrors.NewAlreadyExists(schema.GroupResource{Group: o.res.Group, Resource: o.res.Name}, o.result.Name)
		}
		if !r.relax(o, err) {
			return nil, unsure, err
		}
	}
}

// relax gives up what the server refused and fills in itself; false when there is no such thing.
func (r *run) relax(o *object, err error) bool {
	if !apierrors.IsInvalid(err) {
		return false
	}
	body, changes := transform.Relax(o.body, o.res, refusedFields(err))
	o.body = body
	for _, c := range changes {
		o.notes = append(o.notes, c.Reason)
	}
	return len(changes) > 0
}

// explain says in a user's words what a create met.
func (r *run) explain(o *object, err error) error {
	if !apierrors.IsNotFound(err) {
		return err
	}
	var status apierrors.APIStatus
	if errors.As(err, &status) && status.Status().Details != nil && status.Status().Details.Kind == kindNamespaces {
		return err
	}
	return r.served.notIn(o.unit.res)
}

// identity is what tells a live object, and the state of it, from others.
type identity struct{ uid, revision string }

func identityOf(live []byte) identity {
	meta := rawjson.Get(live, "metadata")
	return identity{textOf(meta, "uid"), textOf(meta, "resourceVersion")}
}
