package databases_test

import (
	"bytes"
	"os/exec"
	"syscall"
	"testing"
)

// process is Salvor at work.
type process struct {
	*testing.T
	cmd *exec.Cmd
	out bytes.Buffer
}

func (p *process) start() {
	p.Helper()
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		p.Fatal(err)
	}
}

// signal sends it a signal, and waits for its end if that is what the signal is for.
func (p *process) signal(s syscall.Signal) {
	p.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.Fatal(err)
	}
	if s == syscall.SIGKILL {
		_ = p.cmd.Wait()
	}
}
