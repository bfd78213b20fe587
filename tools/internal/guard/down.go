package guard

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"salvor.io/salvor/tools/internal/instance"
)

// downLimit is how long a guard may take to clean up before it is killed.
const downLimit = 60 * time.Second

// Down takes the instance down and returns when nothing of it is left. It is no
// error if it isn't up.
func Down(ctx context.Context, make Factory, inst instance.Instance) error {
	if err := signalGuard(ctx, inst, syscall.SIGTERM); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, downLimit)
	defer cancel()
	lock, err := inst.Lock(limited)
	if err != nil {
		// Its children die with it; what it should have cleaned is cleaned below.
		if err := signalGuard(ctx, inst, syscall.SIGKILL); err != nil {
			return err
		}
		if lock, err = inst.Lock(ctx); err != nil {
			return err
		}
	}
	defer lock.Close()
	return cleanStale(make, inst)
}

// signalGuard signals the guard, if there is one. One that is just being
// started has not written its id yet: it is waited for.
func signalGuard(ctx context.Context, inst instance.Instance, sig syscall.Signal) error {
	for inst.Held() {
		state, _, err := inst.Read()
		if err != nil {
			return err
		}
		if state.GuardAlive() {
			if err := syscall.Kill(state.Guard, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("signalling the guard of %s: %w", inst.Name, err)
			}
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(followEvery):
		}
	}
	return nil
}

// Sweep cleans up after the instances of a kind that failed, or whose guard was
// killed, when the process they lived for is gone too. Others it leaves alone:
// somebody may still ask what became of them.
func Sweep(make Factory, run string, kind instance.Kind) error {
	all, err := instance.List(run, kind)
	if err != nil {
		return err
	}
	for _, inst := range all {
		state, ok, err := inst.Read()
		if err != nil || !ok || !state.Abandoned() {
			continue // a file that can't be read is for its own user to see
		}
		lock, err := inst.TryLock()
		if err != nil {
			continue // still being taken down
		}
		err = cleanStale(make, inst)
		lock.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// cleanStale removes what an instance left behind whose guard is gone. The
// caller holds the lock.
func cleanStale(make Factory, inst instance.Instance) error {
	state, ok, err := inst.Read()
	if err != nil || !ok {
		return err
	}
	server, err := make(Spec{Instance: inst, Dir: state.Dir, Config: state.Config})
	if err != nil {
		return err
	}
	if err := errors.Join(server.Clean(), removeDir(state.Dir)); err != nil {
		return fmt.Errorf("cleaning up after %s: %w", inst.Name, err)
	}
	return inst.Remove()
}
