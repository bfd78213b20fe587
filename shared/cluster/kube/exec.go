package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	//lint:ignore SA1019 client-go dials in these types
	"k8s.io/apimachinery/pkg/util/httpstream"
	protocol "k8s.io/apimachinery/pkg/util/remotecommand"
	"k8s.io/client-go/transport/spdy"

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
// It speaks SPDY, which reaches the container runtime end to end, so that a missing final status shows a lost
// connection. A WebSocket is ended by the API server before Kubernetes 1.36, which reports success when the
// connection behind it breaks (https://github.com/kubernetes/kubectl/issues/1726); so does client-go's executor,
// over either. Its package would also bring in k8s.io/api.
func (c *Client) Exec(ctx context.Context, r cluster.ExecRequest) error {
	stdout, stderr := &gate{w: r.Stdout}, &gate{w: r.Stderr}
	done := make(chan error, 1)
	go func() { done <- c.exec(ctx, r, stdout, stderr) }()
	var err error
	select {
	case err = <-done:
	case <-ctx.Done(): // an upgrade that isn't answered looks at no context
		err = context.Cause(ctx)
	}
	if lost := errors.Join(stdout.close(), stderr.close()); err == nil && lost != nil {
		return fmt.Errorf("taking the output of a command: %w", lost)
	}
	return err
}

func (c *Client) exec(ctx context.Context, r cluster.ExecRequest, stdout, stderr io.Writer) error {
	conn, err := c.connect(ctx, r)
	if err != nil {
		return fmt.Errorf("%w: %w", cluster.ErrNotStarted, err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	said, err := converse(conn, r.Stdin, stdout, stderr)
	if ctx.Err() != nil && said == nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", cluster.ErrLost, err)
	}
	return verdict(said)
}

// connect asks the API server for a connection to the container.
func (c *Client) connect(ctx context.Context, r cluster.ExecRequest) (httpstream.Connection, error) {
	transport, upgrader, err := spdy.RoundTripperFor(c.config)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.execURL(r), nil)
	if err != nil {
		return nil, err
	}
	// Only the protocols that end with a status.
	req.Header[httpstream.HeaderProtocolVersion] = []string{protocol.StreamProtocolV5Name, protocol.StreamProtocolV4Name}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusSwitchingProtocols {
		return nil, refusal(resp)
	}
	conn, err := upgrader.NewConnection(resp)
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil { // Exec has returned: the command must not begin now
		conn.Close()
		return nil, context.Cause(ctx)
	}
	return conn, nil
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
