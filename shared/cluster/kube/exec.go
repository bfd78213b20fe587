package kube

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/go-logr/logr"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/klog/v2"

	"salvor.io/salvor/shared/cluster"
)

// Exec runs a command in a container and returns when it has ended: nil only if the cluster said that it ended with
// code 0. Other endings are
//   - *cluster.ExitError: it ended with another code;
//   - cluster.ErrNotStarted: it surely did not begin. The cause is in the chain: *errors.StatusError when the API
//     server refused (no such pod, forbidden), otherwise what kubelet or the network said;
//   - cluster.ErrLost: it began, and how it ended is not known;
//   - the error of ctx: it was left behind. Closing an exec does not end its process: the command may go on in the
//     container.
//
// When Exec has returned, it writes to Stdout and Stderr no more; Stdin may still be in a Read.
//
// SPDY comes first. It reaches the container runtime end to end, so that a missing final status shows a lost
// connection. WebSockets are ended by the API server (before 1.36) or by kubelet, which report success when the
// connection behind them breaks (https://github.com/kubernetes/kubectl/issues/1726), so they serve only where
// something on the way doesn't let SPDY pass. SPDY also needs one permission less: create on pods/exec, without get.
func (c *Client) Exec(ctx context.Context, r cluster.ExecRequest) error {
	stdout, stderr := &gate{w: r.Stdout}, &gate{w: r.Stderr}
	streams := remotecommand.StreamOptions{Stdin: r.Stdin, Stdout: stdout, Stderr: stderr}
	// client-go logs every broken stream; here the error returned says it.
	quiet := klog.NewContext(ctx, logr.Discard())
	target := c.execURL(r)

	err := c.execSPDY(quiet, target, streams)
	var blocked *blockedError
	if errors.As(err, &blocked) {
		if ws := c.execWebSocket(quiet, target, streams); !errors.As(ws, &blocked) {
			err = ws
		}
	}
	if lost := errors.Join(stdout.close(), stderr.close()); err == nil && lost != nil {
		err = fmt.Errorf("taking its output: %w", lost)
	}
	if err != nil {
		return fmt.Errorf("running a command in pod %s/%s, container %s: %w", r.Namespace, r.Pod, r.Container, err)
	}
	return nil
}

// execURL asks for both outputs always: kubelet refuses an exec without any stream.
func (c *Client) execURL(r cluster.ExecRequest) *url.URL {
	pods := cluster.Resource{Version: "v1", Name: "pods", Kind: "Pod", Namespaced: true}
	req := c.rest.Post().AbsPath(pods.Path(r.Namespace, r.Pod)+"/exec").
		Param("container", r.Container).Param("stdout", "true").Param("stderr", "true")
	if r.Stdin != nil {
		req.Param("stdin", "true")
	}
	for _, arg := range r.Command {
		req.Param("command", arg)
	}
	return req.URL()
}

// notStarted says that the command surely did not begin, and why.
func notStarted(cause error) error { return fmt.Errorf("%w: %w", cluster.ErrNotStarted, cause) }

// startFailures are what kubelet, containerd and runc say when there was no process. An exec that can't start has no
// code of its own in CRI: it is an InternalError like any other.
var startFailures = []string{
	"failed to start exec",
	"failed to create exec",
	"failed to exec in container: container is in",
	"unable to start container process",
	"cannot exec in a stopped",
	"cannot exec a container that has stopped",
	"container not found",
	"container not running",
	"executable file not found",
}

// ended turns what kubelet said about a command that did not end with a code into an error.
func ended(said error) error {
	for _, s := range startFailures {
		if strings.Contains(said.Error(), s) {
			return notStarted(said)
		}
	}
	return said
}
