package backup_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/salvor"
)

// owing records a backup whose worker died while the application was frozen.
func (b *bench) owing(t *testing.T, name string) salvor.BackupID {
	t.Helper()
	begun, _, err := b.Begin(t.Context(), quiesced(name, "a"))
	if err != nil {
		t.Fatal(err)
	}
	b.change(t, begun.ID(), func(s *salvor.BackupStatus) {
		s.Phase = salvor.PhaseQuiescing
		s.Lease = salvor.Lease{Holder: "dead", Epoch: 1, Expires: metav1.NewTime(time.Now().Add(-time.Minute))}
		s.Thaw = &salvor.OwedThaw{Rule: salvor.RuleSpec{SubRules: []salvor.SubRule{{Name: "thaw"}}}, Namespaces: []string{"a"}, Since: metav1.NewTime(time.Now().Add(-time.Hour))}
	})
	return begun.ID()
}

func (b *bench) change(t *testing.T, id salvor.BackupID, change func(*salvor.BackupStatus)) {
	t.Helper()
	if _, err := catalog.MutateBackup(t.Context(), b.catalog, id, func(b *salvor.Backup) error { change(&b.Status); return nil }); err != nil {
		t.Fatal(err)
	}
}

func TestAThawNeedsNoLocation(t *testing.T) {
	f, _ := filled(1)
	b := newBench(t, f)
	id := b.owing(t, "b")
	b.Store = func(context.Context, *salvor.Backup) (*repository.Repository, error) {
		return nil, salvor.Errorf(salvor.NotFound, "no such directory")
	}
	done, err := b.Run(t.Context(), id)
	if err == nil || done.Status.Phase != salvor.PhaseFailed || done.Status.Thaw != nil {
		t.Errorf("without its location it ended with %v: %+v", err, done.Status)
	}
	if !slices.Equal(b.rules.ran, []string{"post-exec"}) {
		t.Errorf("what ran is %v", b.rules.ran)
	}
}

func TestAThawThatCannotBePaidIsKeptUntilItIs(t *testing.T) {
	f, _ := filled(1)
	b := newBench(t, f)
	id := b.owing(t, "b")
	reach := b.Open
	b.Open = func(context.Context, *salvor.Backup) (*backup.Site, error) {
		return nil, salvor.Errorf(salvor.Unavailable, "connection refused")
	}
	done, err := b.Run(t.Context(), id)
	if !salvor.Is(err, salvor.Unavailable) || done.Status.Phase != salvor.PhaseFailed {
		t.Fatalf("with the API server away it ended with %v: %+v", err, done)
	}
	for attempts := 1; ; attempts++ {
		now, err := b.catalog.GetBackup(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		owed := now.Status.Thaw
		if owed == nil || owed.Attempts != attempts || !strings.Contains(owed.LastError, "connection refused") || owed.LastAttempt.IsZero() {
			t.Fatalf("after attempt %d it owes %+v", attempts, owed)
		}
		if now.Status.Lease.Holder != "" {
			t.Errorf("the lease is still held by %s", now.Status.Lease.Holder)
		}
		if attempts == 3 {
			break
		}
		if _, err := b.PayThaw(t.Context(), id); !salvor.Is(err, salvor.Unavailable) {
			t.Fatalf("attempt %d: %v", attempts, err)
		}
	}
	b.Open = reach
	b.rules.fail["post-exec"] = errors.New("forbidden")
	if _, err := b.PayThaw(t.Context(), id); err == nil {
		t.Error("a rule that fails is taken for a thaw")
	}
	b.rules.fail = nil
	paid, err := b.PayThaw(t.Context(), id)
	if err != nil || paid.Status.Thaw != nil || paid.Status.FrozenFor.Duration < time.Hour {
		t.Errorf("in the end: %v, %+v", err, paid)
	}
	if _, err := b.PayThaw(t.Context(), id); !salvor.Is(err, salvor.Conflict) || len(b.rules.ran) != 2 {
		t.Errorf("what is done is repeated: %v, %v", err, b.rules.ran)
	}
}

func TestAThawOfACanceledBackupIsPaid(t *testing.T) {
	f, _ := filled(1)
	b := newBench(t, f)
	id := b.owing(t, "b")
	b.change(t, id, func(s *salvor.BackupStatus) { s.Phase, s.CancelRequested = salvor.PhaseCanceled, true })
	b.rules.hook = func(string) { time.Sleep(20 * time.Millisecond) } // some beats
	if paid, err := b.PayThaw(t.Context(), id); err != nil || paid.Status.Thaw != nil || paid.Status.Phase != salvor.PhaseCanceled {
		t.Errorf("got %+v, %v", paid, err)
	}
}

func TestAThawIsRunByOneAtATime(t *testing.T) {
	f, _ := filled(1)
	b := newBench(t, f)
	id := b.owing(t, "b")
	b.change(t, id, func(s *salvor.BackupStatus) {
		s.Phase = salvor.PhaseFailed
		s.Lease = salvor.Lease{Holder: "other", Epoch: 2, Expires: metav1.NewTime(time.Now().Add(time.Minute))}
	})
	if _, err := b.PayThaw(t.Context(), id); !salvor.Is(err, salvor.Conflict) || len(b.rules.ran) > 0 {
		t.Errorf("while another is at it: %v, ran %v", err, b.rules.ran)
	}
}

// A machine that sleeps while the application is frozen wakes up to find that another has thawed it.
func TestAWorkerThatWasAwayDoesNotThawAgain(t *testing.T) {
	f, _ := filled(1)
	b := newBench(t, f)
	b.Tuning.Beat = time.Hour
	b.OnStep = func(s backup.Step) {
		if s != backup.StepPostExec {
			return
		}
		b.change(t, salvor.BackupID{ClusterID: "prod", Name: "b"}, func(s *salvor.BackupStatus) {
			s.Thaw, s.Lease = nil, salvor.Lease{Holder: "other", Epoch: s.Lease.Epoch + 1}
		})
		b.Now = func() time.Time { return time.Now().Add(time.Hour) }
	}
	if _, err := b.make(t, quiesced("b", "a")); !salvor.Is(err, salvor.Fenced) {
		t.Errorf("it ended with %v", err)
	}
	if !slices.Equal(b.rules.ran, []string{"pre-exec"}) {
		t.Errorf("what ran is %v", b.rules.ran)
	}
}

func TestPausesBetweenThawsGrow(t *testing.T) {
	since := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	last := since.Add(time.Hour)
	for attempts, want := range map[int]time.Time{
		0: since, 1: last.Add(5 * time.Second), 2: last.Add(10 * time.Second), 4: last.Add(40 * time.Second), 5: last.Add(time.Minute), 1 << 30: last.Add(time.Minute),
	} {
		owed := &salvor.OwedThaw{Since: metav1.NewTime(since), Attempts: attempts, LastAttempt: metav1.NewTime(last)}
		if got := backup.NextThaw(owed); !got.Equal(want) {
			t.Errorf("after %d attempts the next is at %s, want %s", attempts, got, want)
		}
	}
}

// The clock of a worker that died was a day ahead: nobody waits for that day.
func TestAThawIsNotPutOffByAClockThatWasWrong(t *testing.T) {
	f, _ := filled(1)
	b := newBench(t, f)
	id := b.die(t, quiesced("b", "a"), "step cut")
	b.change(t, id, func(s *salvor.BackupStatus) {
		tomorrow := metav1.NewTime(b.Now().AddDate(0, 0, 1))
		s.Lease.Expires, s.Thaw.Since, s.Thaw.LastAttempt, s.Thaw.Attempts = tomorrow, tomorrow, tomorrow, 1
	})
	there, err := b.catalog.GetBackup(t.Context(), id)
	if err != nil || backup.ThawDue(there, b.Now()).After(b.Now()) || !backup.Abandoned(there, b.Now()) {
		t.Errorf("it is due at %s: %v", backup.ThawDue(there, b.Now()), err)
	}
	if paid, err := b.PayThaw(t.Context(), id); err != nil || paid.Status.Thaw != nil {
		t.Errorf("got %v, %+v", err, paid)
	}
}

func TestACanceledBackupSaysThatItWasThawed(t *testing.T) {
	f, _ := filled(1)
	b := newBench(t, f)
	ctx, cancel := context.WithCancel(t.Context())
	b.OnStep = func(s backup.Step) {
		if s == backup.StepCapture {
			cancel()
		}
	}
	begun, _, err := b.Begin(t.Context(), quiesced("b", "a"))
	if err != nil {
		t.Fatal(err)
	}
	done, err := b.Run(ctx, begun.ID())
	if !salvor.Is(err, salvor.Canceled) || strings.Contains(err.Error(), "context canceled") {
		t.Errorf("the error is %v", err)
	}
	if m := done.Status.Message; !strings.Contains(m, "was frozen for") || !strings.Contains(m, "is thawed") || done.Status.FrozenFor.Duration <= 0 {
		t.Errorf("it says %q, frozen for %s", m, done.Status.FrozenFor.Duration)
	}
}
