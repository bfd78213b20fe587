package rule

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
)

// held is a background command in one pod.
type held struct {
	target Target
	action salvor.Action
	result *PodResult
	// ends is when it ends by itself.
	ends   time.Time
	cancel context.CancelFunc
	// giveUp keeps it from beginning.
	giveUp context.CancelFunc
	input  *io.PipeWriter

	mu             sync.Mutex
	stdout, stderr tail
	told           chan struct{} // closed before it begins
	ready          chan struct{}
	done           chan struct{}
	err            error // once done is closed
	badly          error // once it has been told to end: that it failed to do so well
}

// hold begins a background command and returns when it is ready.
func (r *run) hold(ctx context.Context, a salvor.Action, t Target, p *PodResult) error {
	*p = result(t, "")
	p.StartedAt = r.now()
	where, inspected := r.places[t]
	if !inspected {
		err := salvor.Errorf(salvor.Conflict, "pod %s/%s was not there when the rule was checked, and can't have a background command now", t.Namespace, t.Pod)
		p.Error = err.Error()
		return err
	}
	life := a.Background.Lifetime.Duration
	if life <= 0 {
		life = r.req.MaxFreeze + lifeAfter
	}
	h := &held{target: t, action: a, result: p, ends: r.Now().Add(life), told: make(chan struct{}), ready: make(chan struct{}), done: make(chan struct{})}
	r.heldMu.Lock()
	n := len(r.held)
	r.held = append(r.held, h)
	r.heldMu.Unlock()
	h.start(ctx, r, where, n, life)
	bounded, cancel := context.WithTimeoutCause(ctx, a.Timeout.Duration, fmt.Errorf("not ready after %v", a.Timeout.Duration))
	defer cancel()
	err := h.awaitReady(bounded, r)
	p.ReadyAfter = metav1.Duration{Duration: r.Now().Sub(p.StartedAt.Time)}
	if err != nil {
		err = fail(t, ended(ctx, bounded, err), h.said(), true)
		p.Error = err.Error()
	}
	return err
}

// start sends the command. Its connection outlives ctx: it ends when the command is told to.
func (h *held) start(ctx context.Context, r *run, where place, n int, life time.Duration) {
	ctx, h.cancel = context.WithCancel(context.WithoutCancel(ctx))
	open, input := io.Pipe()
	h.input = input
	text, lines := inputText(h.action.Stdin)
	file, mark, line := "", "", h.action.Shell
	if strings.Contains(line, salvor.WaitCommand) {
		var program string
		file, program = where.waitFile(h.target, n, r.Now())
		mark = "salvor: ready " + file
		line = strings.ReplaceAll(line, salvor.WaitCommand, program)
	}
	k := keep{hold: true, lifetime: life, wait: file, mark: mark}
	req := cluster.ExecRequest{Namespace: h.target.Namespace, Pod: h.target.Pod, Container: h.target.Container,
		Command: feeding(lines, k, argv(line, h.action.Command, h.action.Env)),
		Stdout:  &watched{h: h, to: &h.stdout, wants: h.action.Background.ReadyLine},
		Stderr:  &watched{h: h, to: &h.stderr, wants: mark, drops: mark != ""}}
	begin, giveUp := context.WithTimeout(ctx, h.action.Timeout.Duration)
	h.giveUp = giveUp
	go func() {
		defer close(h.done)
		h.err = r.greeted(ctx, begin, func() { close(h.told) }, req, strings.NewReader(text), open, strings.NewReader("end\n"))
		open.Close()
		for _, w := range []io.Writer{req.Stdout, req.Stderr} {
			w.(*watched).flush()
		}
	}()
}

// errEarly is a background command that ended before it was told to.
var errEarly = errors.New("the background command ended before it was told to")

// awaitReady returns when the command has begun and says that it is ready, or its probe does.
func (h *held) awaitReady(ctx context.Context, r *run) error {
	if err := h.await(ctx, h.told, nil); err != nil {
		return err
	}
	probe := make(chan struct{})
	if h.action.Background.Ready != nil {
		asking, stop := context.WithCancel(ctx)
		var wait sync.WaitGroup
		defer wait.Wait()
		defer stop()
		wait.Go(func() {
			for r.ask(asking, *h.action.Background.Ready, h.action.Env, h.target) != nil {
				select {
				case <-asking.Done():
					return
				case <-time.After(probePause):
				}
			}
			close(probe)
		})
	}
	return h.await(ctx, h.ready, probe)
}

// await returns when one of two things has happened, or the command has ended, or ctx has.
func (h *held) await(ctx context.Context, one, other <-chan struct{}) error {
	select {
	case <-one:
	case <-other:
	case <-h.done:
		if !errors.Is(h.err, errLate) {
			return h.early()
		}
		<-ctx.Done() // it had as long to begin
		return context.Cause(ctx)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// early is why a command is not up any more.
func (h *held) early() error {
	if h.err != nil {
		return fmt.Errorf("%w: %w", errEarly, h.err)
	}
	return errEarly
}

// lost is gone, of a command whose failure is not passed over.
func (h *held) lost(now time.Time) error {
	if h.action.OnError == salvor.OnErrorContinue {
		return nil
	}
	return h.gone(now)
}

// gone returns an error when the command is not up any more, or may not be: it is past its time.
func (h *held) gone(now time.Time) error {
	select {
	case <-h.done:
		return fail(h.target, h.early(), h.said(), true)
	default:
	}
	if !now.Before(h.ends) {
		return fail(h.target, fmt.Errorf("the background command has lived for its whole lifetime"), h.said(), true)
	}
	return nil
}

// end tells the command to end, and waits until it has.
func (h *held) end(r *run) error {
	h.giveUp()
	h.input.Close()
	var err error
	select {
	case <-h.done:
	case <-time.After(endTime):
		err = salvor.Errorf(salvor.Unavailable, "%w", fail(h.target,
			fmt.Errorf("the background command did not end when it was told to, and may hold the application until %s", h.ends.UTC().Format(time.RFC3339)), "", false))
	}
	h.cancel()
	<-h.done
	p := h.result
	h.mu.Lock()
	p.output(&h.stdout, &h.stderr, h.action.Env)
	h.mu.Unlock()
	p.Duration = metav1.Duration{Duration: r.Now().Sub(p.StartedAt.Time)}
	if exit := new(cluster.ExitError); h.err == nil || errors.As(h.err, &exit) {
		p.ExitCode = &exit.Code
	}
	if errors.Is(h.err, cluster.ErrLost) && !errors.Is(h.err, errLate) && err == nil {
		err = salvor.Errorf(salvor.Unavailable, "%w", fail(h.target,
			fmt.Errorf("how the background command ended is not known: %w; it ends by itself at %s at the latest", h.err, h.ends.UTC().Format(time.RFC3339)), "", true))
	}
	switch {
	case p.Error != "":
	case err != nil:
		p.Error = err.Error()
	case p.ExitCode != nil && !slices.Contains(wellEnded, *p.ExitCode):
		h.badly = fail(h.target, fmt.Errorf("the background command was ready and ended badly: %w", h.err), p.Stderr, true)
		p.Error = h.badly.Error()
	}
	return err
}

// wellEnded are the exit codes of a background command that need no remark: it ended by itself, or by TERM or KILL of fed.
var wellEnded = []int{0, 128 + int(syscall.SIGTERM), 128 + int(syscall.SIGKILL)}

// said is what the command wrote to standard error so far.
func (h *held) said() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.stderr.text()
}
