package backup

import (
	"context"
	"fmt"
	"slices"
	"time"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/volume"
)

// Volumes keeps the data of claims.
type Volumes interface {
	// Plan says of each claim what can become of its data, and changes nothing.
	Plan(ctx context.Context, claims []volume.Claim, spec *salvor.BackupVolumes) ([]archive.Volume, error)
	// Groups finds which of the planned volumes are snapshotted together, and changes nothing.
	Groups(ctx context.Context, planned []archive.Volume) ([]volume.Group, error)
	// Cut snapshots the volumes that have no State yet. An error is the cause of ctx.
	Cut(ctx context.Context, q volume.CutRequest) ([]archive.Volume, volume.Timing, error)
	// Release removes what stands for the snapshots in the cluster; they themselves stay.
	Release(ctx context.Context, backup salvor.BackupID, volumes []archive.Volume) error
	// Discard removes what workers up to the epoch made for the backup, but for that of the volumes to keep.
	Discard(ctx context.Context, backup salvor.BackupID, epoch int64, keep []archive.Volume) error
}

// mostMargin is the most that a cut leaves of maxFreeze for the thaw.
const mostMargin = 15 * time.Second

// planVolumes finds, before anything is frozen, which volumes can be snapshotted and what stands in the way of others.
func (r *run) planVolumes(ctx context.Context) error {
	claims, err := r.claims(ctx)
	if err != nil {
		return fmt.Errorf("cluster %q: looking for volumes: %w", r.spec.Cluster, err)
	}
	if r.site.Volumes == nil || len(claims) == 0 {
		r.volumes = unkept(claims, "this process has no way to snapshot volumes")
		return nil
	}
	err = r.retry(ctx, func() error {
		if r.volumes, err = r.site.Volumes.Plan(ctx, claims, r.spec.Volumes); err == nil {
			r.volumeGroups, err = r.site.Volumes.Groups(ctx, r.volumes)
		}
		return err
	})
	if err != nil && (ctx.Err() != nil || salvor.Is(err, salvor.Invalid)) {
		return err
	}
	if err != nil {
		r.volumes = unkept(claims, "it could not be found out how to snapshot it: "+err.Error())
	}
	return nil
}

// notePlanned notes that there are volumes: should no worker live to say what came of them, whoever deletes the backup looks for
// their snapshots.
func (r *run) notePlanned(ctx context.Context) error {
	if len(r.volumes) == 0 {
		return nil
	}
	return r.record.update(ctx, func(s *salvor.BackupStatus) { s.Volumes = archive.Count(r.volumes) })
}

// unkept are the volumes of claims of which nothing can be kept.
func unkept(claims []volume.Claim, why string) []archive.Volume {
	var volumes []archive.Volume
	for i := range claims {
		volumes = append(volumes, volume.Unkept(&claims[i], why))
	}
	return volumes
}

// discardEarlier removes what earlier workers cut: this one begins anew.
func (r *run) discardEarlier(ctx context.Context) {
	if r.record.epoch > 1 {
		r.discard(ctx, r.record.epoch-1, nil)
	}
}

// discard removes snapshots of this backup but those to keep. What can't be removed now is found by its labels later.
func (r *run) discard(ctx context.Context, epoch int64, keep []archive.Volume) (done bool) {
	if r.site.Site == nil || r.site.Volumes == nil {
		return false
	}
	err := r.site.Volumes.Discard(ctx, r.record.id, epoch, keep)
	if err != nil {
		r.warn("snapshots that belong to no backup could not be removed: %v", err)
	}
	return err == nil
}

// discardFailed removes what this run cut, and those before it, when it has come to nothing. Whoever took over may go on
// with the very same snapshots, so a worker that lost its lease leaves them alone; so does one that may have stored its manifest.
// It reports whether all was asked to go.
func (r *run) discardFailed(ctx context.Context) (done bool) {
	switch {
	case r.committing:
		if r.cutBegan {
			r.warn("its manifest may have been stored, so its snapshots were left; they go when it is deleted, and salvor volumes orphans finds them")
		}
		return false
	case !r.cutBegan && r.record.epoch == 1:
		return true
	}
	if err := r.record.confirm(ctx); salvor.Is(err, salvor.Fenced) {
		return false
	}
	return r.discard(ctx, r.record.epoch, nil)
}

// release removes from the cluster what stands for snapshots that are all ready; settling does it for others.
func (r *run) release(ctx context.Context) {
	if r.manifest.Phase == salvor.PhaseSettling || r.site.Site == nil || r.site.Volumes == nil || len(r.manifest.Volumes) == 0 {
		return
	}
	r.Engine.step(StepRelease)
	if err := r.site.Volumes.Release(ctx, r.record.id, r.manifest.Volumes); err != nil {
		r.leftBehind = append(r.leftBehind, leftBehind(err))
	}
}

// cutVolumes cuts the volumes of the namespaces, all at once.
func (r *run) cutVolumes(ctx context.Context, of, inside func(namespace string) bool, until time.Time) error {
	r.resultMu.Lock()
	var mine []archive.Volume
	for _, v := range r.volumes {
		if v.State == "" && of(v.Namespace) {
			mine = append(mine, v)
		}
	}
	r.cutBegan = r.cutBegan || len(mine) > 0
	r.resultMu.Unlock()
	if len(mine) == 0 {
		return nil
	}
	began := r.Now()
	done, timing, err := r.site.Volumes.Cut(ctx, volume.CutRequest{Backup: r.record.id, Epoch: r.record.epoch, Volumes: mine, Groups: r.volumeGroups, Inside: inside, Until: until})
	if err != nil {
		return err
	}
	r.report.cut(began, timing)
	r.resultMu.Lock()
	defer r.resultMu.Unlock()
	for _, v := range done {
		r.volumes[slices.IndexFunc(r.volumes, sameClaim(v))] = v
	}
	return nil
}

func sameClaim(v archive.Volume) func(archive.Volume) bool {
	return func(o archive.Volume) bool { return o.Namespace == v.Namespace && o.Claim == v.Claim }
}

// cutVolumes cuts the volumes of the group while it is held.
func (g *group) cutVolumes(held context.Context) error {
	of := func(string) bool { return true }
	if g.spec.RuleScope == salvor.RuleScopeNamespace && g.spec.Freezes() {
		of = g.has
	}
	return g.run.cutVolumes(held, of, g.holds, g.cutUntil())
}

func (g *group) has(namespace string) bool { return slices.Contains(g.namespaces, namespace) }

// holds reports whether rules hold anything in the namespace.
func (g *group) holds(namespace string) bool {
	return g.begun && slices.ContainsFunc(g.sent, func(p salvor.PodRef) bool { return p.Namespace == namespace })
}

// notHeld takes back that volumes of the namespaces were cut while rules held the application: an action failed there.
func (r *run) notHeld(namespaces []string) {
	r.resultMu.Lock()
	defer r.resultMu.Unlock()
	for _, v := range r.volumes {
		if v.Snapshot != nil && slices.Contains(namespaces, v.Namespace) {
			v.Snapshot.Inside = false
		}
	}
}

// cutUntil is when a cut is given up, so that there is time to thaw; zero: nothing is held.
func (g *group) cutUntil() time.Time {
	if !g.begun {
		return time.Time{}
	}
	most := g.maxFreeze()
	return g.began.Add(most - min(most/5, mostMargin))
}

// matchVolumes brings the volumes together with the claims that were captured, into the manifest, and removes snapshots
// that no claim of the backup needs.
func (r *run) matchVolumes(ctx context.Context) {
	kept := []archive.Volume{}
	for i := range r.capture.claimed {
		kept = append(kept, r.volumeOf(&r.capture.claimed[i]))
	}
	slices.SortFunc(kept, volume.ByClaim)
	for _, v := range kept {
		if v.State == archive.VolumeFailed {
			r.manifest.Failures = append(r.manifest.Failures, salvor.Failure{Kind: volume.ClaimKind, Namespace: v.Namespace,
				Reason: fmt.Sprintf("the data of claim %q is not in the backup: %s", v.Claim, v.Reason)})
		}
	}
	r.manifest.Volumes, r.manifest.DataConsistency = kept, archive.DataConsistency(kept)
	if r.cutBegan || r.record.epoch > 1 {
		r.discard(ctx, r.record.epoch, kept)
	}
}

// volumeOf is the volume of a claim that was captured.
func (r *run) volumeOf(c *volume.Claim) archive.Volume {
	of := volume.Unkept(c, "")
	i := slices.IndexFunc(r.volumes, sameClaim(of))
	switch {
	case i < 0:
		of.Reason = "it was made, or came into the scope, after the volumes were looked at, shortly before the cut"
	case r.volumes[i].ClaimUID != of.ClaimUID:
		of.Reason = "it was made anew after the volumes were looked at, shortly before the cut"
	case r.volumes[i].State == "":
		of.Reason = "its snapshot was not cut"
	default:
		return r.volumes[i]
	}
	return of
}
