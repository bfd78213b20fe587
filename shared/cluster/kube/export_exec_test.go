package kube

import "io"

// NewGate returns a gate and its close, for tests.
func NewGate(w io.Writer) (gated io.Writer, end func() error) {
	g := &gate{w: w}
	return g, g.close
}
