package guard

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"salvor.io/salvor/tools/internal/instance"
)

// lockFD is the instance's lock, taken by `up` and handed on: it is open, and so
// held, exactly as long as the guard lives.
const lockFD = 3

// stopGrace is how long the server may take to end its processes.
const stopGrace = 15 * time.Second

type guard struct {
	spec   Spec
	server Server
	state  instance.State
}

// Run is the guard process. It reads its spec from stdin, whose other end `up`
// keeps open until the instance is ready.
func Run(make Factory) error {
	// The server is killed when the thread that starts it ends: that must not
	// happen before the guard ends.
	runtime.LockOSThread()
	syscall.CloseOnExec(lockFD)
	in := bufio.NewReader(os.Stdin)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("reading the spec: %w", err)
	}
	g := &guard{}
	if err := json.Unmarshal(line, &g.spec); err != nil {
		return fmt.Errorf("decoding the spec: %w", err)
	}
	if g.server, err = make(g.spec); err != nil {
		return err
	}
	g.state = instance.State{
		Kind: g.spec.Instance.Kind, Name: g.spec.Instance.Name, Dir: g.spec.Dir, Phase: instance.Starting,
		Guard: os.Getpid(), GuardStart: instance.StartTime(os.Getpid()), Config: g.spec.Config,
		Watch: g.spec.WatchPID, WatchStart: instance.StartTime(g.spec.WatchPID),
	}
	if err := g.spec.Instance.Write(g.state); err != nil {
		return err
	}
	reason := g.live(in)
	return g.end(reason)
}

// live runs the server until there is a reason to end. nil is: somebody asked.
func (g *guard) live(starter io.Reader) error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	watched, err := watch(g.spec.WatchPID)
	if err != nil {
		return err
	}
	cmd, events, err := g.start()
	if err != nil {
		return err
	}
	defer g.stop(cmd)
	abandoned := ended(starter)
	for {
		select {
		case <-signals:
			return nil
		case <-watched:
			return nil
		case <-abandoned:
			if g.state.Phase != instance.Ready {
				return nil
			}
			abandoned = nil
		case e, ok := <-events:
			if !ok {
				return errors.New("the server process ended without a word; see its log")
			}
			if e.Error != "" {
				return errors.New(e.Error)
			}
			if err := g.note(e); err != nil {
				return err
			}
		}
	}
}

func (g *guard) note(e event) error {
	if e.Step != "" {
		g.state.Steps = append(g.state.Steps, e.Step)
	}
	if e.Result != nil {
		g.state.Phase, g.state.Result = instance.Ready, e.Result
	}
	return g.spec.Instance.Write(g.state)
}

// start runs the server process and returns its events.
func (g *guard) start() (*exec.Cmd, <-chan event, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, fmt.Errorf("finding this program: %w", err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, fmt.Errorf("making the event pipe: %w", err)
	}
	defer w.Close()
	log, err := os.OpenFile(filepath.Join(g.spec.Dir, "logs", "server.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("opening the server's log: %w", err)
	}
	defer log.Close()
	spec, err := specFile(g.spec)
	if err != nil {
		return nil, nil, err
	}
	defer spec.Close()
	cmd := exec.Command(self, ServerCommand)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = spec, log, log, []*os.File{w}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if g.spec.Isolate {
		cmd.Args[1] = InitCommand
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWPID | syscall.CLONE_NEWNS
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, fmt.Errorf("starting the server: %w", err)
	}
	return cmd, readEvents(r), nil
}

// specFile returns a pipe from which the spec can be read; it is far smaller
// than what a pipe holds.
func specFile(spec Spec) (*os.File, error) {
	raw, err := json.Marshal(spec)
	if err != nil {
		return nil, fmt.Errorf("encoding the spec: %w", err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("making the spec pipe: %w", err)
	}
	defer w.Close()
	if _, err := w.Write(raw); err != nil {
		return nil, fmt.Errorf("handing over the spec: %w", err)
	}
	return r, nil
}

// stop ends the server process and all it started. Process 1 of a namespace
// takes everything with it; otherwise the server ends its processes itself.
func (g *guard) stop(cmd *exec.Cmd) {
	gone := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended was an event already
		close(gone)
	}()
	if !g.spec.Isolate {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-gone:
			return
		case <-time.After(stopGrace):
		}
	}
	_ = cmd.Process.Kill()
	<-gone
}

// end cleans up, and leaves a state file only to tell why the instance failed.
func (g *guard) end(reason error) error {
	err := errors.Join(reason, g.server.Clean(), removeDir(g.spec.Dir))
	if err == nil {
		return g.spec.Instance.Remove()
	}
	g.state.Phase, g.state.Error, g.state.Result = instance.Failed, err.Error(), nil
	return errors.Join(err, g.spec.Instance.Write(g.state))
}
