package backup_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/salvor"
)

// events are what happened, in order.
type events struct {
	mu   sync.Mutex
	list []string
}

func (e *events) add(format string, args ...any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, fmt.Sprintf(format, args...))
}

func (e *events) all() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.list)
}

// log lets the rules say what they do.
func (b *bench) log() *events {
	var e events
	b.rules.freeze = func(_ context.Context, name string, q backup.RuleRequest) error {
		e.add("%s freezes %s", name, strings.Join(q.Namespaces, "+"))
		return nil
	}
	b.rules.thaw = func(_ context.Context, name string, q backup.RuleRequest) error {
		e.add("%s thaws %s", name, strings.Join(q.Namespaces, "+"))
		return nil
	}
	return &e
}

// as is another process on the same catalog.
func (b *bench) as(holder string) *bench {
	other, engine := *b, *b.Engine
	engine.Holder = holder
	other.Engine = &engine
	return &other
}

// Two backups of one application at once: the freeze is not lifted under the other's feet.
func TestTwoBackupsHoldAnApplicationInTurn(t *testing.T) {
	f, _ := filled(1)
	b := newBench(t, f)
	e := b.log()
	reached, goOn := make(chan struct{}), make(chan struct{})
	log := b.rules.freeze
	b.rules.freeze = func(ctx context.Context, name string, q backup.RuleRequest) error {
		log(ctx, name, q)
		if name == "one" {
			close(reached)
			<-goOn
		}
		return nil
	}
	var wait sync.WaitGroup
	wait.Go(func() {
		if _, err := b.make(t, quiesced("one", "a", "c")); err != nil {
			t.Error(err)
		}
	})
	<-reached
	wait.Go(func() {
		done, err := b.as("another").make(t, quiesced("two", "c", "a-b"))
		if err != nil || !slices.ContainsFunc(done.Status.Warnings, func(w string) bool { return strings.Contains(w, "until backup one let go of namespace c") }) {
			t.Errorf("%v: it warns of %q", err, done.Status.Warnings)
		}
	})
	if _, err := b.as("a third").make(t, quiesced("three", "zzz")); err != nil {
		t.Errorf("a backup of something else waits: %v", err)
	}
	time.Sleep(50 * time.Millisecond)
	close(goOn)
	wait.Wait()
	want := []string{"one freezes a+c", "one thaws a+c", "two freezes a-b+c", "two thaws a-b+c"}
	got := slices.DeleteFunc(e.all(), func(s string) bool { return strings.HasPrefix(s, "three") })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if held := b.held(t); len(held) > 0 {
		t.Errorf("%v are still held", held)
	}
}

// However their namespaces overlap, no two wait for each other.
func TestBackupsDoNotWaitForEachOther(t *testing.T) {
	f, _ := filled(1)
	b := newBench(t, f)
	e := b.log()
	var wait sync.WaitGroup
	for i, scope := range [][]string{{"a", "c"}, {"c", "a"}, {"a-b", "c"}, {"c", "a-b", "a"}, {"a"}, {"*"}} {
		wait.Go(func() {
			want := quiesced(fmt.Sprintf("b%d", i), scope...)
			if i%2 == 1 {
				want.Spec.RuleScope = salvor.RuleScopeNamespace
			}
			if _, err := b.as(want.Name).make(t, want); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	holder := map[string]string{}
	for _, event := range e.all() {
		words := strings.Fields(event)
		for _, ns := range strings.Split(words[2], "+") {
			if words[1] == "freezes" && holder[ns] != "" || words[1] == "thaws" && holder[ns] != words[0] {
				t.Errorf("%s while %q holds it", event, holder[ns])
			}
			if holder[ns] = words[0]; words[1] == "thaws" {
				holder[ns] = ""
			}
		}
	}
}

// Who died while it held an application is not waited for longer than its lease: whoever comes next lets it go on first.
func TestTheNextBackupThawsWhatADeadOneHeld(t *testing.T) {
	f, _ := filled(1)
	b := newBench(t, f)
	e := b.log()
	b.Tuning.LeaseTime = 100 * time.Millisecond
	b.die(t, quiesced("dead", "a"), "step cut")
	b.Tuning.LeaseTime = 0 // whoever comes next is in no hurry
	if _, err := b.as("another").make(t, quiesced("next", "a")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"dead freezes a", "dead thaws a", "next freezes a", "next thaws a"}, e.all()); diff != "" {
		t.Error(diff)
	}
}

// Of a backup without a rule after the cut nothing is owed: what it held in the background has ended by itself some time
// after its freeze could have.
func TestALockOfWhichNothingIsOwedIsOverInTime(t *testing.T) {
	f, _ := filled(1)
	b := newBench(t, f)
	b.Tuning.LockWait = 30 * time.Millisecond
	want := quiesced("dead", "a")
	want.Spec.PostExecRule = ""
	b.die(t, want, "step cut")
	b.later(2 * time.Minute) // its lease is over, and its command may be up
	if _, err := b.as("another").make(t, quiesced("early", "a")); !salvor.Is(err, salvor.Conflict) {
		t.Errorf("while it may hold: %v", err)
	}
	b.later(2 * time.Minute)
	b.Tuning.LockWait = 0
	if _, err := b.as("another").make(t, quiesced("late", "a")); err != nil {
		t.Errorf("when it holds nothing any more: %v", err)
	}
}

func TestAnApplicationThatIsHeldAllTheTimeIsSaid(t *testing.T) {
	t.Parallel() // it waits
	f, _ := filled(1)
	b := newBench(t, f)
	b.die(t, quiesced("one", "c"), "step cut") // its lease is not over
	b.Tuning.LockWait = 10 * time.Second
	done, err := b.as("another").make(t, quiesced("two", "a", "c"))
	if !salvor.Is(err, salvor.Conflict) || !strings.Contains(err.Error(), "namespace c is held by backup one: its turn did not come within 10s") {
		t.Errorf("got %v", err)
	}
	if done.Status.Phase != salvor.PhaseFailed || done.Status.Thaw != nil || !slices.Equal(b.held(t), []string{"c"}) || b.rules.count("pre-exec") != 1 {
		t.Errorf("it ended as %+v, %v are held, %v ran", done.Status, b.held(t), b.rules.ran)
	}
}

// meddled is a catalog in which something happens before a backup is first written with a thaw that it owes.
type meddled struct {
	backup.Catalog
	meddle func()
	once   sync.Once
}

func (m *meddled) UpdateBackup(ctx context.Context, b *salvor.Backup) error {
	if b.Status.Thaw != nil {
		m.once.Do(m.meddle)
	}
	return m.Catalog.UpdateBackup(ctx, b)
}

// hand gives the Freeze of namespace a to another backup or worker.
func (b *bench) hand(t *testing.T, change func(*salvor.FreezeSpec)) {
	t.Helper()
	o, err := b.catalog.Get(t.Context(), salvor.KindFreeze, salvor.FreezeName("prod", "a"))
	if err != nil {
		t.Fatal(err)
	}
	change(&o.(*salvor.Freeze).Spec)
	if err := b.catalog.Update(t.Context(), o); err != nil {
		t.Fatal(err)
	}
}

// A process that slept between taking its turn and writing down what it owes has lost its turn.
func TestWhoLostItsTurnFreezesNothing(t *testing.T) {
	f, _ := filled(1)
	b := newBench(t, f)
	b.Catalog = &meddled{Catalog: b.catalog, meddle: func() {
		b.hand(t, func(s *salvor.FreezeSpec) { s.Backup.Name = "other" })
	}}
	done, err := b.make(t, quiesced("b", "a"))
	if !salvor.Is(err, salvor.Conflict) || done.Status.Thaw != nil || len(b.rules.ran) > 0 || !slices.Equal(b.held(t), []string{"a"}) {
		t.Errorf("got %v, %+v; %v ran, %v are held", err, done.Status.Thaw, b.rules.ran, b.held(t))
	}
}

// And if it died right then, nobody thaws for it what the other holds.
func TestAThawIsNotPaidWhereAnotherHolds(t *testing.T) {
	f, _ := filled(1)
	b := newBench(t, f)
	id := b.die(t, quiesced("b", "a", "c"), "step cut")
	b.hand(t, func(s *salvor.FreezeSpec) { s.Backup.Name = "other" })
	b.later(2 * time.Minute)
	e := b.log()
	paid, err := b.PayThaw(t.Context(), id)
	if err != nil || paid.Status.Thaw != nil || !slices.Equal(e.all(), []string{"b thaws c"}) || !slices.Equal(b.held(t), []string{"a"}) {
		t.Errorf("got %v, %+v; %v, %v are held", err, paid, e.all(), b.held(t))
	}
}

// A worker that lost its lease in the middle of a freeze leaves everything to the one that took over.
func TestAWorkerThatLostItsLeaseWhileItFreezesLetsGoOfNothing(t *testing.T) {
	f, _ := filled(1)
	b := newBench(t, f)
	id := salvor.BackupID{ClusterID: "prod", Name: "b"}
	b.rules.freeze = func(ctx context.Context, _ string, _ backup.RuleRequest) error {
		b.change(t, id, func(s *salvor.BackupStatus) { s.Lease.Holder, s.Lease.Epoch = "other", s.Lease.Epoch+1 })
		b.hand(t, func(s *salvor.FreezeSpec) { s.Epoch++ })
		<-ctx.Done()
		return context.Cause(ctx)
	}
	b.Tuning.LeaseTime = 2 * time.Second
	if _, err := b.make(t, quiesced("b", "a")); !salvor.Is(err, salvor.Fenced) {
		t.Errorf("it ended with %v", err)
	}
	there, err := b.catalog.GetBackup(t.Context(), id)
	if err != nil || there.Status.Thaw == nil || there.Status.Lease.Holder != "other" || !slices.Equal(b.held(t), []string{"a"}) {
		t.Errorf("the catalog has %+v, %v; %v are held", there.Status, err, b.held(t))
	}
}

// While it can't be told whether a thaw is owed, its namespaces stay held, by which it is found.
func TestWhatCanNotBeStruckStaysFound(t *testing.T) {
	f, _ := filled(1)
	b := newBench(t, f)
	away := errors.New("the catalog is away")
	b.Catalog = &failing{Catalog: b.catalog, err: func(s *salvor.BackupStatus) error {
		if s.Phase == salvor.PhaseQuiescing && s.Thaw == nil {
			return away
		}
		return nil
	}}
	if _, err := b.make(t, quiesced("b", "a")); !errors.Is(err, away) {
		t.Errorf("it ended with %v", err)
	}
	if owing, held := b.owe(t), b.held(t); !slices.Equal(owing, []string{"b"}) || !slices.Equal(held, []string{"a"}) {
		t.Errorf("%v owe a thaw, %v are held", owing, held)
	}
}

// failing is a catalog that can't write some states of a backup.
type failing struct {
	backup.Catalog
	err func(*salvor.BackupStatus) error
}

func (f *failing) UpdateBackup(ctx context.Context, b *salvor.Backup) error {
	if err := f.err(&b.Status); err != nil {
		return err
	}
	return f.Catalog.UpdateBackup(ctx, b)
}

// A machine that sleeps in the middle of a rule and wakes up when another has thawed sends no further command.
func TestAWorkerThatWasAwayFreezesNothingMore(t *testing.T) {
	f, _ := filled(1)
	b := newBench(t, f)
	b.Tuning.Beat = time.Hour
	b.rules.freeze = func(context.Context, string, backup.RuleRequest) error {
		b.change(t, salvor.BackupID{ClusterID: "prod", Name: "b"}, func(s *salvor.BackupStatus) {
			s.Thaw, s.Lease = nil, salvor.Lease{Epoch: s.Lease.Epoch + 1}
		})
		b.later(time.Hour)
		return nil // the next command is asked for
	}
	if _, err := b.make(t, quiesced("b", "a")); !salvor.Is(err, salvor.Fenced) || !strings.Contains(err.Error(), "pre-exec rule") {
		t.Errorf("it ended with %v", err)
	}
	if !slices.Equal(b.rules.ran, []string{"pre-exec"}) {
		t.Errorf("%v ran", b.rules.ran)
	}
}
