package aws_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/tests/aws/function"
	"salvor.io/salvor/tests/aws/stack"
)

// worstCase is the longest from a worker's death to the thaw: its lease, and a minute.
const worstCase = 2 * time.Minute

// holdOnce freezes, and the first time hangs while the application is frozen.
var holdOnce = note("frozen") + `; [ -e /tmp/hung ] || { touch /tmp/hung; sleep 50; }`

// twice are the notes of an application that was frozen and let go on by the watchdog, and once more by who went on with the backup.
var twice = []string{"frozen", "thawed", "frozen", "thawed"}

// Functions are killed at any point between the first action and the thaw: the message that was sent before wakes the
// watchdog, a process of its own, when the leases have ended, and the state machine makes the backups after all.
func TestTheWatchdogThawsWhatAKilledFunctionLeft(t *testing.T) {
	t.Parallel()
	w, shops := newShops(t, 5, note("frozen")+`; sleep 3`, `sleep 1; `+note("thawed"))
	w.Queues.Poll("WatchdogWakes")
	for _, s := range shops {
		s.begin()
		time.Sleep(700 * time.Millisecond)
	}
	shops[len(shops)-1].until("frozen", 1, time.Minute)
	w.Function("BackupFunction").Kill()
	died := time.Now()
	held := map[*shop]bool{}
	for _, s := range shops {
		words := s.words()
		held[s] = count(words, "frozen") > count(words, "thawed")
	}
	if !held[shops[len(shops)-1]] {
		t.Fatal("the last application was not frozen any more when the functions were killed")
	}
	for i, s := range shops {
		if !held[s] {
			continue
		}
		took := s.until("thawed", 1, time.Until(died.Add(worstCase+time.Minute))).Sub(died) // whoever looks is slow
		t.Logf("application %d goes on %s after the functions were killed", i+1, took.Round(time.Second))
		if took > worstCase {
			t.Errorf("the application in %s was frozen for %s", s.ns, took)
		}
	}
	for _, s := range shops {
		if b := s.ended(); b.Status.Phase != salvor.PhaseCompleted || b.Status.Thaw != nil {
			t.Errorf("backup %s is %s: %s", s.backup, b.Status.Phase, b.Status.Message)
		}
		// Who is killed after the commands and before it could say so leaves a thaw that is run once more.
		if words := slices.Compact(s.words()); len(words) == 0 || len(words)%2 != 0 || words[len(words)-1] != "thawed" {
			t.Errorf("the application in %s notes %v", s.ns, s.words())
		}
	}
}

// When the state machine carries the backup, it and the watchdog are after the same thaw: it is paid once, and the backup
// is made once more.
func TestTheStateMachineAndTheWatchdogThawOnce(t *testing.T) {
	t.Parallel()
	w, shops := newShops(t, 1, holdOnce, note("thawed"))
	s := shops[0]
	w.Machine.Retries = map[string]int{"Backup": 100}
	w.Queues.Poll("WatchdogWakes")
	if a := w.API.Call("POST", "/v1/backups", s.document()); a.Status != 202 {
		t.Fatalf("POST answers %d: %s", a.Status, a.Body)
	}
	s.until("frozen", 1, time.Minute)
	w.Function("BackupFunction").Kill()
	died := time.Now()
	if took := s.until("thawed", 1, worstCase+time.Minute).Sub(died); took > worstCase {
		t.Errorf("the application was frozen for %s", took)
	}
	b := s.ended()
	if diff := cmp.Diff(twice, s.words()); diff != "" || b.Status.Phase != salvor.PhaseCompleted {
		t.Errorf("the backup is %s: %s\n%s", b.Status.Phase, b.Status.Message, diff)
	}
}

// A message that comes three times at once thaws once, and has the backup made once.
func TestAMessageThatComesThreeTimesThawsOnce(t *testing.T) {
	t.Parallel()
	w, shops := newShops(t, 1, holdOnce, note("thawed"))
	s := shops[0]
	s.begin()
	s.until("frozen", 1, time.Minute)
	w.Function("BackupFunction").Kill()
	sent := w.Queues.Lose("WatchdogWakes")
	if diff := cmp.Diff([]string{`{"thaw":{"clusterID":"prod","name":"b1"}}`}, sent); diff != "" {
		t.Fatal(diff)
	}
	if r := w.Invoke("WatchdogFunction", record(t, sent[0])); string(r.Payload) != `{"batchItemFailures":[]}` {
		t.Errorf("too early, it answers %v %s", r.Err(), r.Payload)
	}
	if diff := cmp.Diff(sent, w.Queues.Lose("WatchdogWakes")); diff != "" {
		t.Errorf("too early, it does not wait for the lease: %s", diff)
	}
	if notes := s.words(); len(notes) != 1 {
		t.Errorf("while the lease lives, the watchdog thaws: %v", notes)
	}
	s.leaseOver()
	var wait sync.WaitGroup
	for range 3 {
		wait.Go(func() {
			r, err := w.Function("WatchdogFunction").Invoke(t.Context(), []byte(record(t, sent[0])), function.Options{})
			if err != nil || string(r.Payload) != `{"batchItemFailures":[]}` {
				t.Errorf("it answers %v %v %s", err, r.Err(), r.Payload)
			}
		})
	}
	wait.Wait()
	b := s.ended()
	if diff := cmp.Diff(twice, s.words()); diff != "" || b.Status.Phase != salvor.PhaseCompleted || len(w.Machine.Executions()) != 1 {
		t.Errorf("the backup is %s after %d executions: %s\n%s", b.Status.Phase, len(w.Machine.Executions()), b.Status.Message, diff)
	}
	w.Invoke("WatchdogFunction", record(t, sent[0])) // once more, when all is over
	if diff := cmp.Diff(twice, s.words()); diff != "" {
		t.Error(diff)
	}
}

// When the message is lost, the sweep finds what is owed; three sweeps at once pay once.
func TestTheSweepFindsWhatALostMessageLeft(t *testing.T) {
	t.Parallel()
	w, shops := newShops(t, 1, holdOnce, note("thawed"))
	s := shops[0]
	s.begin()
	s.until("frozen", 1, time.Minute)
	w.Function("BackupFunction").Kill()
	if lost := w.Queues.Lose("WatchdogWakes"); len(lost) != 1 {
		t.Fatalf("the messages are %v", lost)
	}
	w.Scheduler.FireOwn(t.Context(), "WatchdogSweep")
	if notes := s.words(); len(notes) != 1 {
		t.Errorf("while the lease lives, the sweep thaws: %v", notes)
	}
	s.leaseOver()
	var wait sync.WaitGroup
	for range 3 {
		wait.Go(func() { w.Scheduler.FireOwn(t.Context(), "WatchdogSweep") })
	}
	wait.Wait()
	b := s.ended()
	if diff := cmp.Diff(twice, s.words()); diff != "" || b.Status.Phase != salvor.PhaseCompleted {
		t.Errorf("the backup is %s: %s\n%s", b.Status.Phase, b.Status.Message, diff)
	}
	if left := w.Queues.Lose("WatchdogWakes"); len(left) == 0 || !strings.Contains(left[0], `"handedOn":2`) {
		t.Errorf("nobody follows the backup that was handed on: %v", left)
	}
}

// A thaw that fails is tried again and again, and an alarm says so until it is paid.
func TestAThawThatFailsAlarmsAndIsPaidInTheEnd(t *testing.T) {
	t.Parallel()
	w, shops := newShops(t, 1, note("frozen"), `[ -e /tmp/mended ] || { echo no password=hunter2 >&2; exit 7; }; `+note("thawed"))
	s := shops[0]
	if r := <-s.begin(); !strings.Contains(string(r.Payload), `"phase":"Failed"`) {
		t.Fatalf("the backup answers %v %s", r.Err(), r.Payload)
	}
	w.Eventually("another attempt is due, and made", func() bool {
		w.Scheduler.FireOwn(t.Context(), "WatchdogSweep")
		return s.getBackup(s.backup).Status.Thaw.Attempts >= 2
	})
	w.Eventually("after a sweep that could not pay, the metric of the alarm is 1", func() bool { return w.metric("ThawOwed") == 1 })
	if p, err := w.Stack.Properties("ThawOwedAlarm"); err != nil || p["MetricName"] != "ThawOwed" || p["Namespace"] != "Salvor" || p["Threshold"] != 1 {
		t.Errorf("the alarm is about something else: %v %v", p, err)
	}
	logged := slices.IndexFunc(w.Logs(), func(line string) bool {
		return strings.Contains(line, `"level":"ERROR","msg":"an application may be frozen`)
	})
	if logged < 0 {
		t.Fatal("the log does not say that an application may be frozen")
	}
	for _, part := range []string{`"cluster":"prod"`, s.ns, `"backup":"b1"`, `"since":"20`, "exit code 7", `"do":"mend`} {
		if line := w.Logs()[logged]; !strings.Contains(line, part) || strings.Contains(line, "hunter2") {
			t.Errorf("the log does not say %s, or too much: %s", part, line)
		}
	}
	s.sh("touch /tmp/mended")
	w.Queues.Deliver("WatchdogWakes") // before its time: it is sent again for when the next attempt is due
	w.Queues.Poll("WatchdogWakes")
	s.until("thawed", 1, time.Minute)
	w.Eventually("nothing is owed, and nobody is called any more", func() bool {
		return s.getBackup(s.backup).Status.Thaw == nil && len(w.Queues.Bodies("WatchdogWakes")) == 0
	})
	w.Scheduler.FireOwn(t.Context(), "WatchdogSweep")
	w.Eventually("when all is paid, the metric of the alarm is 0", func() bool { return w.metric("ThawOwed") == 0 })
	if diff := cmp.Diff([]string{"frozen", "thawed"}, s.words()); diff != "" {
		t.Error(diff)
	}
}

// Where nobody could be called to thaw, nothing is frozen.
func TestNothingIsFrozenWhenNobodyCanBeCalled(t *testing.T) {
	t.Parallel()
	w, shops := newShops(t, 1, note("frozen"), note("thawed"))
	w.Interfere = func(_ string, call stack.Request) (time.Duration, bool) { return 0, call.Action == "sqs:SendMessage" }
	r := <-shops[0].begin()
	if !strings.Contains(string(r.Payload), `"phase":"Failed"`) || !strings.Contains(string(r.Payload), "nobody would thaw the application") {
		t.Errorf("the backup answers %v %s", r.Err(), r.Payload)
	}
	if notes := shops[0].words(); len(notes) > 0 {
		t.Errorf("the application notes %v", notes)
	}
	if b := w.getBackup("b1"); b.Status.Thaw != nil {
		t.Errorf("a thaw of what was not frozen is owed: %+v", b.Status.Thaw)
	}
}
