package function

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// process is one execution environment.
type process struct {
	f      *Function
	cmd    *exec.Cmd
	server *http.Server
	// work are invocations on their way to it, ready tells that it has asked for one.
	work  chan invocation
	ready chan struct{}
	gone  chan struct{}
	// failed is what it said at init/error.
	failed chan string
}

// invocation is one piece of work and where its answer goes.
type invocation struct {
	Options
	payload  []byte
	deadline time.Time
	answer   chan Result
}

// start runs the bootstrap and waits until it asks for work.
func (f *Function) start(ctx context.Context, n int) (*process, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &process{f: f, work: make(chan invocation), ready: make(chan struct{}, 1), gone: make(chan struct{}), failed: make(chan string, 1)}
	p.server = &http.Server{Handler: p.api(), ReadHeaderTimeout: 10 * time.Second}
	go p.server.Serve(listener) //nolint:errcheck // it ends when it is closed
	p.cmd = exec.Command(filepath.Join(f.Dir, "bootstrap"))
	p.cmd.Dir = f.Dir
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p.cmd.Env = f.environment(listener.Addr().String(), n)
	out, in := io.Pipe()
	p.cmd.Stdout, p.cmd.Stderr = in, in
	go p.logs(out)
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(err, p.server.Close())
	}
	go func() {
		_ = p.cmd.Wait() // why it ended is in its log
		in.Close()
		p.server.Close()
		close(p.gone)
	}()
	return p, p.awaitReady(ctx)
}

// awaitReady waits until the process asks for work the first time.
func (p *process) awaitReady(ctx context.Context) error {
	select {
	case <-p.ready:
		p.ready <- struct{}{}
		return nil
	case why := <-p.failed:
		p.kill()
		return fmt.Errorf("Runtime.InitError: %s", why)
	case <-p.gone:
		return errors.New("Runtime.ExitError: it ended before it asked for work; its log says why")
	case <-time.After(initLimit):
		p.kill()
		return errors.New("Sandbox.Timedout: it did not ask for work in 10 s")
	case <-ctx.Done():
		p.kill()
		return ctx.Err()
	}
}

// environment is what Lambda gives to every function, and what the template gives to this one.
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
func (f *Function) environment(api string, n int) []string {
	env := []string{
		"AWS_LAMBDA_RUNTIME_API=" + api, "AWS_LAMBDA_FUNCTION_NAME=" + f.Name, "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		fmt.Sprintf("AWS_LAMBDA_LOG_STREAM_NAME=local/%d", n), "_HANDLER=bootstrap", "LAMBDA_TASK_ROOT=" + f.Dir,
		"TZ=:UTC", "LANG=en_US.UTF-8", "PATH=/usr/local/bin:/usr/bin:/bin",
	}
	for k, v := range f.Env {
		env = append(env, k+"="+v)
	}
	return env
}

func (p *process) logs(r io.Reader) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		p.f.Log(lines.Text())
	}
}

func (p *process) alive() bool {
	select {
	case <-p.gone:
		return false
	default:
		return true
	}
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.gone
}

// invoke hands over one invocation and waits for its answer, or for its end.
func (p *process) invoke(ctx context.Context, o Options, payload []byte) Result {
	begin := time.Now()
	i := invocation{Options: o, payload: payload, deadline: begin.Add(o.Timeout), answer: make(chan Result, 1)}
	timer := time.NewTimer(o.Timeout)
	defer timer.Stop()
	end := func(r Result) Result {
		r.RequestID, r.Duration = o.RequestID, time.Since(begin)
		return r
	}
	for work := p.work; ; {
		select {
		case work <- i:
			work = nil
		case r := <-i.answer:
			return end(r)
		case <-p.gone:
			return end(fault("Runtime.ExitError", "RequestId: %s Error: Runtime exited", o.RequestID))
		case <-timer.C:
			p.kill()
			return end(fault("Sandbox.Timedout", "RequestId: %s Error: Task timed out after %.2f seconds", o.RequestID, o.Timeout.Seconds()))
		case <-ctx.Done():
			p.kill()
			return end(fault("Host.Stopped", "the test ended"))
		}
	}
}

func fault(kind, format string, args ...any) Result {
	return Result{Error: kind, Payload: fmt.Appendf(nil, `{"errorType":%q,"errorMessage":%q}`, kind, fmt.Sprintf(format, args...))}
}
