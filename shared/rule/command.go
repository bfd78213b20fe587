package rule

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
)

// The first and the longest pause before a command that failed is run again.
const (
	againFirst = time.Second
	againMost  = 30 * time.Second
	// killTime is how long a guarded command that was left behind may still work: see ending.
	killTime = 5 * time.Second
)

// attempts runs an action in one pod until it succeeds, as often as it may.
func (r *run) attempts(ctx context.Context, a salvor.Action, t Target, p *PodResult) error {
	pause := againFirst
	for n := 1; ; n++ {
		if err := r.goOn(ctx, t, p); err != nil {
			return err
		}
		err := r.once(ctx, a, t, p)
		if n > 1 {
			p.Attempts = n
		}
		if err == nil || n > a.Retries || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(max(pause, r.untilGone())):
		}
		pause = min(2*pause, againMost)
	}
}

// once runs an action in one pod, for its time.
func (r *run) once(ctx context.Context, a salvor.Action, t Target, p *PodResult) error {
	bounded, cancel := context.WithTimeoutCause(ctx, a.Timeout.Duration, fmt.Errorf("timed out after %v", a.Timeout.Duration))
	defer cancel()
	var stdout, stderr tail
	*p = result(t, "")
	p.StartedAt = r.now()
	guarded, err := r.exec(bounded, a, t, &stdout, &stderr)
	p.Duration = metav1.Duration{Duration: r.Now().Sub(p.StartedAt.Time)}
	p.output(&stdout, &stderr, a.Env)
	if exit := new(cluster.ExitError); err == nil || errors.As(err, &exit) {
		p.ExitCode = &exit.Code
	}
	if err != nil {
		err = fail(t, ended(ctx, bounded, err), p.Stderr, guarded)
		p.Error = err.Error()
		r.left(err, guarded)
	}
	return err
}

// left notes that a command was left behind that ends soon.
func (r *run) left(err error, guarded bool) {
	if guarded && behind(err) {
		r.heldMu.Lock()
		defer r.heldMu.Unlock()
		r.goneAt = r.Now().Add(killTime)
	}
}

// untilGone is the time until nothing that was left behind works any more. What undoes it has to come later.
func (r *run) untilGone() time.Duration {
	r.heldMu.Lock()
	defer r.heldMu.Unlock()
	return r.goneAt.Sub(r.Now())
}

// exec runs a command to its end, for which ctx has a deadline. guarded says that what it started ends when the connection does.
func (r *run) exec(ctx context.Context, a salvor.Action, t Target, stdout, stderr io.Writer) (guarded bool, err error) {
	req := cluster.ExecRequest{Namespace: t.Namespace, Pod: t.Pod, Container: t.Container,
		Command: argv(a.Shell, a.Command, a.Env), Stdout: stdout, Stderr: stderr}
	text, lines := inputText(a.Stdin)
	if a.Shell == "" {
		return false, retry(ctx, unstarted, func() error {
			if text != "" {
				req.Stdin = strings.NewReader(text)
			}
			return r.Cluster.Exec(ctx, req)
		})
	}
	req.Command = shell(exported(a.Shell, a.Env))
	if lines > 0 {
		req.Command = feeding(lines, keep{}, argv(a.Shell, nil, a.Env))
	}
	return true, retry(ctx, unstarted, func() error {
		open, input := io.Pipe() // nothing comes behind the text, until the shell is to end
		defer input.Close()
		return r.greeted(ctx, ctx, func() {}, req, strings.NewReader(text), open)
	})
}

// output takes over what a command said.
func (p *PodResult) output(stdout, stderr *tail, env []salvor.EnvVar) {
	p.Stdout, p.StdoutBytes = maskValues(stdout.text(), env), stdout.total
	p.Stderr, p.StderrBytes = maskValues(stderr.text(), env), stderr.total
}
