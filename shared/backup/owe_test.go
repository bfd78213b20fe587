package backup_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/salvor"
)

// die runs the backup in a process that is killed at that point of a run: nothing of it goes on.
func (b *bench) die(t *testing.T, want *salvor.Backup, at string) salvor.BackupID {
	t.Helper()
	begun, _, err := b.Begin(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	dying := *b.Engine
	dying.Holder, dying.Tuning.Beat = "dead", time.Hour
	died := false
	kill := func(here string) {
		if here == at {
			died = true
			runtime.Goexit()
		}
	}
	b.rules.hook = kill
	dying.OnStep = func(s backup.Step) { kill("step " + string(s)) }
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, err = dying.Run(t.Context(), begun.ID())
	}()
	<-done
	if b.rules.hook = nil; !died {
		t.Fatalf("it did not get to %q: %v", at, err)
	}
	return begun.ID()
}

// later lets time pass.
func (b *bench) later(d time.Duration) {
	now := b.Now
	b.Now = func() time.Time { return now().Add(d) }
}

func (b *bench) owe(t *testing.T) []string {
	t.Helper()
	owing, err := b.Owing(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, o := range owing {
		names = append(names, o.Name)
	}
	return names
}

// held are the namespaces that backups hold.
func (b *bench) held(t *testing.T) []string {
	t.Helper()
	items, _, err := b.catalog.List(t.Context(), salvor.KindFreeze, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, o := range items {
		names = append(names, o.(*salvor.Freeze).Spec.Namespace)
	}
	slices.Sort(names)
	return names
}

func postOnly(name string, ns ...string) *salvor.Backup {
	b := quiesced(name, ns...)
	b.Spec.PreExecRule = ""
	return b
}

// Wherever a process dies while something may be frozen, the thaw is found and paid as soon as its lease is over.
func TestTheThawOfADeadWorkerIsFoundAndPaidOnce(t *testing.T) {
	for name, c := range map[string]struct {
		backup *salvor.Backup
		at     string
		paid   int
	}{
		"before the first command":       {quiesced("b", "a", "c"), "pre-exec", 1},
		"at the cut":                     {quiesced("b", "a", "c"), "step cut", 1},
		"before the thaw":                {quiesced("b", "a", "c"), "step post-exec", 1},
		"while it thaws":                 {quiesced("b", "a", "c"), "post-exec", 2},
		"with a rule after the cut only": {postOnly("b", "a", "c"), "step post-exec", 1},
	} {
		t.Run(name, func(t *testing.T) {
			f, _ := filled(1)
			b := newBench(t, f)
			id := b.die(t, c.backup, c.at)
			if got := b.owe(t); !slices.Equal(got, []string{"b"}) {
				t.Fatalf("%v owe a thaw", got)
			}
			there, err := b.PayThaw(t.Context(), id)
			if !salvor.Is(err, salvor.Conflict) || there == nil || !backup.ThawDue(there, b.Now()).Equal(there.Status.Lease.Expires.Time) {
				t.Fatalf("while its worker may live: %v, %+v", err, there)
			}
			b.later(backup.ThawDue(there, b.Now()).Sub(b.Now()) + time.Second)
			paid, err := b.PayThaw(t.Context(), id)
			if err != nil || paid.Status.Thaw != nil || paid.Status.Lease.Holder != "" || paid.Status.Phase.Done() || paid.Status.FrozenFor.Duration <= 0 {
				t.Fatalf("after it: %v, %+v", err, paid)
			}
			if _, err := b.PayThaw(t.Context(), id); !salvor.Is(err, salvor.Conflict) {
				t.Errorf("again: %v", err)
			}
			if got := b.rules.count("post-exec"); got != c.paid {
				t.Errorf("the post-exec rule ran %d times", got)
			}
			if report, err := b.repo.Report(t.Context(), "b", archive.ReportName(paid.Status.Lease.Epoch), ""); err != nil || !strings.Contains(string(report), `"phase":"post-exec"`) {
				t.Errorf("its report: %v, %s", err, report)
			}
			if owing, held := b.owe(t), b.held(t); len(owing) > 0 || len(held) > 0 {
				t.Errorf("then %v owe a thaw, and %v are held", owing, held)
			}
			done, err := b.Run(t.Context(), id)
			if err != nil || done.Status.Phase != salvor.PhaseCompleted || len(b.held(t)) > 0 {
				t.Errorf("the next worker ends with %v: %+v", err, done)
			}
		})
	}
}

// What is not owed is not paid: a worker that died before or after it held anything leaves nothing to find.
func TestNothingIsOwedOutsideTheFreeze(t *testing.T) {
	for _, at := range []string{"step plan", "step pre-exec", "step capture", "step manifest"} {
		f, _ := filled(1)
		b := newBench(t, f)
		b.die(t, quiesced("b", "a"), at)
		if owing, held := b.owe(t), b.held(t); len(owing) > 0 || len(held) > 0 {
			t.Errorf("%s: %v owe a thaw, and %v are held", at, owing, held)
		}
	}
}

// A thaw that fails is found until it succeeds, also when the backup has ended.
func TestWhatCouldNotBePaidIsFoundAgain(t *testing.T) {
	f, _ := filled(1)
	b := newBench(t, f)
	b.rules.fail["post-exec"] = errors.New("exit code 1")
	done, err := b.make(t, quiesced("b", "a"))
	if err == nil || !slices.Equal(b.owe(t), []string{"b"}) || !slices.Equal(b.held(t), []string{"a"}) {
		t.Fatalf("%v: %v owe a thaw, %v are held", err, b.owe(t), b.held(t))
	}
	b.rules.fail = nil
	if _, err := b.PayThaw(t.Context(), done.ID()); err != nil || len(b.owe(t)) > 0 || len(b.held(t)) > 0 {
		t.Errorf("%v: %v owe a thaw, %v are held", err, b.owe(t), b.held(t))
	}
}

func TestACanceledBackupWithoutWorkerEndsWithItsThaw(t *testing.T) {
	f, _ := filled(1)
	b := newBench(t, f)
	id := b.die(t, quiesced("b", "a"), "step cut")
	if asked, err := backup.RequestCancel(t.Context(), b.catalog, id); err != nil || asked.Status.Phase.Done() {
		t.Fatalf("asked for: %v, %+v", err, asked)
	}
	b.later(2 * time.Minute)
	paid, err := b.PayThaw(t.Context(), id)
	if err != nil || paid.Status.Phase != salvor.PhaseCanceled || paid.Status.CompletedAt.IsZero() {
		t.Errorf("paid: %v, %+v", err, paid)
	}
}

func TestABackupThatNobodyWorksOnIsCanceledAtOnce(t *testing.T) {
	f, _ := filled(1)
	b := newBench(t, f)
	id := b.die(t, quiesced("b", "a"), "step cut")
	b.later(2 * time.Minute)
	if _, err := b.PayThaw(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if asked, err := backup.RequestCancel(t.Context(), b.catalog, id); err != nil || asked.Status.Phase != salvor.PhaseCanceled {
		t.Errorf("got %v, %+v", err, asked)
	}
}

// Somebody is told to look before anything can be frozen, and when what is owed is there to be found.
func TestSomebodyIsToldToLookBeforeTheFirstCommand(t *testing.T) {
	for name, want := range map[string]*salvor.Backup{"both rules": quiesced("b", "a"), "a rule after the cut": postOnly("b", "a")} {
		t.Run(name, func(t *testing.T) {
			f, _ := filled(1)
			b := newBench(t, f)
			calls := 0
			b.Wake = func(ctx context.Context, id salvor.BackupID, at time.Time) error {
				calls++
				there, err := b.catalog.GetBackup(ctx, id)
				if err != nil || there.Status.Thaw == nil || len(b.rules.ran) > 0 {
					t.Errorf("when it is told, %v ran, and %+v is owed: %v", b.rules.ran, there.Status.Thaw, err)
				}
				if after := at.Sub(there.Status.Lease.Expires.Time); after <= 0 || after > 10*time.Second {
					t.Errorf("it looks %s after the lease has ended", after)
				}
				return nil
			}
			if _, err := b.make(t, want); err != nil || calls != 1 {
				t.Errorf("told %d times: %v", calls, err)
			}
		})
	}
}

func TestNothingIsFrozenThatNobodyWouldThaw(t *testing.T) {
	f, _ := filled(1)
	b := newBench(t, f)
	b.Wake = func(context.Context, salvor.BackupID, time.Time) error {
		return salvor.Errorf(salvor.Unavailable, "the queue is away")
	}
	done, err := b.make(t, quiesced("b", "a"))
	if !salvor.Is(err, salvor.Unavailable) || done.Status.Phase != salvor.PhaseFailed || done.Status.Thaw != nil {
		t.Errorf("got %v, %+v", err, done)
	}
	if len(b.rules.ran) > 0 || len(b.held(t)) > 0 {
		t.Errorf("%v ran, %v are held", b.rules.ran, b.held(t))
	}
}
