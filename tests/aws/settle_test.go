package aws_test

import (
	"strings"
	"testing"
	"time"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
)

var claimKind = cluster.Resource{Version: "v1", Name: "persistentvolumeclaims", Kind: "PersistentVolumeClaim", Namespaced: true}

// A backup whose snapshots are pending waits in the state machine, where nothing runs, and completes. Deleted, it takes its
// snapshots with it. Nothing stays in the cluster either time.
func TestABackupWaitsForItsSnapshotsWithoutAProcess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ns := w.namespace()
	w.put(claimKind, ns, "data", `,"spec":{"accessModes":["ReadWriteOnce"],"storageClassName":"gp3-immediate","resources":{"requests":{"storage":"1Gi"}}}`)
	w.k.Kubectl(t, "wait", "-n", ns, "--for=jsonpath={.status.phase}=Bound", "pvc/data", "--timeout=120s")
	w.Machine.Waits, w.Machine.Retries = map[string]int{"SettleWait": 1500}, map[string]int{"Settle": 100, "Delete": 100}
	w.post("/v1/backups", `{"apiVersion":"salvor.io/v1","kind":"Backup","metadata":{"name":"pending"},"spec":{"cluster":"prod","location":"bucket","scope":{"namespaces":["`+ns+`"]}}}`)
	w.Machine.Idle()
	b := w.getBackup("pending")
	if b.Status.Phase != salvor.PhaseCompleted || b.Status.Volumes.Ready != 1 || !b.Status.SettleBy.IsZero() {
		t.Fatalf("the backup is %s with %+v: %s %v", b.Status.Phase, b.Status.Volumes, b.Status.Message, b.Status.Warnings)
	}
	e := w.Machine.Executions()[0]
	if e.Error != "" || count(e.States, "Backup") != 1 || count(e.States, "Settle") < 2 || count(e.States, "SettleWait") != count(e.States, "Settle") {
		t.Errorf("the execution %+v", e)
	}
	if took := b.Status.CompletedAt.Sub(b.Status.CutAt.Time); took < 4*time.Second {
		t.Errorf("it completed %s after the cut, and its snapshot was pending for longer", took)
	}
	if left := w.k.Kubectl(t, "get", "volumesnapshots,volumesnapshotcontents", "-A", "-o", "name"); strings.TrimSpace(left) != "" {
		t.Errorf("in the cluster there is left: %s", left)
	}
	if got := w.found("on=today&namespace=" + ns); len(got) != 1 {
		t.Errorf("the search finds %v", got)
	}
	if a := w.API.Call("DELETE", "/v1/backups/prod/pending", ""); a.Status != 202 {
		t.Fatalf("DELETE answers %d: %s", a.Status, a.Body)
	}
	w.Machine.Idle()
	if a := w.API.Call("GET", "/v1/backups/prod/pending", ""); a.Status != 404 {
		t.Errorf("after it was deleted, GET answers %d: %s", a.Status, a.Body)
	}
	if left := w.k.Kubectl(t, "get", "volumesnapshots,volumesnapshotcontents", "-A", "-o", "name"); strings.TrimSpace(left) != "" {
		t.Errorf("after it was deleted, there is left: %s", left)
	}
}
