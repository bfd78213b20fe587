package restore

import (
	"context"
	"errors"
	"sync"

	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/transform"
)

// checker compares a restore with what exists, before the first write.
type checker struct {
	*run
	mu        sync.Mutex
	conflicts int64
}

// check is the pass of ConflictFail: it changes nothing, and fails when any object exists and differs.
func (r *run) check(ctx context.Context, units []*unit) error {
	r.tally.begin("comparing with what exists")
	r.checking = true
	defer func() { r.checking = false }()
	c := &checker{run: r}
	err := r.withWorkers(ctx, c.examine, func() error { return r.pass(ctx, units) })
	if err != nil {
		return err
	}
	if c.conflicts > 0 {
		return salvor.Errorf(salvor.Conflict, "what exists differs from %s of the backup; nothing was changed", salvor.Count(c.conflicts, "object")).
			WithHint("the failures name them; use --on-conflict skip or update, or another namespace")
	}
	return nil
}

// examine compares one object with the live one of its name.
func (c *checker) examine(ctx context.Context, t task) {
	item, u := itemOf(t.raw), t.unit
	if u.silent || !c.scope.chosen(u, item) || !u.res.Namespaced && !c.claims.take(u, item.Name) {
		return
	}
	res, err := c.served.find(u.res)
	if err != nil {
		return
	}
	result, err := transform.Object(t.raw, res, transform.Options{Namespaces: c.plan.Spec.NamespaceMapping, StorageClasses: c.plan.Spec.StorageClassMapping()})
	if err != nil {
		return // it would be left out, whatever exists
	}
	fields, err := c.conflict(ctx, &object{unit: u, res: res, result: result, body: result.Body})
	if err == nil && len(fields) == 0 {
		return
	}
	out := salvor.ObjectOutcome{Kind: u.res.String(), Namespace: result.Namespace, Name: result.Name, Backup: u.source.Backup.Name,
		Outcome: salvor.OutcomeFailed, Reason: "exists and differs: " + some(fields), Fields: fields}
	if err != nil {
		if fatal(err) {
			c.abort(err)
		}
		out.Reason = "can't be compared: " + err.Error()
	}
	c.tally.add(out, 1)
	c.mu.Lock()
	c.conflicts++
	c.mu.Unlock()
}

// conflict returns where the live object differs; nothing when it is on its way out, or of an earlier attempt of this restore.
func (c *checker) conflict(ctx context.Context, o *object) ([]string, error) {
	there, err := c.inventory.exists(ctx, o.res, o.result.Namespace, o.result.Name)
	if err != nil || !there {
		return nil, err
	}
	live, err := c.read(ctx, o)
	if errors.Is(err, errVanished) {
		return nil, nil
	}
	if err != nil || deleting(live) || c.sinceBegun(live) {
		return nil, err
	}
	if v := c.volumeOf(o.unit, o); v != nil && v.Snapshot != nil {
		if c.ours(live, v) {
			return nil, nil
		}
		return []string{"its data"}, nil // which can't be compared
	}
	fields, err := c.differ(o, live)
	if err != nil || len(fields) == 0 {
		return nil, err
	}
	return c.reallyDiffer(ctx, o, live, fields), nil
}

// sinceBegun reports whether the object was made since the restore began, by a process before this one, if clocks agree: if they
// don't, a conflict is found twice or late, and nothing is overwritten.
func (r *run) sinceBegun(live []byte) bool { return r.resumed && !createdAt(live).Before(r.started) }
