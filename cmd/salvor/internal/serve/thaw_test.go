package serve_test

import (
	"context"
	"regexp"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/salvor"
)

// thaws counts the post-exec rules that ran, by namespace.
type thaws struct {
	mu  sync.Mutex
	ran map[string]int
}

func (r *thaws) Freeze(context.Context, backup.RuleRequest) (backup.Frozen, error) {
	return backup.Frozen{}, nil
}

func (r *thaws) Thaw(_ context.Context, q backup.RuleRequest) (backup.RuleReport, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ran[q.Namespaces[0]]++
	return backup.RuleReport{}, nil
}

func (r *thaws) count(namespace string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ran[namespace]
}

func (s *served) setAway(away bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = away
}

// owing records a backup that owes a thaw to the namespace of its name.
func (s *served) owing(t *testing.T, name string, phase salvor.Phase) {
	t.Helper()
	b := &salvor.Backup{ObjectMeta: salvor.ObjectMeta{Name: name, CreationTimestamp: metav1.NewTime(noon.Add(-time.Hour))}}
	b.Spec = salvor.BackupSpec{Cluster: "prod", Location: "disk", Scope: salvor.Scope{Namespaces: []string{name}}}
	b.Default()
	b.Status = salvor.BackupStatus{Phase: phase, ClusterID: "prod", CancelRequested: phase == salvor.PhaseCanceled,
		Thaw: &salvor.OwedThaw{Rule: salvor.RuleSpec{SubRules: []salvor.SubRule{{Name: "thaw"}}}, Namespaces: []string{name}, Since: metav1.NewTime(noon.Add(-time.Hour))}}
	if !phase.Done() {
		b.Status.Lease = salvor.Lease{Holder: "dead/1/x", Epoch: 1, Expires: metav1.NewTime(noon.Add(-time.Minute))}
	}
	if err := s.CreateBackup(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	f := salvor.New(salvor.KindFreeze).(*salvor.Freeze)
	f.Name = salvor.FreezeName("prod", name)
	f.Spec = salvor.FreezeSpec{Backup: b.ID(), Namespace: name}
	if err := s.Create(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

// Whatever a backup ended as, and however long its cluster is away: no application stays frozen.
func TestServePaysEveryThawInTheEnd(t *testing.T) {
	s, rules := newServed(t), &thaws{ran: map[string]int{}}
	s.rules, s.away = rules, true
	names := map[string]salvor.Phase{"failed": salvor.PhaseFailed, "canceled": salvor.PhaseCanceled, "dead": salvor.PhaseQuiescing}
	for name, phase := range names {
		s.owing(t, name, phase)
	}
	s.start(t)
	for attempts := 1; attempts <= 3; attempts++ {
		for name := range names {
			s.eventually(t, "it was tried again", func() bool { return s.get(t, name).Status.Thaw.Attempts == attempts })
		}
		time.Sleep(30 * time.Millisecond) // some turns, in which it pauses
		for name := range names {
			if n := s.get(t, name).Status.Thaw.Attempts; n != attempts {
				t.Errorf("%s was tried %d times without a pause", name, n)
			}
		}
		s.set(noon.Add(time.Duration(attempts) * time.Minute))
	}
	s.setAway(false)
	s.set(noon.Add(10 * time.Minute))
	for name := range names {
		s.eventually(t, "it was thawed", func() bool { return s.get(t, name).Status.Thaw == nil })
	}
	s.set(noon.Add(20 * time.Minute))
	time.Sleep(30 * time.Millisecond)
	for name := range names {
		if n := rules.count(name); n != 1 {
			t.Errorf("%s was thawed %d times", name, n)
		}
	}
	alarm := regexp.MustCompile(`level=ERROR msg="ALARM: an application may be frozen; .* backup=dead .* do="make the cluster`)
	if !alarm.MatchString(s.logged()) {
		t.Errorf("the log does not say so:\n%s", s.logged())
	}
}

// A dead worker's application waits for no backup that runs.
func TestServeTakesOverWhatIsFrozenAtOnce(t *testing.T) {
	s, rules := newServed(t), &thaws{ran: map[string]int{}}
	s.rules, s.hold = rules, make(chan struct{})
	for _, name := range []string{"a", "b", "c"} {
		s.owing(t, name, salvor.PhaseQuiescing)
	}
	s.start(t)
	for range 3 {
		select {
		case <-s.reached:
		case <-time.After(time.Minute):
			t.Fatal("one waits for the others")
		}
	}
	close(s.hold)
}
