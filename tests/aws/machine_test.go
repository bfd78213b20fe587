package aws_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/tests/aws/function"
	"salvor.io/salvor/tests/aws/stack"
	"salvor.io/salvor/tests/testenv"
)

// spread makes namespaces with a label of their own, each with a ConfigMap: each is a segment to store.
func (w *world) spread(n int) (label string) {
	w.t.Helper()
	label = "t" + testenv.Unique()
	for range n {
		ns := w.namespace()
		if _, err := w.kube.Patch(w.t.Context(), namespaceKind, "", ns, "application/merge-patch+json", fmt.Appendf(nil, `{"metadata":{"labels":{"spread":%q}}}`, label)); err != nil {
			w.t.Fatal(err)
		}
	}
	return label
}

func (w *world) postBackup(name, label string) {
	w.t.Helper()
	a := w.API.Call("POST", "/v1/backups", fmt.Sprintf(`{"apiVersion":"salvor.io/v1","kind":"Backup","metadata":{"name":%q},
		"spec":{"cluster":"prod","location":"bucket","scope":{"namespaceSelector":{"matchLabels":{"spread":%q}},"kinds":["configmaps"]}}}`, name, label))
	if a.Status != 202 || a.Header.Get("Location") != "/v1/backups/prod/"+name {
		w.t.Fatalf("POST answers %d %s: %s", a.Status, a.Header.Get("Location"), a.Body)
	}
}

func (w *world) getBackup(name string) *salvor.Backup {
	w.t.Helper()
	b := &salvor.Backup{}
	if err := json.Unmarshal(w.API.Call("GET", "/v1/backups/prod/"+name, "").Body, b); err != nil {
		w.t.Fatal(err)
	}
	return b
}

// A capture that takes longer than an invocation is carried over several by the state machine: each goes on at the cut of
// the first, and what is stored is not stored again.
func TestALongCaptureTakesSeveralInvocations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	label := w.spread(80)
	var puts, invocations atomic.Int32
	w.Interfere = func(name string, call stack.Request) (time.Duration, bool) {
		if name == "BackupFunction" && call.Action == "s3:PutObject" && strings.Contains(call.Resource, "/segments/") {
			puts.Add(1)
			return 600 * time.Millisecond, false
		}
		return 0, false
	}
	w.Machine.Invocation = func() function.Options {
		invocations.Add(1)
		return function.Options{Timeout: 9 * time.Second}
	}
	w.postBackup("long", label)
	w.Machine.Idle()
	b := w.getBackup("long")
	// What is on its way when the time is up may be sent once more, or be found stored and not be counted.
	onTheWay := 4 * int64(invocations.Load())
	if p := b.Status.Progress; b.Status.Phase != salvor.PhaseCompleted || int64(p.Segments)-int64(p.SegmentsUploaded) > onTheWay {
		t.Fatalf("the backup is %s, of %d segments %d were uploaded: %s", b.Status.Phase, p.Segments, p.SegmentsUploaded, b.Status.Message)
	}
	e := w.Machine.Executions()
	if n := invocations.Load(); len(e) != 1 || e[0].Error != "" || count(e[0].States, "Backup") < 2 || int(n) < count(e[0].States, "Backup") {
		t.Errorf("%d invocations, executions %+v", n, e)
	}
	if most := int64(b.Status.Progress.Segments) + onTheWay; int64(puts.Load()) > most {
		t.Errorf("%d puts for %d segments: work was repeated", puts.Load(), b.Status.Progress.Segments)
	}
}

// A restore that takes longer than an invocation goes on in the next, at the segments that are left: each object has one
// outcome in the end.
func TestALongRestoreTakesSeveralInvocations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	label := w.spread(60)
	w.postBackup("b1", label)
	w.Machine.Idle()
	b := w.getBackup("b1")
	for _, ns := range b.Status.Namespaces {
		if err := w.kube.Delete(t.Context(), configMapKind, ns, "settings", kube.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	var gets, invocations atomic.Int32
	w.Interfere = func(name string, call stack.Request) (time.Duration, bool) {
		if name == "RestoreFunction" && call.Action == "s3:GetObject" && strings.Contains(call.Resource, "/segments/") {
			gets.Add(1)
			return time.Second, false
		}
		return 0, false
	}
	w.Machine.Invocation = func() function.Options {
		invocations.Add(1)
		return function.Options{Timeout: 8 * time.Second}
	}
	w.post("/v1/restores", `{"apiVersion":"salvor.io/v1","kind":"Restore","metadata":{"name":"long"},"spec":{"sourceCluster":"prod","backup":"b1","targetCluster":"prod","conflict":"Update"}}`)
	w.Machine.Idle()
	var r salvor.Restore
	if err := json.Unmarshal(w.API.Call("GET", "/v1/restores/long", "").Body, &r); err != nil {
		t.Fatal(err)
	}
	var outcomes int64
	for _, n := range r.Status.Outcomes {
		outcomes += n
	}
	if r.Status.Phase != salvor.PhaseCompleted || outcomes != b.Status.Progress.Objects || r.Status.Outcomes[salvor.OutcomeCreated] != int64(len(b.Status.Namespaces)) {
		t.Errorf("the restore is %s with %v of %d objects: %s", r.Status.Phase, r.Status.Outcomes, b.Status.Progress.Objects, r.Status.Message)
	}
	e := w.Machine.Executions()
	if n := invocations.Load(); len(e) != 2 || e[1].Error != "" || count(e[1].States, "Restore") < 2 || int(n) < count(e[1].States, "Restore") || r.Status.Lease.Epoch > int64(n) {
		t.Errorf("%d invocations, epoch %d, executions %+v", n, r.Status.Lease.Epoch, e[1:])
	}
	// Those that were being read when the time was up are read once more, and each invocation has to see the namespaces.
	if most := int32(b.Status.Progress.Segments) + 10*invocations.Load(); gets.Load() > most {
		t.Errorf("%d segments were read %d times in %d invocations: work was repeated", b.Status.Progress.Segments, gets.Load(), invocations.Load())
	}
	for _, ns := range b.Status.Namespaces {
		if _, err := w.kube.Get(t.Context(), configMapKind, ns, "settings"); err != nil {
			t.Error(err)
		}
	}
}

func count(list []string, s string) (n int) {
	for _, one := range list {
		if one == s {
			n++
		}
	}
	return n
}

// A function that is killed at its timeout, and one that fails, are tried again; the lease of the killed one is waited for.
func TestTheMachineSurvivesTimeoutsAndErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	label := w.spread(1)
	var hung atomic.Bool
	w.Interfere = func(name string, call stack.Request) (time.Duration, bool) {
		if name == "BackupFunction" && strings.Contains(call.Resource, "/segments/") && call.Action == "s3:PutObject" && hung.CompareAndSwap(false, true) {
			return 8 * time.Second, false // what is on its way may end, but not for that long
		}
		return 0, false
	}
	var invocations atomic.Int32
	w.Machine.Invocation = func() function.Options {
		if invocations.Add(1) == 1 {
			return function.Options{Timeout: 3 * time.Second}
		}
		return function.Options{}
	}
	w.Machine.Retries = map[string]int{"Backup": 100}
	w.Machine.Waits = map[string]int{"BackupWait": 5000}
	w.postBackup("killed", label)
	w.Machine.Idle()
	e := w.Machine.Executions()
	if b := w.getBackup("killed"); b.Status.Phase != salvor.PhaseCompleted || b.Status.Lease.Epoch != 2 {
		t.Errorf("the backup is %s of epoch %d: %s", b.Status.Phase, b.Status.Lease.Epoch, b.Status.Message)
	}
	if len(e) != 1 || e[0].Error != "" || !slices.Contains(e[0].States, "BackupWait") {
		t.Errorf("executions %+v", e)
	}
}

// What ends Failed, and what can't be done at all, ends the execution as failed, where an operator sees it.
func TestTheMachineTellsFailures(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create("locations", `{"apiVersion":"salvor.io/v1","kind":"BackupLocation","metadata":{"name":"elsewhere"},"spec":{"s3":{"bucket":"somebody-elses","region":"eu-central-1"}}}`)
	a := w.API.Call("POST", "/v1/backups", `{"apiVersion":"salvor.io/v1","kind":"Backup","metadata":{"name":"refused"},"spec":{"cluster":"prod","location":"elsewhere","scope":{"namespaces":["default"]}}}`)
	if a.Status != 202 {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	w.Machine.Idle()
	if b := w.getBackup("refused"); b.Status.Phase != salvor.PhaseFailed {
		t.Errorf("the backup is %s: %s", b.Status.Phase, b.Status.Message)
	}
	w.Machine.Retries = map[string]int{"Backup": 10}
	w.Interfere = func(name string, call stack.Request) (time.Duration, bool) {
		return 0, name == "BackupFunction" && call.Action == "dynamodb:GetItem"
	}
	w.Machine.Invocation = func() function.Options { return function.Options{Timeout: time.Second} }
	w.postBackup("hopeless", "nobody")
	w.Machine.Idle()
	e := w.Machine.Executions()
	if len(e) != 2 || e[0].Error != "Salvor.Failed" || e[1].Error != "Salvor.GivenUp" || count(e[1].States, "Backup") != 1 {
		t.Errorf("executions %+v", e)
	}
	// Asked for again when the cause is gone, it is worked on again.
	w.Interfere, w.Machine.Invocation = nil, nil
	w.postBackup("hopeless", "nobody")
	w.Machine.Idle()
	if b := w.getBackup("hopeless"); !b.Status.Phase.Done() || len(w.Machine.Executions()) != 3 {
		t.Errorf("asked for again it is %s after %d executions", b.Status.Phase, len(w.Machine.Executions()))
	}
}
