package guard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"salvor.io/salvor/tools/internal/instance"
)

// followEvery is how often `up` looks at the state of what is starting.
const followEvery = 20 * time.Millisecond

// Up brings the instance up, or joins one that is up or on its way with the
// same options, and returns its result. Steps go to progress.
func Up(ctx context.Context, make Factory, spec Spec, progress func(string)) (json.RawMessage, error) {
	lock, err := spec.Instance.TryLock()
	if errors.Is(err, instance.ErrHeld) {
		return follow(ctx, spec, progress)
	}
	if err != nil {
		return nil, err
	}
	starter, err := launch(make, spec, lock)
	lock.Close() // the guard has it now, or nobody
	if err != nil {
		return nil, err
	}
	defer starter.Close()
	result, err := follow(ctx, spec, progress)
	if ctx.Err() != nil {
		starter.Close() // the guard gives up
		return nil, errors.Join(err, Down(context.WithoutCancel(ctx), make, spec.Instance))
	}
	return result, err
}

// launch cleans up what was left behind and starts the guard. The returned pipe
// must stay open until the instance is ready.
func launch(make Factory, spec Spec, lock *os.File) (io.WriteCloser, error) {
	if err := cleanStale(make, spec.Instance); err != nil {
		return nil, err
	}
	if err := makeDir(spec.Dir); err != nil {
		return nil, err
	}
	state := instance.State{Kind: spec.Instance.Kind, Name: spec.Instance.Name, Dir: spec.Dir, Phase: instance.Starting, Config: spec.Config}
	if err := spec.Instance.Write(state); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("making the starter pipe: %w", err)
	}
	defer r.Close()
	log, err := os.OpenFile(spec.Dir+"/logs/guard.log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the guard's log: %w", err)
	}
	defer log.Close()
	// A file that the caller left open must not stay open for as long as the guard.
	if err := unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return nil, fmt.Errorf("closing inherited files: %w", err)
	}
	cmd := exec.Command(self, GuardCommand)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = r, log, log, []*os.File{lock}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Dir = "/"
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the guard: %w", err)
	}
	go cmd.Wait() // reaped if it ends while this process lives
	if err := json.NewEncoder(w).Encode(spec); err != nil {
		return nil, fmt.Errorf("handing the spec to the guard: %w", err)
	}
	return w, nil
}

// follow shows the steps of an instance that another process is starting, until
// it is ready or gone.
func follow(ctx context.Context, spec Spec, progress func(string)) (json.RawMessage, error) {
	shown := 0
	for {
		held := spec.Instance.Held() // before the state, which is written first
		state, ok, err := spec.Instance.Read()
		if err != nil {
			return nil, err
		}
		for ; shown < len(state.Steps); shown++ {
			progress(state.Steps[shown])
		}
		switch {
		case ok && string(state.Config) != string(spec.Config):
			return nil, fmt.Errorf("%s is running with other options: take it down first, or use another name", spec.Instance.Name)
		case held && state.Phase == instance.Ready:
			return state.Result, nil
		case !held && state.Phase == instance.Failed:
			return nil, errors.Join(errors.New(state.Error), spec.Instance.Remove())
		case !held:
			return nil, fmt.Errorf("%s was taken down while it was starting", spec.Instance.Name)
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(followEvery):
		}
	}
}
