package guard_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"salvor.io/salvor/tools/internal/child"
	"salvor.io/salvor/tools/internal/guard"
	"salvor.io/salvor/tools/internal/instance"
)

// TestMain lets the test program be the guard and the server as well, as the
// real program is: guard runs itself.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		var err error
		switch os.Args[1] {
		case guard.GuardCommand:
			err = guard.Run(newSleeper)
		case guard.ServerCommand:
			err = guard.RunServer(newSleeper)
		default:
			os.Exit(m.Run())
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// sleeper is a server of one process that does nothing, or fails as asked.
type sleeper struct {
	dir    string
	Fail   bool
	Cleans string // a file to remove in Clean
}

func newSleeper(spec guard.Spec) (guard.Server, error) {
	s := &sleeper{dir: spec.Dir}
	return s, json.Unmarshal(spec.Config, s)
}

func (s *sleeper) Start(_ context.Context, group *child.Group, step func(string)) (any, error) {
	step("one step")
	if err := os.WriteFile(s.Cleans, nil, 0o600); err != nil {
		return nil, err
	}
	if s.Fail {
		return nil, errors.New("it is meant to fail")
	}
	// The shell tells its own id, and then becomes the sleep.
	if err := group.Start("sleep", nil, "/bin/sh", "-c", "echo $$ > "+s.dir+"/pid; exec sleep 1000"); err != nil {
		return nil, err
	}
	err := child.Poll(group.Context(), "the sleep", func(context.Context) (bool, error) {
		_, err := pidIn(s.dir)
		return err == nil, err
	})
	return map[string]string{"dir": s.dir}, err
}

func (s *sleeper) Clean() error { return os.RemoveAll(s.Cleans) }

func pidIn(dir string) (pid int, err error) {
	raw, err := os.ReadFile(filepath.Join(dir, "pid"))
	if err != nil {
		return 0, err
	}
	_, err = fmt.Sscan(string(raw), &pid)
	return pid, err
}

func newSpec(t *testing.T, s sleeper) guard.Spec {
	t.Helper()
	base := t.TempDir()
	inst, err := instance.New(filepath.Join(base, "run"), instance.Kube, "x")
	if err != nil {
		t.Fatal(err)
	}
	s.Cleans = filepath.Join(base, "outside")
	config, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := guard.Down(context.Background(), newSleeper, inst); err != nil {
			t.Error(err)
		}
	})
	return guard.Spec{Instance: inst, Dir: inst.DefaultDir(), Config: config}
}

func up(t *testing.T, spec guard.Spec) (sleepPID int) {
	t.Helper()
	if _, err := guard.Up(t.Context(), newSleeper, spec, func(string) {}); err != nil {
		t.Fatal(err)
	}
	pid, err := pidIn(spec.Dir)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// eventually waits for what another process does.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for range 500 {
		if is() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("not after 5 s: %s", what)
}

// checkGone checks that nothing of an instance is left.
func checkGone(t *testing.T, spec guard.Spec, sleepPID int) {
	t.Helper()
	eventually(t, "its process is gone", func() bool { return instance.StartTime(sleepPID) == "" })
	var s sleeper
	if err := json.Unmarshal(spec.Config, &s); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{spec.Dir, s.Cleans} {
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s is still there", path)
		}
	}
	if _, ok, err := spec.Instance.Read(); ok || err != nil {
		t.Errorf("its state is still there: %v, %v", ok, err)
	}
}

func TestUpTwiceIsOne(t *testing.T) {
	spec := newSpec(t, sleeper{})
	var steps []string
	first, err := guard.Up(t.Context(), newSleeper, spec, func(s string) { steps = append(steps, s) })
	if err != nil {
		t.Fatal(err)
	}
	pid, err := pidIn(spec.Dir)
	if err != nil {
		t.Fatal(err)
	}
	second, err := guard.Up(t.Context(), newSleeper, spec, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	if string(first) != string(second) || len(steps) != 1 {
		t.Errorf("got results %s and %s, steps %v; want the same and one step", first, second, steps)
	}
	other := spec
	other.Config = json.RawMessage(`{"Fail":true}`)
	if _, err := guard.Up(t.Context(), newSleeper, other, func(string) {}); err == nil || !strings.Contains(err.Error(), "other options") {
		t.Errorf("joining with other options: got %v", err)
	}
	for range 2 {
		if err := guard.Down(t.Context(), newSleeper, spec.Instance); err != nil {
			t.Fatal(err)
		}
	}
	checkGone(t, spec, pid)
}

func TestFailureIsTold(t *testing.T) {
	spec := newSpec(t, sleeper{Fail: true})
	_, err := guard.Up(t.Context(), newSleeper, spec, func(string) {})
	if err == nil || !strings.Contains(err.Error(), "meant to fail") {
		t.Errorf("got %v, want the server's own words", err)
	}
	checkGone(t, spec, 0)
}

func TestDirectoryOfSomebodyElseIsLeftAlone(t *testing.T) {
	spec := newSpec(t, sleeper{})
	spec.Dir = t.TempDir()
	precious := filepath.Join(spec.Dir, "precious")
	if err := os.WriteFile(precious, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := guard.Up(t.Context(), newSleeper, spec, func(string) {}); err == nil {
		t.Error("a directory with files in it was taken")
	}
	if err := guard.Down(t.Context(), newSleeper, spec.Instance); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(precious); err != nil {
		t.Errorf("the file is gone: %v", err)
	}
}

func TestItGoesWithTheProcessItLivesFor(t *testing.T) {
	watched := exec.Command("sleep", "1000")
	if err := watched.Start(); err != nil {
		t.Fatal(err)
	}
	spec := newSpec(t, sleeper{})
	spec.WatchPID = watched.Process.Pid
	pid := up(t, spec)
	if err := watched.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the guard let go", func() bool { return !spec.Instance.Held() })
	checkGone(t, spec, pid)
}

func TestItGoesWhenItsProcessDies(t *testing.T) {
	spec := newSpec(t, sleeper{})
	pid := up(t, spec)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the guard let go", func() bool { return !spec.Instance.Held() })
	state, ok, err := spec.Instance.Read()
	if !ok || err != nil || state.Phase != instance.Failed || !strings.Contains(state.Error, "sleep ended: signal: killed") {
		t.Errorf("state %+v, ok %v, error %v; want failed, with the reason", state, ok, err)
	}
	pid = up(t, spec) // what is left is no obstacle
	if err := guard.Down(t.Context(), newSleeper, spec.Instance); err != nil {
		t.Fatal(err)
	}
	checkGone(t, spec, pid)
}

func TestAKilledGuardLeavesNoProcess(t *testing.T) {
	spec := newSpec(t, sleeper{})
	pid := up(t, spec)
	state, _, err := spec.Instance.Read()
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(state.Guard, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "its process is gone", func() bool { return instance.StartTime(pid) == "" })
	// The process goes with the guard's thread that started it, the lock with the last of its threads.
	eventually(t, "the guard let go", func() bool { return !spec.Instance.Held() })
	next := up(t, spec) // cleans up what the killed one left, and starts anew
	if next == pid {
		t.Errorf("the same process %d twice", pid)
	}
}

func TestSweepTakesWhatNobodyWillAskFor(t *testing.T) {
	watched := exec.Command("sleep", "1000")
	if err := watched.Start(); err != nil {
		t.Fatal(err)
	}
	spec := newSpec(t, sleeper{})
	left := instance.State{Kind: instance.Kube, Name: "x", Dir: spec.Dir, Phase: instance.Failed, Config: spec.Config,
		Watch: watched.Process.Pid, WatchStart: instance.StartTime(watched.Process.Pid)}
	if err := spec.Instance.Write(left); err != nil {
		t.Fatal(err)
	}
	for _, alive := range []bool{true, false} {
		if !alive {
			if err := watched.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = watched.Wait()
		}
		if err := guard.Sweep(newSleeper, spec.Instance.Run, instance.Kube); err != nil {
			t.Fatal(err)
		}
		if _, ok, err := spec.Instance.Read(); ok != alive || err != nil {
			t.Errorf("the process it lived for is there: %v; its state is there: %v (%v)", alive, ok, err)
		}
	}
}

func TestGivingUpTakesItDown(t *testing.T) {
	spec := newSpec(t, sleeper{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // before it can be ready
	if _, err := guard.Up(ctx, newSleeper, spec, func(string) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was canceled", err)
	}
	checkGone(t, spec, 0)
}
