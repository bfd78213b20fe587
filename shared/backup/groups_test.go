package backup_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
)

// each asks that every namespace be held by itself.
func each(name string, ns ...string) *salvor.Backup {
	b := quiesced(name, ns...)
	b.Spec.RuleScope = salvor.RuleScopeNamespace
	return b
}

// moving lets the cluster change at every look at its revision, and notes at which revision each namespace is read.
func moving(f *fakeCluster) (readAt func() map[string]string) {
	var mu sync.Mutex
	read := map[string]string{}
	f.fault = func(r cluster.ListRequest, n int) error {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case n > 0:
		case r.Resource.Name == "namespaces" && r.Revision == "":
			f.revision++
		case r.Resource.Name == "configmaps" && r.Continue == "":
			read[r.Namespace] = r.Revision
		}
		return nil
	}
	return func() map[string]string { mu.Lock(); defer mu.Unlock(); return read }
}

// With ruleScope: Namespace each is held, cut and let go on by itself, side by side, and read as it was at its own cut.
func TestNamespacesAreHeldEachByItself(t *testing.T) {
	f, want := filled(3)
	b := newBench(t, f)
	readAt := moving(f)
	e := b.log()
	log := b.rules.freeze
	all := make(chan struct{})
	var there sync.WaitGroup
	there.Add(3)
	go func() { there.Wait(); close(all) }()
	b.rules.freeze = func(ctx context.Context, name string, q backup.RuleRequest) error {
		there.Done()
		select {
		case <-all:
		case <-time.After(time.Minute):
			t.Error("one waits for the others")
		}
		return log(ctx, name, q)
	}
	done, err := b.make(t, each("b", "a", "a-b", "c"))
	if err != nil || done.Status.Phase != salvor.PhaseCompleted {
		t.Fatalf("got %v, %+v", err, done)
	}
	for _, ns := range []string{"a", "a-b", "c"} {
		if list := e.all(); slices.Index(list, "b freezes "+ns) < 0 || slices.Index(list, "b thaws "+ns) < slices.Index(list, "b freezes "+ns) {
			t.Errorf("%s: what happened is %v", ns, list)
		}
	}
	m, _, err := b.repo.Manifest(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, x := range m.Exceptions {
		if x.Kind != "*" || x.Revision == "" || x.Revision == m.Revision || seen[x.Revision] || readAt()[x.Namespace] != x.Revision {
			t.Errorf("the manifest says %+v, and namespace %s was read at %s", x, x.Namespace, readAt()[x.Namespace])
		}
		seen[x.Revision] = true
	}
	if len(m.Exceptions) != 3 || len(m.Freezes) != 3 || len(done.Status.Freezes) != 3 {
		t.Errorf("the manifest has %d exceptions and %d freezes, the status %d", len(m.Exceptions), len(m.Freezes), len(done.Status.Freezes))
	}
	if report, err := b.repo.Report(t.Context(), "b", m.Report, m.ReportDigest); err != nil || strings.Count(string(report), `"thawedAfter"`) != 3 {
		t.Errorf("the report has not three freezes: %v\n%s", err, report)
	}
	for _, x := range m.Freezes {
		if x.Namespace == "" || x.Began.IsZero() || x.CutAfter.Duration <= 0 || x.ThawedAfter.Duration < x.CutAfter.Duration || x.ThawedAfter.Duration > m.FrozenFor.Duration {
			t.Errorf("a freeze is %+v, the longest took %s", x, m.FrozenFor.Duration)
		}
	}
	if diff := cmp.Diff(sorted(want), sorted(b.keys(t, "b", "configmaps"))); diff != "" {
		t.Error(diff)
	}
}

// A process that ends while it reads leaves the cuts to the next one.
func TestNamespacesThatWereCutStayCut(t *testing.T) {
	f, want := filled(20)
	b := newBench(t, f)
	begun, _, err := b.Begin(t.Context(), each("b", "*"))
	if err != nil {
		t.Fatal(err)
	}
	moving(f)
	count := f.fault
	first, err := b.runUntil(t, begun.ID(), func(end func()) {
		f.fault = func(r cluster.ListRequest, n int) error {
			if r.Resource.Name == "configmaps" && r.Namespace == "c" && n == 3 {
				end()
				return context.Canceled
			}
			return count(r, n)
		}
	})
	if !salvor.Is(err, salvor.Suspended) || first.Status.Checkpoint == "" || len(b.held(t)) > 0 {
		t.Fatalf("suspended, it is %+v, %v", first, err)
	}
	readAt := moving(f)
	done, err := b.as("another").Run(t.Context(), begun.ID())
	if err != nil || done.Status.Phase != salvor.PhaseCompleted || b.rules.count("pre-exec") != 3 || b.rules.count("post-exec") != 3 {
		t.Fatalf("got %v, %+v; %v ran", err, done, b.rules.ran)
	}
	m, _, err := b.repo.Manifest(t.Context(), "b")
	if err != nil || len(m.Exceptions) != 3 || len(m.Freezes) != 3 {
		t.Fatalf("the manifest has %+v, %+v: %v", m.Exceptions, m.Freezes, err)
	}
	for _, x := range m.Exceptions {
		if at, read := readAt()[x.Namespace]; read && at != x.Revision {
			t.Errorf("namespace %s is read at %s, and was cut at %s", x.Namespace, at, x.Revision)
		}
	}
	if diff := cmp.Diff(sorted(want), sorted(b.keys(t, "b", "configmaps"))); diff != "" {
		t.Error(diff)
	}
}

func TestOneNamespaceThatFailsLeavesNoneFrozen(t *testing.T) {
	f, _ := filled(1)
	b := newBench(t, f)
	e := b.log()
	log := b.rules.freeze
	b.rules.freeze = func(ctx context.Context, name string, q backup.RuleRequest) error {
		log(ctx, name, q)
		if q.Namespaces[0] == "c" {
			return errors.New("exit code 3")
		}
		<-ctx.Done() // the others hear of it
		return context.Cause(ctx)
	}
	done, err := b.make(t, each("b", "a", "a-b", "c"))
	if err == nil || !strings.Contains(err.Error(), "namespace c: pre-exec rule: exit code 3") || done.Status.Phase != salvor.PhaseFailed {
		t.Fatalf("got %v, %+v", err, done)
	}
	for _, ns := range []string{"a", "a-b", "c"} {
		if slices.Contains(e.all(), "b freezes "+ns) && !slices.Contains(e.all(), "b thaws "+ns) {
			t.Errorf("%s: what happened is %v", ns, e.all())
		}
	}
	if b.rules.count("pre-exec") != b.rules.count("post-exec") {
		t.Errorf("%v ran", b.rules.ran)
	}
	if done.Status.Thaw != nil || len(b.held(t)) > 0 || !strings.Contains(done.Status.Message, "is thawed") {
		t.Errorf("it owes %+v, %v are held: %s", done.Status.Thaw, b.held(t), done.Status.Message)
	}
}

// What of several namespaces could not be let go on stays owed, and nothing else, and nobody says that all is well.
func TestOnlyWhatCouldNotBeThawedStaysOwed(t *testing.T) {
	f, _ := filled(1)
	b := newBench(t, f)
	b.rules.thaw = func(_ context.Context, _ string, q backup.RuleRequest) error {
		if q.Namespaces[0] == "a" {
			return errors.New("exit code 1")
		}
		return nil
	}
	done, err := b.make(t, each("b", "a", "c"))
	if err == nil || done.Status.Thaw == nil || !slices.Equal(done.Status.Thaw.Namespaces, []string{"a"}) || !slices.Equal(b.held(t), []string{"a"}) {
		t.Fatalf("got %v: it owes %+v, %v are held", err, done.Status.Thaw, b.held(t))
	}
	for _, p := range done.Status.Thaw.Begun {
		if p.Namespace != "a" {
			t.Errorf("it owes pod %+v", p)
		}
	}
	if strings.Contains(done.Status.Message, "is thawed") {
		t.Errorf("it says %q", done.Status.Message)
	}
	b.rules.thaw = nil
	if paid, err := b.PayThaw(t.Context(), done.ID()); err != nil || paid.Status.Thaw != nil || len(b.held(t)) > 0 {
		t.Errorf("paid: %v, %+v", err, paid)
	}
}
