package volumes_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/volume"
)

// What can't be snapshotted is known before anything is frozen, named in the backup, and no failure if a policy skips it.
func TestWhatStandsInTheWay(t *testing.T) {
	w := newWorld(t)
	a := w.application(t, volumeOf{name: "data"})
	persistent := cluster.Resource{Version: "v1", Name: "persistentvolumes", Kind: "PersistentVolume"}
	w.create(t, persistent, "", fmt.Sprintf(`
metadata: {name: %[1]s}
spec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], storageClassName: %[1]s, nfs: {server: nfs.example.org, path: /}, claimRef: {namespace: %[1]s, name: shared}}`, a.namespace))
	t.Cleanup(func() { _, _ = w.TryKubectl(t.Context(), "delete", "persistentvolume", a.namespace, "--wait=false") })
	w.create(t, claimKind, a.namespace, fmt.Sprintf("metadata: {name: shared}\nspec: {accessModes: [ReadWriteOnce], storageClassName: %s, resources: {requests: {storage: 1Gi}}}", a.namespace))
	w.create(t, claimKind, a.namespace, "metadata: {name: waits}\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}")
	eventually(t, time.Minute, "the claim is bound", func() bool {
		var c struct{ Status struct{ Phase string } }
		return w.get(claimKind, a.namespace, "shared", &c) == nil && c.Status.Phase == "Bound"
	})

	shown := w.salvor(t, "backup", "create", "b", "-n", a.namespace, "--pre-exec-rule", "hold", "--post-exec-rule", "go-on", "--dry-run")
	for _, want := range []string{"data-db-0 (ebs.csi.aws.com, 1.0 GiB): a snapshot of class ebs", "shared (kubernetes.io/nfs, 1.0 GiB): its data would be missing: a volume of kubernetes.io/nfs",
		"waits (ebs.csi.aws.com, 1.0 GiB): its data would be missing: the claim is not bound"} {
		if !strings.Contains(shown, want) {
			t.Errorf("the dry run does not say %q:\n%s", want, shown)
		}
	}
	if left := w.left(t, a.namespace); len(left) > 0 {
		t.Errorf("the dry run left %q", left)
	}

	_, _ = w.try(t, "backup", "create", "b", "-n", a.namespace)
	m, state := w.stored(t, "b")
	if state.Phase != salvor.PhasePartiallyFailed && state.Phase != salvor.PhaseSettling || len(m.Failures) != 2 || len(m.Volumes) != 3 {
		t.Errorf("the backup is %s, with the failures %+v and %d volumes", state.Phase, m.Failures, len(m.Volumes))
	}
	if m.DataConsistency != salvor.CrashConsistent {
		t.Errorf("without rules it says %q", m.DataConsistency)
	}
	listed := w.salvor(t, "volumes", "b")
	for _, want := range []string{"crash-consistent", "not bound", "kubernetes.io/nfs", m.Volumes[0].Snapshot.Handle} {
		if !strings.Contains(listed, want) {
			t.Errorf("salvor volumes does not say %q:\n%s", want, listed)
		}
	}
	var report struct{ Volumes []archive.Volume }
	if err := json.Unmarshal([]byte(w.salvor(t, "volumes", "b", "-o", "json")), &report); err != nil || len(report.Volumes) != 3 {
		t.Errorf("salvor volumes -o json: %d volumes, %v", len(report.Volumes), err)
	}

	create := w.command(t, "backup", "create", "-f", "-")
	create.Stdin = strings.NewReader(fmt.Sprintf(`apiVersion: salvor.io/v1
kind: Backup
metadata: {name: skipping}
spec:
  cluster: here
  location: disk
  scope: {namespaces: [%s]}
  volumes:
    policies:
      - {drivers: [kubernetes.io/nfs], action: Skip, reason: NFS is backed up by itself}
      - {maxSize: 5Gi, action: Skip}
`, a.namespace))
	if out, err := create.CombinedOutput(); err != nil {
		t.Fatalf("a backup whose policies skip all: %v\n%s", err, out)
	}
	m, state = w.stored(t, "skipping")
	if state.Phase != salvor.PhaseCompleted || m.DataConsistency != salvor.ObjectsOnly || archive.Count(m.Volumes).Skipped != 3 {
		t.Errorf("with policies that skip all it is %s, %s: %+v", state.Phase, m.DataConsistency, m.Volumes)
	}
}

// A snapshot that was cut stays with its driver whatever becomes of its VolumeSnapshot, is no object of a backup, and is
// removed from cluster and driver when it is discarded: whatever its class says.
func TestCutKeepDiscard(t *testing.T) {
	w := newWorld(t)
	for _, class := range []string{"ebs", "ebs-retain"} {
		t.Run(class, func(t *testing.T) {
			a := w.application(t, volumeOf{name: "one", class: class}, volumeOf{name: "two", class: class})
			e := &volume.Engine{Cluster: w.client, Now: time.Now, CatalogID: "cut-keep-discard"}
			id := salvor.BackupID{ClusterID: "here", Name: a.namespace}
			planned, err := e.Plan(t.Context(), a.claims(t), nil)
			if err != nil {
				t.Fatal(err)
			}
			cut, timing, err := e.Cut(t.Context(), volume.CutRequest{Backup: id, Epoch: 1, Volumes: planned})
			if err != nil || archive.Count(cut).Cut != 2 || timing.Volumes != 2 {
				t.Fatalf("cut %+v, %v", cut, err)
			}
			again, _, err := e.Cut(t.Context(), volume.CutRequest{Backup: id, Epoch: 2, Volumes: planned})
			if err != nil || archive.Count(again).Cut != 2 {
				t.Fatalf("cut again %+v, %v", again, err)
			}
			if n := len(a.kept(t)); n != 4 {
				t.Errorf("the driver has %d snapshots, want 4", n)
			}
			a.notCaptured(t, cut[0].Snapshot)

			lost := cut[0].Snapshot
			a.Kubectl(t, "delete", "volumesnapshot", "-n", a.namespace, lost.Object)
			if n := len(a.kept(t)); n != 4 {
				t.Errorf("the driver has %d snapshots after a VolumeSnapshot was deleted, want 4", n)
			}
			if err := e.Discard(t.Context(), id, 1, nil); err != nil {
				t.Fatal(err)
			}
			eventually(t, time.Minute, "what the first epoch cut is gone", func() bool { return len(a.kept(t)) == 2 })
			if err := e.Discard(t.Context(), id, 2, nil); err != nil {
				t.Fatal(err)
			}
			w.nothingLeft(t, a.namespace)
			if kept := a.kept(t); len(kept) > 0 {
				t.Errorf("the driver still has %q", kept)
			}
		})
	}
}

// claims are those of the application.
func (a *application) claims(t *testing.T) (claims []volume.Claim) {
	t.Helper()
	_, err := a.client.List(t.Context(), cluster.ListRequest{Resource: claimKind, Namespace: a.namespace}, func(i cluster.Item) error {
		c, err := volume.ClaimOf(i.Raw)
		claims = append(claims, c)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return claims
}

// notCaptured fails if a backup of everything would hold the snapshot's objects.
func (a *application) notCaptured(t *testing.T, s *archive.Snapshot) {
	t.Helper()
	shown := a.salvor(t, "scope", "-n", a.namespace, "--cluster-scoped", "All", "-o", "name")
	if !strings.Contains(shown, a.namespace+"/"+claimOf(a.volumes[0])) {
		t.Fatalf("the scope lacks a claim:\n%s", shown)
	}
	for _, name := range []string{s.Object, s.Content} {
		if strings.Contains(shown, name) {
			t.Errorf("a backup would hold %s", name)
		}
	}
}
