package volumes_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"salvor.io/salvor/shared/cluster"
)

// get reads an object.
func (w *world) get(r cluster.Resource, namespace, name string, into any) error {
	data, err := w.client.Get(context.Background(), r, namespace, name)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

// left names every snapshot object that the cluster holds of the namespaces, whoever made it.
func (w *world) left(t *testing.T, namespaces ...string) (all []string) {
	t.Helper()
	for _, kind := range []cluster.Resource{snapshotKind, contentKind, groupKind, groupContentKind} {
		_, err := w.client.List(t.Context(), cluster.ListRequest{Resource: kind}, func(i cluster.Item) error {
			var o struct {
				Metadata struct {
					Namespace, Name   string
					DeletionTimestamp string
					Finalizers        []string
					Annotations       map[string]string
				}
				Status json.RawMessage
				Spec   struct {
					VolumeSnapshotRef, VolumeGroupSnapshotRef struct{ Namespace string }
				}
			}
			if err := json.Unmarshal(i.Raw, &o); err != nil {
				return err
			}
			for _, of := range []string{o.Metadata.Namespace, o.Spec.VolumeSnapshotRef.Namespace, o.Spec.VolumeGroupSnapshotRef.Namespace} {
				if of != "" && slices.Contains(namespaces, of) {
					all = append(all, fmt.Sprintf("%s %+v, status %s", kind.Name, o.Metadata, o.Status))
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// nothingLeft fails unless the cluster soon holds no snapshot object of the namespaces: finalizers run after a delete.
func (w *world) nothingLeft(t *testing.T, namespaces ...string) {
	t.Helper()
	var left []string
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if left = w.left(t, namespaces...); len(left) == 0 {
			return
		}
	}
	t.Errorf("left in the cluster: %q", left)
}

// kept are the handles of the snapshots that the driver keeps of the application's volumes.
func (a *application) kept(t *testing.T) (handles []string) {
	t.Helper()
	var volumes []string
	for _, v := range a.volumes {
		handle, err := a.volumeHandle(a.namespace, claimOf(v))
		if err != nil {
			t.Fatal(err)
		}
		volumes = append(volumes, handle)
	}
	for _, s := range a.StoredSnapshots(t) {
		if slices.Contains(volumes, s.Volume) {
			handles = append(handles, s.ID)
		}
	}
	slices.Sort(handles)
	return handles
}

// handles are those of a backup's snapshots.
func (w *world) handles(t *testing.T, backup string) (handles []string) {
	t.Helper()
	m, state := w.stored(t, backup)
	if len(state.Volumes) != len(m.Volumes) {
		t.Errorf("the manifest has %d volumes, with its events %d", len(m.Volumes), len(state.Volumes))
	}
	for _, v := range state.Volumes {
		if v.Snapshot != nil {
			handles = append(handles, v.Snapshot.Handle)
		}
	}
	slices.Sort(handles)
	return handles
}
