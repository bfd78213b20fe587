package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
)

// Protocol is how an exec is spoken.
//
// SPDY reaches the container runtime end to end, so that a missing final status shows a lost connection. Kubernetes has
// WebSocket in two versions. v4.channel.k8s.io reaches the container runtime too, but has no way to tell a command that
// its input has ended. v5.channel.k8s.io has one, but ends at the API server, from Kubernetes 1.36 at kubelet, which goes
// on over SPDY and reports success when the connection behind it breaks
// (https://github.com/kubernetes/kubectl/issues/1726). So v5 is spoken only to a command that waits for the end of its
// input, and for that one over WebSocket alone a lost connection between API server and node can pass for a success.
//
// A command begins when its streams are open, over SPDY when the client has opened them, over WebSocket with the answer. A node
// that hangs there may begin it when it goes on, long after it was given up. A command that must not has to say that it runs,
// and to wait for an answer.
type Protocol string

const (
	// SPDY is version 3.1, deprecated and understood by every API server.
	SPDY Protocol = "SPDY/3.1"
	// WebSocket begins with a GET: it takes the right to get pods/exec, besides that to create it.
	WebSocket Protocol = "WebSocket"
)

// ExecBy returns a client that speaks exec by this protocol only.
func (c *Client) ExecBy(p Protocol) *Client {
	return &Client{config: c.config, rest: c.rest, protocol: p}
}

// connection is an exec that was asked for.
type connection interface {
	// open returns one of the streams, which are opened in the order of their names here.
	open(name string) (io.ReadWriteCloser, error)
	Close() error
}

// errBlocked is a protocol that something on the way to the API server did not let through.
var errBlocked = errors.New("not let through")

// connect asks the API server for a connection to the container: by SPDY first, or by what was let through last. Its
// errors are those of Exec.
func (c *Client) connect(ctx context.Context, r cluster.ExecRequest) (connection, error) {
	dial := map[Protocol]func(context.Context, cluster.ExecRequest) (connection, error){SPDY: c.dialSPDY, WebSocket: c.dialWebSocket}
	var failed error
	for _, p := range c.protocols(r) {
		conn, err := dial[p](ctx, r)
		if err == nil {
			c.webSocketFirst.Store(p == WebSocket)
			return conn, nil
		}
		if errors.Is(err, cluster.ErrLost) {
			return nil, err
		}
		if failed != nil {
			failed = fmt.Errorf("%w; %w", failed, err)
			break
		}
		if failed = err; !errors.Is(err, errBlocked) {
			break
		}
	}
	return nil, fmt.Errorf("%w: %w", cluster.ErrNotStarted, failed)
}

// protocols are those that may be spoken, in the order to try them.
func (c *Client) protocols(r cluster.ExecRequest) []Protocol {
	if c.protocol != "" {
		return []Protocol{c.protocol}
	}
	all := []Protocol{SPDY, WebSocket}
	if c.webSocketFirst.Load() && !waitsForEnd(r) {
		slices.Reverse(all)
	}
	return all
}

// waitsForEnd reports whether the command has to be told that its input has ended.
func waitsForEnd(r cluster.ExecRequest) bool { return r.Stdin != nil && !r.StdinStays }

// block says that a protocol did not get to the API server, and what there was instead.
func block(p Protocol, what string, args ...any) error {
	return salvor.Errorf(salvor.Unavailable, "%s was %w: "+what, append([]any{p, errBlocked}, args...)...).
		WithHint("a proxy or load balancer between here and the API server may not let it pass")
}
