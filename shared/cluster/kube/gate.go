package kube

import (
	"io"
	"sync"
)

// gate passes writes on until it is closed, and drops them from then on. client-go may still copy output when it
// has returned because of its context: the caller's writer is the caller's again then.
type gate struct {
	mu  sync.Mutex
	w   io.Writer // nil: dropped
	err error
}

// Write never fails: a command must not break because nobody takes its output.
func (g *gate) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.w != nil {
		if _, g.err = g.w.Write(p); g.err != nil {
			g.w = nil
		}
	}
	return len(p), nil
}

// close returns the first error of the writer behind it.
func (g *gate) close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.w = nil
	return g.err
}
