package instance_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/tools/internal/instance"
)

func newInstance(t *testing.T, name string) instance.Instance {
	t.Helper()
	i, err := instance.New(t.TempDir(), instance.Kube, name)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestNamesAreChecked(t *testing.T) {
	for name, ok := range map[string]bool{
		"a": true, "t123-source": true, "0": true,
		"": false, "-a": false, "a-": false, "A": false, "a/b": false, "..": false, "a.b": false,
		"forty-one-characters-are-one-too-many-aaa": false,
	} {
		if _, err := instance.New(t.TempDir(), instance.Kube, name); (err == nil) != ok {
			t.Errorf("name %q: got error %v, want ok %v", name, err, ok)
		}
	}
}

func TestIDsDiffer(t *testing.T) {
	run := t.TempDir()
	a, _ := instance.New(run, instance.Kube, "a")
	again, _ := instance.New(run, instance.Kube, "a")
	b, _ := instance.New(run, instance.Kube, "b")
	if a.ID() != again.ID() || a.ID() == b.ID() || len("sv"+a.ID()) > 15 {
		t.Errorf("ids %q, %q, %q: want the first two equal, the third different, and short enough for a link's name", a.ID(), again.ID(), b.ID())
	}
}

func TestStateSurvives(t *testing.T) {
	i := newInstance(t, "a")
	if _, ok, err := i.Read(); ok || err != nil {
		t.Fatalf("reading what was never written: ok %v, error %v", ok, err)
	}
	want := instance.State{Kind: instance.Kube, Name: "a", Phase: instance.Ready,
		Config: json.RawMessage(`{"a":"<&>"}`), Result: json.RawMessage(`{"b":1}`), Steps: []string{"one"}}
	if err := i.Write(want); err != nil {
		t.Fatal(err)
	}
	got, ok, err := i.Read()
	if !ok || err != nil {
		t.Fatalf("reading: ok %v, error %v", ok, err)
	}
	want.Config = json.RawMessage("{\"a\":\"\\u003c\\u0026\\u003e\"}") // as json.Marshal writes it
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if err := errors.Join(i.Remove(), i.Remove()); err != nil {
		t.Errorf("removing twice: %v", err)
	}
}

func TestLockHasOneHolder(t *testing.T) {
	i := newInstance(t, "a")
	if i.Held() {
		t.Error("held before anybody took it")
	}
	lock, err := i.TryLock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := i.TryLock(); !errors.Is(err, instance.ErrHeld) {
		t.Errorf("taking it twice: got %v, want ErrHeld", err)
	}
	if !i.Held() {
		t.Error("not held while it is")
	}
	short, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("tired of waiting"))
	if _, err := i.Lock(short); err == nil {
		t.Error("waiting for it succeeded while it was held")
	}
	lock.Close()
	if i.Held() {
		t.Error("held after its file was closed")
	}
	if lock, err = i.Lock(t.Context()); err != nil {
		t.Errorf("taking it after it was let go: %v", err)
	}
	lock.Close()
}

func TestListFindsItsKindOnly(t *testing.T) {
	run := t.TempDir()
	for kind, name := range map[instance.Kind]string{instance.Kube: "k", instance.S3: "s"} {
		i, err := instance.New(run, kind, name)
		if err != nil {
			t.Fatal(err)
		}
		if err := i.Write(instance.State{Kind: kind, Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := instance.List(run, instance.S3)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]instance.Instance{{Kind: instance.S3, Name: "s", Run: run}}, got); diff != "" {
		t.Error(diff)
	}
	if got, err := instance.List(run+"/nowhere", instance.S3); got != nil || err != nil {
		t.Errorf("listing where nothing is: %v, %v", got, err)
	}
}

func TestGuardIsThatVeryProcess(t *testing.T) {
	me := os.Getpid()
	for _, c := range []struct {
		name string
		s    instance.State
		want bool
	}{
		{"this process is alive", instance.State{Guard: me, GuardStart: instance.StartTime(me)}, true},
		{"a process of the same id that began at another time is not it", instance.State{Guard: me, GuardStart: "1"}, false},
		{"no process wrote the state yet", instance.State{}, false},
	} {
		if got := c.s.GuardAlive(); got != c.want {
			t.Errorf("%s: got %v", c.name, got)
		}
	}
}
