// Package function runs Lambda functions as Lambda does: the bootstrap of a package as a process, which asks the Runtime
// API for invocations, one at a time, has its deadline, and is killed when that is over.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
package function

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
)

// The limits of Lambda, in bytes and seconds.
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const (
	MaxSync   = 6 << 20
	MaxAsync  = 1 << 20
	initLimit = 10 * time.Second
)

// Function is one deployed function. It is safe for concurrent use: each invocation has a process to itself, which
// serves another one when it is done.
type Function struct {
	Name, ARN string
	// Dir holds the bootstrap; Env is all of the process's environment.
	Dir string
	Env map[string]string
	// Timeout ends an invocation.
	Timeout time.Duration
	// Log gets each line that a process writes.
	Log func(line string)

	mu   sync.Mutex
	idle []*process
	all  []*process
	// cold counts the processes that were started.
	cold int
}

// Result is what came of an invocation.
type Result struct {
	RequestID string
	Payload   []byte
	// Error is the type of the function's error, as Lambda names it: Sandbox.Timedout, Runtime.ExitError, or the one that
	// the function said; "" when there was none.
	Error    string
	Duration time.Duration
}

// Err is the error of the invocation, for tests and for callers like Step Functions.
func (r Result) Err() error {
	if r.Error == "" {
		return nil
	}
	return fmt.Errorf("%s: %s", r.Error, r.Payload)
}

// Options are those of one invocation.
type Options struct {
	// RequestID is Lambda's; made up when empty. A retry has the same.
	RequestID string
	// Timeout is shorter than the function's, for tests of deadlines; 0: the function's.
	Timeout time.Duration
}

// Invoke runs the function with the payload and waits for its answer. An error is one of the host.
func (f *Function) Invoke(ctx context.Context, payload []byte, o Options) (Result, error) {
	if len(payload) > MaxSync {
		return Result{}, fmt.Errorf("RequestEntityTooLargeException: %d bytes", len(payload))
	}
	if !json.Valid(payload) {
		return Result{}, errors.New("InvalidRequestContentException: the payload is not JSON")
	}
	if o.RequestID == "" {
		o.RequestID = uuid.NewString()
	}
	if o.Timeout == 0 {
		o.Timeout = f.Timeout
	}
	p, err := f.take(ctx)
	if err != nil {
		return Result{}, err
	}
	r := p.invoke(ctx, o, payload)
	if p.alive() {
		f.mu.Lock()
		f.idle = append(f.idle, p)
		f.mu.Unlock()
	}
	if len(r.Payload) > MaxSync {
		r.Error, r.Payload = "Function.ResponseSizeTooLarge", fmt.Appendf(nil, `{"errorMessage":"%d bytes"}`, len(r.Payload))
	}
	r.Payload = bytes.TrimSpace(r.Payload)
	return r, nil
}

// take returns an idle process, or a new one.
func (f *Function) take(ctx context.Context) (*process, error) {
	f.mu.Lock()
	for len(f.idle) > 0 {
		p := f.idle[len(f.idle)-1]
		f.idle = f.idle[:len(f.idle)-1]
		if p.alive() {
			f.mu.Unlock()
			return p, nil
		}
	}
	f.cold++
	n := f.cold
	f.mu.Unlock()
	p, err := f.start(ctx, n)
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", f.Name, err)
	}
	f.mu.Lock()
	f.all = append(f.all, p)
	f.mu.Unlock()
	return p, nil
}

// Kill ends every process of the function at once, as when its machine is lost.
func (f *Function) Kill() {
	f.mu.Lock()
	all := f.all
	f.all, f.idle = nil, nil
	f.mu.Unlock()
	for _, p := range all {
		p.kill()
	}
}
