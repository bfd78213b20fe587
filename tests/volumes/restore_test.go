package volumes_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/tests/testenv"
)

// backedUp backs the application up and returns what its snapshots hold, by claim: the hash of the log.
func (a *application) backedUp(t *testing.T, name string) map[string]string {
	t.Helper()
	out := a.salvor(t, "backup", "create", name, "-n", a.namespace, "--pre-exec-rule", "hold", "--post-exec-rule", "go-on")
	a.settled(t, name, out)
	_, state := a.stored(t, name)
	logs := map[string]string{}
	for _, v := range state.Volumes {
		if v.Snapshot == nil {
			t.Fatalf("claim %s has no snapshot: %s %s", v.Claim, v.State, v.Reason)
		}
		logs[v.Claim] = hashOf(t, filepath.Join(a.Storage, "snap", v.Snapshot.Handle, "data", "log"))
	}
	if len(logs) != len(a.volumes) {
		t.Fatalf("the backup has %d snapshots: %s", len(logs), out)
	}
	return logs
}

// settled waits until the backup has Completed.
func (a *application) settled(t *testing.T, name, out string) {
	t.Helper()
	eventually(t, time.Minute, "backup "+name+" completes: "+out, func() bool { return a.backup(t, name).Status.Phase == "Completed" })
}

func hashOf(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d bytes %x", len(data), sha256.Sum256(data))
}

// hasData fails unless the application, restored into the namespace of the cluster, began with what the snapshots hold.
func (a *application) hasData(t *testing.T, w *world, namespace string, logs map[string]string) {
	t.Helper()
	there := &application{world: w, namespace: namespace, volumes: a.volumes}
	for _, v := range a.volumes {
		text := there.found(t, namespace, v)
		if got := fmt.Sprintf("%d bytes %x", len(text), sha256.Sum256([]byte(text))); got != logs[claimOf(v)] {
			t.Errorf("volume %s in %s: found %s, and the snapshot holds %s", v, namespace, got, logs[claimOf(v)])
		}
	}
}

// TestDataComesBack restores an application with its data into another namespace, into its own after that was deleted, and
// into another cluster that the same driver serves: each time with what its volumes held at the cut, and nothing left beside.
func TestDataComesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.application(t, volumeOf{name: "a"}, volumeOf{name: "b"})
	logs := a.backedUp(t, "good")
	snapshots := a.kept(t)

	elsewhere := "t-" + testenv.Unique()
	out := w.salvor(t, "restore", "good", "--map", a.namespace+"="+elsewhere, "--name", "elsewhere", "--yes")
	if !strings.Contains(out, "Completed") {
		t.Errorf("restoring into another namespace: %s", out)
	}
	a.hasData(t, w, elsewhere, logs)

	w.Kubectl(t, "delete", "namespace", a.namespace)
	w.salvor(t, "restore", "good", "--name", "again", "--yes")
	a.hasData(t, w, a.namespace, logs)

	a.writes(t)
	out = w.salvor(t, "restore", "good", "--in-place", "--name", "in-place", "--yes")
	if !strings.Contains(out, "2 made of snapshots") {
		t.Errorf("restoring in place: %s", out)
	}
	a.hasData(t, w, a.namespace, logs)
	a.writes(t)

	second := secondCluster(t, w.KubeServer)
	w.salvor(t, "cluster", "add", "there", "--kubeconfig", second.Kubeconfig)
	w.salvor(t, "restore", "good", "--to-cluster", "there", "--name", "there", "--yes")
	there := &world{KubeServer: second, client: connect(t, second.Kubeconfig), program: w.program, home: w.home}
	a.hasData(t, there, a.namespace, logs)

	for _, left := range [][]string{w.leftOfRestores(t, a.namespace), w.leftOfRestores(t, elsewhere), there.leftOfRestores(t, a.namespace)} {
		if len(left) > 0 {
			t.Errorf("left in the cluster: %q", left)
		}
	}
	if got := a.StoredSnapshots(t); len(got) < len(snapshots) {
		t.Errorf("the driver keeps %d snapshots, and had %d", len(got), len(snapshots))
	}
	for _, ns := range []string{elsewhere, a.namespace} {
		w.claimsAreNew(t, ns, snapshots)
	}
	w.Kubectl(t, "delete", "namespace", elsewhere, "--wait=false")
}

// claimsAreNew fails unless each claim of the namespace has a volume of its own, and asks for a new one.
func (w *world) claimsAreNew(t *testing.T, namespace string, snapshots []string) {
	t.Helper()
	var volumes []string
	_, err := w.client.List(t.Context(), cluster.ListRequest{Resource: claimKind, Namespace: namespace}, func(i cluster.Item) error {
		handle, err := w.volumeHandle(namespace, i.Name)
		volumes = append(volumes, handle)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(volumes)
	if len(slices.Compact(volumes)) != len(snapshots) {
		t.Errorf("%s has volumes %q of %d snapshots", namespace, volumes, len(snapshots))
	}
}
