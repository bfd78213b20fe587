package kube

import (
	"context"
	"errors"
	"fmt"
	"io"

	"salvor.io/salvor/shared/cluster"
)

// Exec runs a command in a container and returns when it has ended: nil only if the cluster said that it ended with
// code 0. Other endings are
//   - *cluster.ExitError: it ended with another code;
//   - cluster.ErrNotStarted: it surely did not begin. The cause is in the chain: a *errors.StatusError when the API
//     server refused (no such pod, no such container, forbidden), otherwise what kubelet or the network said;
//   - cluster.ErrLost: it may have begun, and how it ended is not known;
//   - the cause of ctx: it was left behind. Closing an exec does not end its process.
//
// When Exec has returned, it writes to Stdout and Stderr no more; Stdin may still be in a Read. An error of Stdin is
// returned too: to the command it looks like the end of its input.
//
// It speaks SPDY, and where a proxy or a load balancer doesn't let that through, WebSocket: see Protocol. client-go's
// executor is not used: it reports success when the connection breaks (https://github.com/kubernetes/kubectl/issues/1726),
// and would bring in k8s.io/api.
func (c *Client) Exec(ctx context.Context, r cluster.ExecRequest) error {
	stdout, stderr := &gate{w: r.Stdout}, &gate{w: r.Stderr}
	done := make(chan error, 1)
	go func() { done <- c.exec(ctx, r, stdout, stderr) }()
	var err error
	select {
	case err = <-done:
	case <-ctx.Done(): // an upgrade to SPDY that isn't answered looks at no context
		err = context.Cause(ctx)
	}
	if lost := errors.Join(stdout.close(), stderr.close()); err == nil && lost != nil {
		return fmt.Errorf("taking the output of a command: %w", lost)
	}
	return err
}

func (c *Client) exec(ctx context.Context, r cluster.ExecRequest, stdout, stderr io.Writer) (err error) {
	defer func() {
		if ctx.Err() != nil && errors.Is(err, cluster.ErrLost) {
			err = context.Cause(ctx)
		}
	}()
	conn, err := c.connect(ctx, r)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	said, err := converse(conn, r.Stdin, stdout, stderr)
	if err != nil {
		return fmt.Errorf("%w: %w", cluster.ErrLost, err)
	}
	return verdict(said)
}

// execURL asks for both outputs always: kubelet refuses an exec without any stream.
func (c *Client) execURL(r cluster.ExecRequest) string {
	pods := cluster.Resource{Version: "v1", Name: "pods", Kind: "Pod", Namespaced: true}
	req := c.rest.Post().AbsPath(pods.Path(r.Namespace, r.Pod)+"/exec").
		Param("container", r.Container).Param("stdout", "true").Param("stderr", "true")
	if r.Stdin != nil {
		req.Param("stdin", "true")
	}
	for _, arg := range r.Command {
		req.Param("command", arg)
	}
	return req.URL().String()
}
