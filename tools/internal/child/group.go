// Package child runs the processes of an instance and ends them.
//
// A group holds child processes. When one that should stay ends, the group's
// context ends with it, and the cause carries the tail of its log. The children
// die with the process that started them, even if that one is killed.
package child

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
)

// Group is a set of running processes. Make it with New.
type Group struct {
	logs   string
	ctx    context.Context
	cancel context.CancelCauseFunc
	mu     sync.Mutex
	procs  []*process
}

type process struct {
	name string
	cmd  *exec.Cmd
	gone chan struct{}
}

// New returns an empty group whose logs go to files in the directory logs.
func New(ctx context.Context, logs string) *Group {
	ctx, cancel := context.WithCancelCause(ctx)
	return &Group{logs: logs, ctx: ctx, cancel: cancel}
}

// Context ends when the group is stopped or one of its processes ends.
func (g *Group) Context() context.Context { return g.ctx }

// Start runs a program until the group is stopped. Its output goes to the log
// <name>.log. env is added to the environment.
func (g *Group) Start(name string, env []string, path string, args ...string) error {
	log, err := os.OpenFile(g.log(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("opening the log of %s: %w", name, err)
	}
	defer log.Close()
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := start(cmd); err != nil {
		return fmt.Errorf("starting %s: %w", name, err)
	}
	p := &process{name: name, cmd: cmd, gone: make(chan struct{})}
	g.mu.Lock()
	g.procs = append(g.procs, p)
	g.mu.Unlock()
	go g.watch(p)
	return nil
}

func (g *Group) watch(p *process) {
	err := p.cmd.Wait()
	if err == nil {
		err = fmt.Errorf("exit status 0")
	}
	close(p.gone)
	g.cancel(fmt.Errorf("%s ended: %w\n%s", p.name, err, Tail(g.log(p.name), tailLines)))
}

// Run runs a program to its end; what it printed is in the error. It is killed
// when the group ends.
func (g *Group) Run(env []string, path string, args ...string) error {
	cmd := exec.CommandContext(g.ctx, path, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := start(cmd)
	if err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		return fmt.Errorf("running %s: %w\n%s", filepath.Base(path), err, out.Bytes())
	}
	return nil
}

// Stop kills every process, the youngest first, and returns when all are gone.
// Nothing here outlives its instance, so nothing is given time to save.
func (g *Group) Stop() {
	g.cancel(context.Canceled)
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := len(g.procs) - 1; i >= 0; i-- {
		// The whole process group; it may be gone already.
		_ = syscall.Kill(-g.procs[i].cmd.Process.Pid, syscall.SIGKILL)
	}
	for _, p := range g.procs {
		<-p.gone
	}
}

func (g *Group) log(name string) string { return filepath.Join(g.logs, name+".log") }
