package volume

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
)

// CutRequest is a cut to make.
type CutRequest struct {
	Backup salvor.BackupID
	// Epoch is that of the worker: a later one never meets what an earlier one made.
	Epoch int64
	// Volumes as Plan left them. Those that have a State are not touched.
	Volumes []archive.Volume
	// Groups are those that Groups found; one of which not all volumes are cut now is not used.
	Groups []Group
	// Inside tells in which namespaces rules hold the application.
	Inside func(namespace string) bool
	// Until is when what is not cut yet is given up; zero: after Tuning.CutTime.
	Until time.Time
}

// Timing is how long the parts of a cut took, each from its begin.
type Timing struct {
	// Volumes that were to be cut.
	Volumes int `json:"volumes"`
	// Created is when the API server had every VolumeSnapshot, Cut when each was cut and kept, or given up.
	Created time.Duration `json:"created"`
	Cut     time.Duration `json:"cut"`
}

// Cut creates a snapshot of each volume, all at once, and waits until each is cut: bound to a content that has a handle
// and a creation time, and that is made to Retain, and read back. It does not wait until they are ready. A volume that is
// not cut in time is Failed with the driver's message; its VolumeSnapshot is left for Discard. An error is the cause of ctx.
func (e *Engine) Cut(ctx context.Context, q CutRequest) ([]archive.Volume, Timing, error) {
	began := e.Now()
	c := &cutting{Engine: e, CutRequest: q, tuning: e.Tuning.withDefaults(), pending: map[string]*pending{}}
	c.Volumes = slices.Clone(q.Volumes)
	if c.Until.IsZero() {
		c.Until = began.Add(c.tuning.CutTime)
	}
	for i := range c.Volumes {
		if v := &c.Volumes[i]; v.State == "" {
			kept := *v.Snapshot
			v.Snapshot = &kept
			kept.Object = c.name(began, v.ClaimUID+"/"+v.Claim)
			c.pending[v.Namespace+"/"+kept.Object] = &pending{volume: v}
		}
	}
	c.take(q.Groups, began)
	timing := Timing{Volumes: len(c.pending)}
	if len(c.pending) == 0 {
		return c.Volumes, timing, nil
	}
	if err := c.create(ctx); err != nil {
		return nil, timing, err
	}
	timing.Created = e.Now().Sub(began)
	err := c.await(ctx)
	timing.Cut = e.Now().Sub(began)
	return c.Volumes, timing, err
}

// cutting is one run of Cut.
type cutting struct {
	*Engine
	CutRequest
	tuning Tuning
	// pending are the snapshots that are not cut yet, by namespace/name.
	pending map[string]*pending
	groups  []*cutGroup
}

// name is that of the snapshot of something. It is the same for every attempt of this cut to create it, and for no other
// cut: what is there already is this one's, and never a snapshot that another catalog made for a backup of that name, or this
// one for one that was deleted.
func (c *cutting) name(began time.Time, of string) string {
	cut := fmt.Sprintf("%s %s %d %d", c.CatalogID, c.Backup, c.Epoch, began.UnixNano())
	return fmt.Sprintf("salvor-%s-%s", Hash(cut), Hash(of))
}

// pending is a volume whose snapshot is not cut yet.
type pending struct {
	volume *archive.Volume
	// last is what was last heard of it.
	last string
	// minded is when its claim was last looked at.
	minded time.Time
	// over says that nothing more will come of it.
	over bool
	// group is what it is cut in; nil: it is cut by itself.
	group *cutGroup
}

// labels are those of all that is made for the cut.
func (c *cutting) labels() map[string]string { return epochLabels(c.CatalogID, c.Backup, c.Epoch) }

// fail gives a volume up.
func (p *pending) fail(reason string) {
	p.volume.State, p.volume.Reason, p.volume.Method, p.volume.Snapshot = archive.VolumeFailed, reason, "", nil
	p.over = true
}

// mindEvery is how often the claim of a snapshot that can't begin is looked at.
const mindEvery = time.Second

// create makes all VolumeSnapshots at once.
func (c *cutting) create(ctx context.Context) error {
	group := errgroup.Group{}
	group.SetLimit(mostAtOnce)
	for _, g := range c.groups {
		group.Go(func() error { return c.createGroup(ctx, g) })
	}
	for _, p := range c.pending {
		if p.group == nil {
			group.Go(func() error { return c.createOne(ctx, p) })
		}
	}
	err := group.Wait()
	c.sweep()
	return err
}

// createOne makes the VolumeSnapshot. What is not known to have failed is asked again: the name makes it the same one.
func (c *cutting) createOne(ctx context.Context, p *pending) error {
	v := p.volume
	body, err := encode(map[string]any{
		"apiVersion": snapshotKind.APIVersion(), "kind": snapshotKind.Kind,
		"metadata": map[string]any{"name": v.Snapshot.Object, "namespace": v.Namespace, "labels": c.labels(), "annotations": map[string]string{AnnotationFor: c.Backup.String()}},
		"spec": map[string]any{"volumeSnapshotClassName": v.Snapshot.Class,
			"source": map[string]any{"persistentVolumeClaimName": v.Claim}},
	})
	if err != nil {
		return err
	}
	lost, err := c.createUntil(ctx, snapshotKind, v.Namespace, body)
	if lost != "" {
		p.fail(lost)
	}
	return err
}

// createUntil creates an object. Lost says why it could not; an error is the cause of ctx.
func (c *cutting) createUntil(ctx context.Context, r cluster.Resource, namespace string, body []byte) (lost string, err error) {
	for pause := c.tuning.Pause; ; pause = c.longer(pause) {
		_, err := c.Cluster.Create(ctx, r, namespace, body)
		if err == nil || apierrors.IsAlreadyExists(err) {
			return "", nil
		}
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		if refused(err) || !c.Now().Before(c.Until) {
			return "creating its " + r.Kind + ": " + err.Error(), nil
		}
		if err := sleep(ctx, pause); err != nil {
			return "", err
		}
	}
}

// refused reports whether the API server has answered that it won't.
func refused(err error) bool {
	return apierrors.IsForbidden(err) || apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) || apierrors.IsNotFound(err)
}

// await looks until each snapshot is cut, or given up. The application is held meanwhile: what it waits between two looks is
// a twentieth of the time that has passed, up to MostPause: it is held for hardly longer than the cut takes.
func (c *cutting) await(ctx context.Context) error {
	for began := c.Now(); len(c.pending) > 0; {
		err := c.look(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if len(c.pending) == 0 {
			return nil
		}
		if !c.Now().Before(c.Until) {
			for _, p := range c.pending {
				p.fail(c.overdue(p, err))
			}
			return nil
		}
		pause := min(max(c.Now().Sub(began)/20, c.tuning.Pause), c.tuning.MostPause)
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
	return nil
}

// overdue says why the volume is given up.
func (c *cutting) overdue(p *pending, looking error) string {
	switch {
	case p.last != "":
		return p.last
	case looking != nil:
		return "its snapshot was not seen to be cut in time: " + looking.Error()
	}
	return "its snapshot was not cut in time, and nothing was heard of it: is the snapshot controller running, and the csi-snapshotter of driver " + p.volume.Driver + "?"
}

// look takes one look at all that is pending, and keeps what is cut.
func (c *cutting) look(ctx context.Context) error {
	found, err := c.snapshots(ctx)
	if err == nil {
		err = c.lookGroups(ctx)
	}
	if err != nil {
		return err
	}
	group := errgroup.Group{}
	group.SetLimit(mostAtOnce)
	for key, p := range c.pending {
		s, there := found[key]
		if p.group != nil {
			if s, there = c.ofGroup(p); !there {
				continue
			}
		}
		switch {
		case !there:
			p.fail("its VolumeSnapshot was deleted while it was cut")
		case s.Status.Content != "" && s.Status.CreationTime != nil:
			p.last = ""
			group.Go(func() error { return c.keep(ctx, p, s) })
		case s.Status.Error.said() != "":
			p.last = s.Status.Error.said()
			if s.Status.Content == "" && c.Now().Sub(p.minded) >= mindEvery {
				p.minded = c.Now()
				group.Go(func() error {
					c.mind(ctx, p)
					return nil
				})
			}
		case s.Status.Content != "":
			p.last = "its snapshot was not cut in time: driver " + p.volume.Driver + " has not answered"
		}
	}
	err = group.Wait()
	c.sweep()
	return err
}

// snapshots reads those of this cut, by namespace/name.
func (c *cutting) snapshots(ctx context.Context) (map[string]volumeSnapshot, error) {
	found := map[string]volumeSnapshot{}
	selector := selectorOf(c.labels())
	add := func(s volumeSnapshot) error {
		found[s.Metadata.Namespace+"/"+s.Metadata.Name] = s
		return nil
	}
	spaces := map[string]bool{}
	for _, p := range c.pending {
		spaces[p.volume.Namespace] = true
	}
	if len(spaces) > 1 {
		err := list(ctx, c.Cluster, snapshotKind, "", selector, add)
		if !apierrors.IsForbidden(err) {
			return found, err
		}
	}
	for ns := range spaces {
		if err := list(ctx, c.Cluster, snapshotKind, ns, selector, add); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// sweep takes what is over off what is pending.
func (c *cutting) sweep() {
	maps.DeleteFunc(c.pending, func(_ string, p *pending) bool { return p.over })
}

func (c *cutting) longer(pause time.Duration) time.Duration {
	return min(pause*3/2, c.tuning.MostPause)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

func encode(o any) ([]byte, error) {
	body, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("encoding a request: %w", err)
	}
	return body, nil
}
