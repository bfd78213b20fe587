package restore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/volume"
)

// Between the snapshot of a backup and a claim stand two objects: a VolumeSnapshotContent that names the snapshot by its
// handle, and a VolumeSnapshot in the claim's namespace that is bound to it. They are needed until the volume is made. The
// content says Retain: deleting it never deletes the snapshot, which belongs to the backup.
// https://kubernetes.io/docs/concepts/storage/volume-snapshots/

// annotationClaim names the claim that a helper is for, as namespace/name.
const annotationClaim = "salvor.io/claim"

func (r *run) helperMeta(v *Volume) map[string]any {
	return map[string]any{"name": r.helper(v), "labels": volume.RestoreLabels(r.e.CatalogID, r.name),
		"annotations": map[string]string{volume.AnnotationFor: r.name, annotationClaim: v.String()}}
}

// makeHelpers creates the helpers of the claim, or finds that they are there.
func (r *run) makeHelpers(ctx context.Context, v *Volume) error {
	name := r.helper(v)
	content := map[string]any{
		"deletionPolicy":    "Retain",
		"driver":            v.Snapshot.Driver,
		"source":            map[string]string{"snapshotHandle": v.Snapshot.Handle},
		"volumeSnapshotRef": map[string]string{"apiVersion": snapshotKind.APIVersion(), "kind": snapshotKind.Kind, "namespace": v.Namespace, "name": name},
	}
	if v.was.VolumeMode != "" {
		content["sourceVolumeMode"] = v.was.VolumeMode
	}
	if v.snapshotClass != "" {
		content["volumeSnapshotClassName"] = v.snapshotClass
	}
	if err := r.makeHelper(ctx, contentKind, v, "", content); err != nil {
		return err
	}
	return r.makeHelper(ctx, snapshotKind, v, v.Namespace, map[string]any{"source": map[string]string{"volumeSnapshotContentName": name}})
}

func (r *run) makeHelper(ctx context.Context, kind cluster.Resource, v *Volume, namespace string, spec map[string]any) error {
	body, err := json.Marshal(map[string]any{"apiVersion": kind.APIVersion(), "kind": kind.Kind, "metadata": r.helperMeta(v), "spec": spec})
	if err != nil {
		return fmt.Errorf("encoding a %s: %w", kind.Kind, err)
	}
	_, _, err = r.try(ctx, func(ctx context.Context) ([]byte, error) { return r.target.Create(ctx, kind, namespace, body) })
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("making the %s for its volume: %w", kind.Kind, err)
	}
	return nil
}

// removeHelpers deletes the helpers of the name, and waits for a moment until they are gone.
func (r *run) removeHelpers(ctx context.Context, namespace, name string) error {
	gone := func(kind cluster.Resource, namespace string) error {
		_, _, err := r.try(ctx, func(ctx context.Context) ([]byte, error) {
			return nil, r.target.Delete(ctx, kind, namespace, name, cluster.DeleteOptions{})
		})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return err
	}
	if err := errors.Join(gone(snapshotKind, namespace), gone(contentKind, "")); err != nil {
		return fmt.Errorf("removing VolumeSnapshot %s/%s and its content: %w", namespace, name, err)
	}
	// One that a claim was being made of keeps a finalizer of the CSI provisioner, which takes it off within minutes.
	_, err := r.poll(ctx, 5*time.Second, func() (bool, error) {
		snapshot, err1 := r.look(ctx, snapshotKind, namespace, name)
		content, err2 := r.look(ctx, contentKind, "", name)
		return snapshot == nil && content == nil, errors.Join(err1, err2)
	})
	return err
}

// look reads an object of the target, nil when it isn't there.
func (r *run) look(ctx context.Context, kind cluster.Resource, namespace, name string) ([]byte, error) {
	live, _, err := r.try(ctx, func(ctx context.Context) ([]byte, error) { return r.target.Get(ctx, kind, namespace, name) })
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return live, err
}

// poll asks, with growing pauses, until the answer is yes; false: it wasn't in that time.
func (r *run) poll(ctx context.Context, limit time.Duration, ask func() (bool, error)) (bool, error) {
	pause := r.tuning.Poll / 8
	for waited := time.Duration(0); ; waited += pause {
		pause = min(2*pause, 4*r.tuning.Poll)
		if yes, err := ask(); yes || err != nil || waited >= limit {
			return yes, err
		}
		if err := sleep(ctx, pause); err != nil {
			return false, err
		}
	}
}
