package restore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/salvor"
)

// A checkpoint is how far a restore was when its process had to end: the report so far, whose objects are settled, and in
// lines of another form what the next process can't see of them. It lies beside the report to be, one for each process.
type checkpointLine struct {
	salvor.ObjectOutcome
	// UIDs are pairs: in the old cluster, and in the target.
	UIDs [][2]string `json:"uids,omitempty"`
	// Segments need not be read again: all that is chosen of them is settled.
	Segments []string `json:"segments,omitempty"`
}

// perLine keeps lines short.
const perLine = 500

// settled is what earlier processes have settled: objects of the target, and whole segments. It does not change.
type settled struct {
	objects  map[[3]string]bool
	segments map[string]bool
}

func newSettled() *settled { return &settled{map[[3]string]bool{}, map[string]bool{}} }

func settledKey(o salvor.ObjectOutcome) [3]string { return [3]string{o.Kind, o.Namespace, o.Name} }

// key tells units apart, also where two backups hold the same bytes.
func (u *unit) key() string {
	return u.source.Backup.Name + " " + u.res.String() + " " + u.segment.Namespace + " " + u.segment.Digest
}

// seen reports whether each process has to see the unit's objects: others depend on what it learns of them.
func (u *unit) seen() bool {
	kind := u.res.String()
	return kind == kindNamespaces || kind == kindDefinitions || kind == kindAggregated
}

// again brings what is settled already once more, where this process has to see it. Its outcome is known.
func (r *run) again(ctx context.Context, t task) {
	if !t.unit.seen() {
		return
	}
	if _, err := r.bring(ctx, t.unit, t.raw); fatal(err) {
		r.abort(err)
	}
}

// applied notes that all objects of the unit have been applied.
func (r *run) applied(u *unit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done[u.key()] = true
}

// open notes that an object of the unit was applied and has no outcome yet: by the next process the unit is read again.
func (r *run) open(u *unit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.opened[u.key()] = true
}

// noteSegments writes into the report of a restore that is suspended which segments are settled.
func (r *run) noteSegments() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key := range r.opened {
		delete(r.done, key)
	}
	for chunk := range slices.Chunk(slices.Sorted(maps.Keys(r.done)), perLine) {
		r.tally.note(checkpointLine{Segments: chunk})
	}
}

// suspended reports whether the work has to be left to another process.
func suspended(ctx context.Context) bool { return salvor.Is(context.Cause(ctx), salvor.Suspended) }

// note writes the UIDs into the report of a restore that is suspended.
func (u *uidMap) note(t *tally) {
	u.mu.RLock()
	defer u.mu.RUnlock()
	var line checkpointLine
	for old, now := range u.m {
		if line.UIDs = append(line.UIDs, [2]string{old.String(), now.String()}); len(line.UIDs) == perLine {
			t.note(line)
			line.UIDs = nil
		}
	}
	if len(line.UIDs) > 0 {
		t.note(line)
	}
}

// reports opens the repository of the target, at the location of the newest source: there the outcomes are stored.
func (e *Engine) reports(ctx context.Context, r *salvor.Restore, plan *Plan) (*repository.Repository, error) {
	id, err := e.targetID(ctx, r.Spec.TargetCluster)
	if err != nil {
		return nil, err
	}
	return e.Open(ctx, plan.Sources[0].Backup.Spec.Location, id)
}

// storeCheckpoint stores the report of a restore that is suspended. Without it the next process looks at everything anew.
func (e *Engine) storeCheckpoint(ctx context.Context, r *salvor.Restore, plan *Plan, report []byte) error {
	if plan == nil || len(plan.Sources) == 0 {
		return nil
	}
	key, err := e.put(ctx, r, plan, fmt.Sprintf("%s/checkpoint-%d", r.Name, r.Status.Lease.Epoch), report)
	if err == nil {
		r.Status.Checkpoint = key
	}
	return err
}

// goOn takes over what an earlier process has settled.
func (r *run) goOn(ctx context.Context, restore *salvor.Restore) error {
	key := restore.Status.Checkpoint
	if key == "" || len(r.plan.Sources) == 0 {
		return nil
	}
	repo, err := r.e.reports(ctx, restore, r.plan)
	if err != nil {
		return err
	}
	stored, err := repo.RestoreReport(ctx, key)
	if err != nil {
		r.tally.warn("how far an earlier process was could not be read, and all was looked at anew: %v", err)
		return context.Cause(ctx)
	}
	defer stored.Close()
	r.tally.volume(func(c *salvor.RestoreVolumeCounts) { *c = restore.Status.Volumes })
	for d := json.NewDecoder(stored); ; {
		var line checkpointLine
		err := d.Decode(&line)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading how far the restore is: %w", err)
		}
		for _, pair := range line.UIDs {
			r.uids.put(pair[0], pair[1])
		}
		for _, key := range line.Segments {
			r.settled.segments[key], r.done[key] = true, true
		}
		if line.Name != "" { // else it tells of a segment that could not be read: it may be readable now
			r.tally.add(line.ObjectOutcome, 1)
			r.settled.objects[settledKey(line.ObjectOutcome)] = true
		}
	}
}
