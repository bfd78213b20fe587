package volume

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/salvor"
)

// Sight is what a look at volumes saw.
type Sight struct {
	// Volumes are those that were looked at, each in its state of now.
	Volumes []archive.Volume
	// Notes say of volumes that are still Cut what was last heard of them, by namespace/claim.
	Notes map[string]string
}

// Waiting are the volumes that are still Cut, as namespace/claim.
func (s Sight) Waiting() []string {
	var waiting []string
	for _, v := range s.Volumes {
		if v.State == archive.VolumeCut {
			waiting = append(waiting, v.Namespace+"/"+v.Claim)
		}
	}
	return waiting
}

// What a content is made for, in its name.
const (
	askFor    = "ask"
	deleteFor = "delete"
)

// Look tells what has become of the volumes that are Cut. One whose content says that it is ready, was deleted, tells only
// errors for a while, or nothing for long, is asked for at its driver, by its handle, by another content, which is made for
// that: a later look sees the answer. It is Failed only when its snapshot is gone; what a driver says otherwise is a note,
// because the driver tries again. An error means that nothing could be seen.
func (e *Engine) Look(ctx context.Context, backup salvor.BackupID, volumes []archive.Volume) (Sight, error) {
	l := &looking{Engine: e, backup: backup, tuning: e.Tuning.withDefaults(), sight: Sight{Volumes: slices.Clone(volumes), Notes: map[string]string{}}}
	var err error
	if l.contents, err = e.contentsOf(ctx, backup, volumes); err != nil {
		return Sight{}, err
	}
	var cut []*archive.Volume
	for i := range l.sight.Volumes {
		if v := &l.sight.Volumes[i]; v.State == archive.VolumeCut && v.Snapshot != nil {
			kept := *v.Snapshot
			v.Snapshot = &kept
			cut = append(cut, v)
		}
	}
	if err := each(cut, func(v *archive.Volume) error { return l.one(ctx, v) }); err != nil {
		return Sight{}, err
	}
	return l.sight, nil
}

// looking is one run of Look.
type looking struct {
	*Engine
	backup   salvor.BackupID
	tuning   Tuning
	contents map[string]snapshotContent

	mu    sync.Mutex
	sight Sight
}

func (l *looking) note(v *archive.Volume, format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sight.Notes[v.Namespace+"/"+v.Claim] = fmt.Sprintf(format, args...)
}

func (l *looking) one(ctx context.Context, v *archive.Volume) error {
	c, there := l.contents[v.Snapshot.Content]
	if !there || c.handle() != v.Snapshot.Handle || c.Metadata.DeletionTimestamp != nil {
		return l.ask(ctx, v, "its VolumeSnapshotContent "+v.Snapshot.Content+" was deleted", true)
	}
	said := c.Status.Error.said()
	switch {
	case c.Status.ReadyToUse && c.Spec.Source.Handle == "":
		// The csi-snapshotter asks for a snapshot by its name. If it is gone, the driver cuts another one, and that is what
		// is ready, under the handle of the first.
		return l.ask(ctx, v, "its VolumeSnapshotContent "+v.Snapshot.Content+" says that it is ready", true)
	case c.Status.ReadyToUse:
		ready(v, c)
	case said != "" && l.Now().Sub(c.Status.Error.Time.Time) >= l.tuning.AskAfter:
		return l.ask(ctx, v, said, true)
	case said != "":
		l.note(v, "%s", said)
	case l.Now().Sub(v.Snapshot.CutAt.Time) >= l.tuning.SilentAfter:
		// The csi-snapshotter may have lost its turn. A driver that lists no pending snapshots does not tell that it is gone.
		return l.ask(ctx, v, "nothing was heard of it since it was cut", false)
	}
	return nil
}

func ready(v *archive.Volume, c snapshotContent) {
	v.State = archive.VolumeReady
	if c.Status.RestoreSize > 0 {
		v.Snapshot.RestoreSize = c.Status.RestoreSize
	}
}

// ask has the driver asked for the snapshot, and reads what it answered. A driver that can't list its snapshots is taken
// to have it: the csi-snapshotter then says that it is ready. One that does not know it ends it, if that tells.
func (l *looking) ask(ctx context.Context, v *archive.Volume, why string, tells bool) error {
	name := contentName(l.backup, askFor, v.Snapshot)
	c, there := l.contents[name]
	if !there {
		l.note(v, "%s; driver %s is asked for its snapshot %s", why, v.Snapshot.Driver, v.Snapshot.Handle)
		return l.createContent(ctx, l.backup, v, askFor, retain)
	}
	said := c.Status.Error.said()
	switch {
	case c.Status.ReadyToUse:
		ready(v, c)
	case unknownSnapshot(said) && tells && l.Now().Sub(c.asked()) >= l.tuning.AskAfter:
		v.State, v.Reason = archive.VolumeFailed, fmt.Sprintf("its snapshot %s was deleted: %s; driver %s says: %s", v.Snapshot.Handle, why, v.Snapshot.Driver, said)
	case said != "":
		l.note(v, "%s; asked for its snapshot %s, driver %s says: %s", why, v.Snapshot.Handle, v.Snapshot.Driver, said)
	case c.Status.Handle == "":
		l.note(v, "%s; driver %s, asked for its snapshot %s, has not answered", why, v.Snapshot.Driver, v.Snapshot.Handle)
	default:
		l.note(v, "%s; its snapshot %s is there, and pending", why, v.Snapshot.Handle)
	}
	return nil
}

// annotationAsked is when a content was made, by the clock that waits for its answer.
const annotationAsked = "salvor.io/asked-at"

// asked is when the driver was asked by way of the content.
func (c *snapshotContent) asked() time.Time {
	if at, err := time.Parse(time.RFC3339, c.Metadata.Annotations[annotationAsked]); err == nil {
		return at
	}
	return c.Metadata.CreationTimestamp.Time
}

// unknownSnapshot reports whether the csi-snapshotter says that the driver lists no such snapshot.
// https://github.com/kubernetes-csi/external-snapshotter/blob/v8.6.0/pkg/snapshotter/snapshotter.go
func unknownSnapshot(said string) bool { return strings.Contains(said, "can not find snapshot") }

// contentName is the name of a content that is made for something other than a cut.
func contentName(backup salvor.BackupID, purpose string, s *archive.Snapshot) string {
	return "salvor-" + Hash(backup.String()) + "-" + purpose + "-" + Hash(s.Driver+"/"+s.Handle)
}

// contentFinalizer keeps a content until the csi-snapshotter has done what its deletion asks for.
const contentFinalizer = "snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection"

// createContent makes a content of a snapshot that is there, bound to no VolumeSnapshot. It is no error if it is there.
func (e *Engine) createContent(ctx context.Context, backup salvor.BackupID, v *archive.Volume, purpose, policy string) error {
	name := contentName(backup, purpose, v.Snapshot)
	annotations := map[string]string{AnnotationFor: backup.String(), annotationAsked: e.Now().UTC().Format(time.RFC3339)}
	maps.Copy(annotations, deletionSecret(v.Snapshot.ClassParameters))
	spec := map[string]any{"deletionPolicy": policy, "driver": v.Snapshot.Driver, "source": map[string]any{"snapshotHandle": v.Snapshot.Handle},
		"volumeSnapshotRef": map[string]any{"apiVersion": snapshotKind.APIVersion(), "kind": snapshotKind.Kind, "namespace": v.Namespace, "name": name}}
	body, err := encode(map[string]any{"apiVersion": contentKind.APIVersion(), "kind": contentKind.Kind, "spec": spec,
		"metadata": map[string]any{"name": name, "labels": BackupLabels(e.CatalogID, backup), "annotations": annotations, "finalizers": []string{contentFinalizer}}})
	if err != nil {
		return err
	}
	if _, err := e.Cluster.Create(ctx, contentKind, "", body); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("creating VolumeSnapshotContent %s for snapshot %s: %w", name, v.Snapshot.Handle, err)
	}
	return nil
}

// deletionSecret names the Secret that a driver needs to delete a snapshot, as its class does.
func deletionSecret(class map[string]string) map[string]string {
	name, namespace := class["csi.storage.k8s.io/snapshotter-secret-name"], class["csi.storage.k8s.io/snapshotter-secret-namespace"]
	if name == "" || namespace == "" || strings.Contains(name+namespace, "${") {
		return nil
	}
	return map[string]string{"snapshot.storage.kubernetes.io/deletion-secret-name": name, "snapshot.storage.kubernetes.io/deletion-secret-namespace": namespace}
}

// handle is the driver's name for the snapshot of the content; "" as long as there is none.
func (c *snapshotContent) handle() string {
	if c.Status.Handle != "" {
		return c.Status.Handle
	}
	return c.Spec.Source.Handle
}

// contentsOf reads the contents of the backup, by name: by their labels, and where somebody took these off by the names that
// the volumes say.
func (e *Engine) contentsOf(ctx context.Context, backup salvor.BackupID, volumes []archive.Volume) (map[string]snapshotContent, error) {
	found := map[string]snapshotContent{}
	err := list(ctx, e.Cluster, contentKind, "", selectorOf(BackupLabels(e.CatalogID, backup)), func(c snapshotContent) error {
		found[c.Metadata.Name] = c
		return nil
	})
	if apierrors.IsNotFound(err) {
		return nil, salvor.Errorf(salvor.Unavailable, "the cluster has no VolumeSnapshotContents any more: %w", err).
			WithHint("install the CRDs, the snapshot controller and the driver's csi-snapshotter again")
	}
	if err != nil {
		return nil, err
	}
	for _, v := range volumes {
		if v.Snapshot == nil || v.Snapshot.Content == "" {
			continue
		}
		if _, there := found[v.Snapshot.Content]; there {
			continue
		}
		raw, err := e.Cluster.Get(ctx, contentKind, "", v.Snapshot.Content)
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading VolumeSnapshotContent %s: %w", v.Snapshot.Content, err)
		}
		c, err := decode[snapshotContent](contentKind, raw)
		if err != nil {
			return nil, err
		}
		if c.handle() == v.Snapshot.Handle {
			found[c.Metadata.Name] = c
		}
	}
	return found, nil
}

// handles are the driver's names of the snapshots of the volumes.
func handles(volumes []archive.Volume) map[string]bool {
	all := map[string]bool{}
	for _, v := range volumes {
		if v.Snapshot != nil && v.Snapshot.Handle != "" {
			all[v.Snapshot.Driver+"/"+v.Snapshot.Handle] = true
		}
	}
	return all
}

// until does something again and again until it says that it is done, or the time is over: then it returns false.
func (e *Engine) until(ctx context.Context, most time.Duration, done func() (bool, error)) (bool, error) {
	tuning, end := e.Tuning.withDefaults(), e.Now().Add(most)
	for pause := tuning.Pause; ; pause = min(pause*3/2, tuning.MostPause) {
		ok, err := done()
		if ok || err != nil || !e.Now().Before(end) {
			return ok, err
		}
		if err := sleep(ctx, pause); err != nil {
			return false, err
		}
	}
}
