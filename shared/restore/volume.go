package restore

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/rawjson"
	"salvor.io/salvor/shared/salvor"
)

// Volume is a claim of a plan and what becomes of its data.
type Volume struct {
	// Namespace is that of the claim in the target, From that in the backup.
	Namespace string `json:"namespace"`
	From      string `json:"from"`
	Claim     string `json:"claim"`
	Backup    string `json:"backup"`
	// Snapshot is what its volume is made of; nil: it comes back without data, for the Reason.
	Snapshot *archive.Snapshot `json:"snapshot,omitempty"`
	Reason   string            `json:"reason,omitempty"`
	// Bytes is the least size of the new volume: that of the old one, and of the snapshot. A claim that asks for more gets more.
	Bytes int64 `json:"bytes,omitempty"`
	// StorageClass is that of the new volume. What the target says of it is known once it was asked.
	StorageClass string `json:"storageClass,omitempty"`
	// Waits says that the volume is made when the first pod uses it.
	Waits bool `json:"waits,omitempty"`

	source *Source
	was    archive.Volume
	// problem is why no volume can be made of the snapshot in the target.
	problem error
	// snapshotClass is set where the target has the class that the snapshot was cut with: it may name credentials.
	snapshotClass string
}

// String names the claim as in the target.
func (v *Volume) String() string { return v.Namespace + "/" + v.Claim }

// planVolumes finds what becomes of the data of each claim. Unavailable: a snapshot is not ready yet.
func (p *Plan) planVolumes(ctx context.Context) error {
	scope, err := newScope(p.Spec)
	if err != nil {
		return err
	}
	if !scope.takes(claimKind) {
		return nil
	}
	for _, s := range p.Sources {
		if len(s.Manifest.Volumes) == 0 {
			continue
		}
		events, err := s.Repository.Events(ctx, s.Backup.Name)
		if err != nil {
			return err
		}
		for _, was := range archive.Fold(s.Manifest, events).Volumes {
			if !slices.Contains(s.Namespaces, was.Namespace) {
				continue
			}
			v, err := p.volume(s, was)
			if err != nil {
				return err
			}
			p.Volumes = append(p.Volumes, v)
		}
	}
	slices.SortFunc(p.Volumes, func(a, b *Volume) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Claim, b.Claim))
	})
	return nil
}

func (p *Plan) volume(s *Source, was archive.Volume) (*Volume, error) {
	v := &Volume{Namespace: was.Namespace, From: was.Namespace, Claim: was.Claim, Backup: s.Backup.Name, StorageClass: was.StorageClass, source: s, was: was}
	if to, ok := p.Spec.NamespaceMapping[was.Namespace]; ok {
		v.Namespace = to
	}
	if to, ok := p.Spec.StorageClassMapping()[was.StorageClass]; ok {
		v.StorageClass = to
	}
	switch {
	case p.Spec.VolumeMode() == salvor.RestoreVolumeEmpty:
		v.Reason = "the restore asks for claims without data"
	case was.State == archive.VolumeReady && was.Snapshot != nil:
		v.Snapshot, v.Bytes = was.Snapshot, max(was.Snapshot.RestoreSize, was.Capacity)
	case was.State == archive.VolumeCut:
		return nil, salvor.Errorf(salvor.Unavailable, "the snapshot of claim %s/%s in backup %q is not ready yet", was.Namespace, was.Claim, s.Backup.Name).
			WithHint("try again when the backup has settled, or restore its objects alone with --volumes empty (spec.volumes.mode: Empty)")
	default:
		v.Reason = fmt.Sprintf("the backup has no snapshot of it (%s): %s", was.State, cmp.Or(was.Reason, "it doesn't say why"))
		p.Warnings = append(p.Warnings, fmt.Sprintf("claim %s/%s comes back without data: %s", was.Namespace, was.Claim, v.Reason))
	}
	return v, nil
}

// volumeKey names a claim of a source.
type volumeKey struct {
	source           *Source
	namespace, claim string
}

// volumeOf returns what becomes of the data of the claim of the unit; nil: the backup says nothing of it.
func (r *run) volumeOf(u *unit, o *object) *Volume {
	if u.res.String() != kindClaims {
		return nil
	}
	return r.volumes[volumeKey{u.source, u.segment.Namespace, o.result.Name}]
}

// replaced returns why the stored PersistentVolume doesn't come back; empty: it does. Two volumes would want the same claim.
func (r *run) replaced(u *unit, name string) string {
	if u.res.String() != kindVolumes {
		return ""
	}
	if v := r.replacedBy[volumeKey{u.source, "", name}]; v != nil {
		return "its claim " + v.String() + " gets a new volume, made of its snapshot"
	}
	return ""
}

// cutsAnew reports whether the object is a VolumeSnapshot that cuts a claim when it is created.
func cutsAnew(o *object) bool {
	return o.res.String() == snapshotKind.String() && rawjson.Get(o.body, "spec", "source", "persistentVolumeClaimName") != nil
}

// helper is the name of the objects that stand between the snapshot and the claim. It is the same in each process, and tells
// a claim that this restore has made from any other.
func (r *run) helper(v *Volume) string {
	return r.helperOf(v.String())
}
