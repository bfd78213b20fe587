package watchdog

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/functions/internal/event"
	"salvor.io/salvor/functions/internal/home"
	"salvor.io/salvor/functions/internal/wake"
	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/catalog/sqlite"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/salvor"
)

var began = time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)

// kennel is a watchdog on a real catalog and the real engine, with a clock and pods of the test.
type kennel struct {
	*Watchdog
	t       *testing.T
	catalog *sqlite.Catalog
	now     time.Time
	logs    bytes.Buffer
	// sent are the messages, with the time until they come; handed the backups that the state machine got.
	sent, handed []string
	// thawed counts; stuck is why it does not succeed. down is why nothing can be sent or handed over.
	thawed      int
	stuck, down error
}

func newKennel(t *testing.T) *kennel {
	t.Helper()
	k := &kennel{t: t, now: began}
	c, err := sqlite.Open(filepath.Join(t.TempDir(), "catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	k.catalog = c
	env := map[string]string{"SALVOR_TABLE": "t", "SALVOR_STACK": "s"}
	h, err := home.Open(t.Context(), func(name string) string { return env[name] }, &k.logs)
	if err != nil {
		t.Fatal(err)
	}
	h.Now = func() time.Time { return k.now }
	k.Watchdog = &Watchdog{Home: h, Catalog: c,
		Payer: func(holder string) Payer {
			return &backup.Engine{Catalog: c, Now: h.Now, Holder: holder,
				Open: func(context.Context, *salvor.Backup) (*backup.Site, error) { return &backup.Site{Rules: k}, nil },
				Store: func(context.Context, *salvor.Backup) (*repository.Repository, error) {
					return nil, errors.New("a thaw needs no location")
				}}
		},
		Send: func(_ context.Context, call wake.Call, at time.Time) error {
			k.sent = append(k.sent, fmt.Sprintf("%s %d in %s", call.Backup.Name, call.HandedOn, at.Sub(k.now)))
			return k.down
		},
		HandOver: func(_ context.Context, job event.Job, epoch int64) error {
			if k.down == nil {
				k.handed = append(k.handed, fmt.Sprintf("%s of epoch %d", job, epoch))
			}
			return k.down
		}}
	return k
}

// Freeze is not asked for.
func (k *kennel) Freeze(context.Context, backup.RuleRequest) (backup.Frozen, error) {
	return backup.Frozen{}, errors.New("the watchdog freezes")
}

// Thaw lets the application go on, unless it is stuck.
func (k *kennel) Thaw(context.Context, backup.RuleRequest) (backup.RuleReport, error) {
	if k.stuck == nil {
		k.thawed++
	}
	return backup.RuleReport{}, k.stuck
}

// put records a backup that a worker of the epoch holds for a minute from the beginning on.
func (k *kennel) put(name string, phase salvor.Phase, epoch int64, owes bool) {
	k.t.Helper()
	b := salvor.New(salvor.KindBackup).(*salvor.Backup)
	b.Name, b.CreationTimestamp = name, metav1.NewTime(began)
	b.Status = salvor.BackupStatus{Phase: phase, ClusterID: "prod", StartedAt: metav1.NewTime(began),
		Lease: salvor.Lease{Holder: "worker", Epoch: epoch, Expires: metav1.NewTime(began.Add(time.Minute))}}
	if owes {
		b.Status.Thaw = &salvor.OwedThaw{Namespaces: []string{"shop"}, Since: metav1.NewTime(began),
			Rule: salvor.RuleSpec{SubRules: []salvor.SubRule{{Actions: []salvor.Action{{Shell: "true"}}}}}}
	}
	if phase.Done() {
		b.Status.Lease.Holder, b.Status.Lease.Expires = "", metav1.Time{}
	}
	if err := k.catalog.CreateBackup(k.t.Context(), b); err != nil {
		k.t.Fatal(err)
	}
}

// message delivers one after some time since the beginning, and returns what was sent and handed over.
func (k *kennel) message(after time.Duration, body string) []string {
	k.t.Helper()
	k.now, k.sent, k.handed = began.Add(after), nil, nil
	if failed := k.deliver(body); len(failed) > 0 {
		k.t.Errorf("%s failed", body)
	}
	return append(append([]string{}, k.sent...), k.handed...)
}

// deliver hands over records and returns the ids of those that failed.
func (k *kennel) deliver(bodies ...string) (failed []string) {
	k.t.Helper()
	var e events.SQSEvent
	for i, body := range bodies {
		e.Records = append(e.Records, events.SQSMessage{MessageId: fmt.Sprint(i), Body: body, EventSource: "aws:sqs"})
	}
	raw, err := json.Marshal(e)
	if err != nil {
		k.t.Fatal(err)
	}
	answer, err := k.Handle(k.t.Context(), raw)
	if err != nil {
		k.t.Fatal(err)
	}
	for _, f := range answer.(events.SQSEventResponse).BatchItemFailures {
		failed = append(failed, f.ItemIdentifier)
	}
	return failed
}

func (k *kennel) status(name string) salvor.BackupStatus {
	k.t.Helper()
	b, err := k.catalog.GetBackup(k.t.Context(), salvor.BackupID{ClusterID: "prod", Name: name})
	if err != nil {
		k.t.Fatal(err)
	}
	return b.Status
}

func (k *kennel) expect(got []string, thawed int, want ...string) {
	k.t.Helper()
	if diff := cmp.Diff(append([]string{}, want...), got); diff != "" || k.thawed != thawed {
		k.t.Errorf("thawed %d times, want %d: %s\n%s", k.thawed, thawed, diff, &k.logs)
	}
}

const call = `{"thaw":{"clusterID":"prod","name":"b"}}`

// A call comes again while the worker lives, pays when the lease has ended, and hands the backup on, once.
func TestACallWaitsForTheLeaseAndPays(t *testing.T) {
	k := newKennel(t)
	k.put("b", salvor.PhaseQuiescing, 1, true)
	k.expect(k.message(20*time.Second, call), 0, "b 0 in 40s")
	k.expect(k.message(61*time.Second, call), 1, "b 2 in 15m0s", "backup prod/b of epoch 2")
	k.expect(k.message(62*time.Second, call), 1, "b 2 in 15m0s", "backup prod/b of epoch 2") // the same execution
	if s := k.status("b"); s.Thaw != nil || s.Phase != salvor.PhaseQuiescing || s.Lease.Holder != "" {
		t.Errorf("it is left as %+v", s)
	}
}

// What has ended, is gone, or goes on by itself, ends the calls.
func TestCallsEnd(t *testing.T) {
	k := newKennel(t)
	k.put("b", salvor.PhaseCompleted, 1, false)
	k.put("capturing", salvor.PhaseCapturing, 1, false)
	k.expect(k.message(time.Minute, call), 0)
	k.expect(k.message(time.Second, strings.Replace(call, `"b"`, `"capturing"`, 1)), 0)
	k.expect(k.message(time.Minute, strings.Replace(call, `"b"`, `"gone"`, 1)), 0)
}

// While the worker is at the rule, it is called again even when nothing is owed at that moment: namespaces may be frozen
// one after the other.
func TestCallsGoOnWhileTheWorkerMayFreeze(t *testing.T) {
	k := newKennel(t)
	k.put("b", salvor.PhaseQuiescing, 1, false)
	k.expect(k.message(10*time.Second, call), 0, "b 0 in 50s")
}

// A thaw that fails is tried again after its pause, and told of; a backup that has ended is not handed on.
func TestAThawThatFailsIsTriedAgain(t *testing.T) {
	k := newKennel(t)
	k.put("b", salvor.PhaseFailed, 1, true)
	k.stuck = errors.New("the database is gone")
	k.expect(k.message(0, call), 0, "b 0 in 5s")
	k.expect(k.message(time.Second, call), 0, "b 0 in 4s")
	k.expect(k.message(5*time.Second, call), 0, "b 0 in 10s")
	for _, says := range []string{"an application may be frozen", `"namespaces":"shop"`, "the database is gone", `"ThawOwed":1`, `"ThawOwedAge":5`} {
		if !strings.Contains(k.logs.String(), says) {
			t.Errorf("the log does not say %s:\n%s", says, &k.logs)
		}
	}
	k.stuck = nil
	k.expect(k.message(20*time.Second, call), 1)
	if !strings.Contains(k.logs.String(), `"ThawPaid":1`) {
		t.Errorf("the log does not say that it is paid:\n%s", &k.logs)
	}
}

// A backup that was handed on is followed until it has ended. When nobody takes it up, or its workers die again and again
// while the application is frozen, it is Failed, and says why: it is never left between phases.
func TestWhatIsHandedOnEnds(t *testing.T) {
	k := newKennel(t)
	k.put("b", salvor.PhaseCapturing, 3, false)
	handed := strings.Replace(call, "}}", `},"handedOn":2}`, 1)
	k.expect(k.message(10*time.Second, handed), 0, "b 2 in 15m0s")
	k.expect(k.message(5*time.Minute, handed), 0, "b 3 in 15m0s", "backup prod/b of epoch 3") // its worker died once more
	k.expect(k.message(20*time.Minute, strings.Replace(handed, "2}", "3}", 1)), 0)
	if s := k.status("b"); s.Phase != salvor.PhaseFailed || !strings.Contains(s.Message, "did not take it up") || s.CompletedAt.IsZero() {
		t.Errorf("it is left as %+v", s)
	}
	if !strings.Contains(k.logs.String(), `"BackupFailed":1`) {
		t.Errorf("the alarm of failed backups does not know:\n%s", &k.logs)
	}

	k = newKennel(t)
	k.put("b", salvor.PhaseQuiescing, 5, true)
	k.expect(k.message(2*time.Minute, call), 1)
	if s := k.status("b"); s.Phase != salvor.PhaseFailed || !strings.Contains(s.Message, "again and again while the application was frozen") {
		t.Errorf("it is left as %+v", s)
	}

	k = newKennel(t)
	k.put("b", salvor.PhaseQuiescing, 1, true)
	k.expect(k.message(5*time.Hour, call), 1)
	if s := k.status("b"); s.Phase != salvor.PhaseFailed || !strings.Contains(s.Message, "not done within 4h") {
		t.Errorf("it is left as %+v", s)
	}
}

// Of a batch only what failed comes again; what was thawed while the state machine could not be reached is not lost.
func TestOnlyWhatFailedComesAgain(t *testing.T) {
	k := newKennel(t)
	k.put("b", salvor.PhaseQuiescing, 1, true)
	k.put("done", salvor.PhaseCompleted, 1, false)
	k.now, k.down = began.Add(time.Hour), salvor.Errorf(salvor.Unavailable, "down")
	done := strings.Replace(call, `"b"`, `"done"`, 1)
	if diff := cmp.Diff([]string{"1", "2"}, k.deliver(done, "not a call", call, done)); diff != "" {
		t.Error(diff)
	}
	k.down = nil
	k.expect(k.message(time.Hour+time.Minute, call), 1, "b 2 in 15m0s", "backup prod/b of epoch 2")
}
