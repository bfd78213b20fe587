package aws_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/tests/aws/cloud"
)

var due = time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)

// A schedule that is stored by the API fires at EventBridge; delivered three times at once, it makes one backup.
func TestThreeDeliveriesOfAScheduleMakeOneBackup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ns := w.namespace()
	w.nightly(ns)
	if got := w.Scheduler.Schedules(); len(got) != 1 || got[0].Name != "nightly_1" || got[0].ScheduleExpression != "cron(0 2 * * ? *)" {
		t.Fatalf("EventBridge has %+v", got)
	}
	var wait sync.WaitGroup
	for range 3 {
		wait.Go(func() { w.Scheduler.Fire(t.Context(), "nightly_1", due) })
	}
	wait.Wait()
	w.Machine.Idle()
	w.oneRun(ns)
	w.Scheduler.Fire(t.Context(), "nightly_1", due) // once more, when all is over
	w.oneRun(ns)

	w.API.Call("DELETE", "/v1/schedules/nightly", "")
	if got := w.Scheduler.Schedules(); len(got) != 0 {
		t.Errorf("after it was deleted, EventBridge has %+v", got)
	}
}

// oneRun fails unless there is one backup of the namespace, made by one worker, with one manifest.
func (w *world) oneRun(ns string) {
	w.t.Helper()
	if diff := cmp.Diff([]string{"nightly-20261122t020000z"}, w.found("namespace="+ns)); diff != "" {
		w.t.Fatal(diff)
	}
	a := w.API.Call("GET", "/v1/backups/prod/nightly-20261122t020000z", "")
	var b salvor.Backup
	if err := json.Unmarshal(a.Body, &b); err != nil {
		w.t.Fatal(err)
	}
	if b.Status.Phase != salvor.PhaseCompleted || b.Status.Lease.Epoch != 1 || b.Spec.Schedule != "nightly" || b.RequestedBy != "schedule/nightly" {
		w.t.Errorf("the backup is %s of epoch %d, by %s", b.Status.Phase, b.Status.Lease.Epoch, b.RequestedBy)
	}
}

// A restore that is asked for three times at once, in three clothes, is done once.
func TestThreeDeliveriesOfARestoreDoItOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ns := w.namespace()
	w.backup("b1", ns)
	w.drop(ns)
	object := fmt.Sprintf(`{"apiVersion":"salvor.io/v1","kind":"Restore","metadata":{"name":"r1"},"spec":{"sourceCluster":"prod","backup":"b1","namespaces":[%q],"targetCluster":"prod"}}`, ns)
	w.Queues.Send("RestoreRetries", object)
	var wait sync.WaitGroup
	for _, deliver := range []func(){
		func() { w.Async(t.Context(), "RestoreFunction", object) },
		func() { w.API.Call("POST", "/v1/restores", object) },
		func() { w.Queues.Deliver("RestoreRetries") },
	} {
		wait.Go(deliver)
	}
	wait.Wait()
	w.Machine.Idle()
	var r salvor.Restore
	if err := json.Unmarshal(w.API.Call("GET", "/v1/restores/r1", "").Body, &r); err != nil {
		t.Fatal(err)
	}
	if r.Status.Phase != salvor.PhaseCompleted || r.Status.Lease.Epoch != 1 {
		t.Errorf("the restore is %s of epoch %d: %s", r.Status.Phase, r.Status.Lease.Epoch, r.Status.Message)
	}
	if _, err := w.kube.Get(t.Context(), configMapKind, ns, "settings"); err != nil {
		t.Error(err)
	}
}

// backup makes a backup of the namespace.
func (w *world) backup(name, ns string) {
	w.t.Helper()
	r := w.Invoke("BackupFunction", fmt.Sprintf(`{"apiVersion":"salvor.io/v1","kind":"Backup","metadata":{"name":%q},"spec":{"cluster":"prod","location":"bucket","scope":{"namespaces":[%q]}}}`, name, ns))
	if r.Err() != nil || !strings.Contains(string(r.Payload), `"phase":"Completed"`) {
		w.t.Fatalf("the backup answers %v %s", r.Err(), r.Payload)
	}
}

// An event that fails goes to the dead letters; moved to the retries when the cause is gone, it is done. Of a batch only
// what failed comes again.
func TestDeadLettersAreRedriven(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ns := w.namespace()
	w.Async(t.Context(), "BackupFunction", `{"schedule":"nightly","scheduledFor":"2026-11-22T02:00:00Z"}`) // no such schedule yet
	if got := w.Queues.Bodies("BackupDeadLetters"); len(got) != 1 || !strings.Contains(got[0], `"requestPayload":{"schedule":"nightly"`) {
		t.Fatalf("the dead letters are %v", got)
	}
	w.nightly(ns)
	w.Queues.Redrive("BackupDeadLetters", "BackupRetries")
	w.Queues.Send("BackupRetries", `{"schedule":"missing","scheduledFor":"2026-11-22T02:00:00Z"}`)
	if left := w.Queues.Deliver("BackupRetries"); left != 1 {
		t.Errorf("%d messages are left, want the one that failed", left)
	}
	w.oneRun(ns)
}

// Whoever is not allowed to call the API is refused before any function runs.
func TestTheAPIRefusesOtherCallers(t *testing.T) {
	t.Parallel()
	w := &world{Cloud: cloud.Start(t, cloud.Options{}), t: t}
	secret := w.API.SecretKey
	w.API.SecretKey = "wrong"
	if a := w.API.Call("GET", "/v1/backups", ""); a.Status != 403 {
		t.Errorf("a wrong signature is answered %d %s", a.Status, a.Body)
	}
	w.API.SecretKey, w.API.AccessKey = secret, "AKIAOTHER"
	if a := w.API.Call("GET", "/v1/backups", ""); a.Status != 403 {
		t.Errorf("another key is answered %d %s", a.Status, a.Body)
	}
	if logs := w.Logs(); len(logs) != 2 {
		t.Errorf("functions ran: %v", logs)
	}
}
