package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/httpstream"
	protocol "k8s.io/apimachinery/pkg/util/remotecommand"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"

	"salvor.io/salvor/shared/cluster"
)

// execSPDY runs the command over SPDY. It leaves the streams to client-go, but not the verdict: client-go takes the
// absence of a final status for success.
func (c *Client) execSPDY(ctx context.Context, target *url.URL, streams remotecommand.StreamOptions) error {
	transport, upgrader, err := spdy.RoundTripperFor(c.config)
	if err != nil {
		return notStarted(err)
	}
	s := &session{Upgrader: upgrader, ctx: ctx}
	// Only the protocols that end with a status.
	executor, err := remotecommand.NewSPDYExecutorForProtocols(transport, s, http.MethodPost, target,
		protocol.StreamProtocolV5Name, protocol.StreamProtocolV4Name)
	if err != nil {
		return notStarted(err)
	}
	// client-go waits for the answer to its upgrade without looking at ctx.
	done := make(chan error, 1)
	go func() { done <- executor.StreamWithContext(ctx, streams) }()
	select {
	case err = <-done:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return context.Cause(ctx)
	}
	return s.verdict(err)
}

// session sees one exec from below client-go: whether a connection was made, and what came as final status.
// Its fields are written by the goroutines that StreamWithContext waits for, and read after it returned by itself.
type session struct {
	spdy.Upgrader
	ctx    context.Context
	made   bool
	status *recorder
}

// NewConnection turns a refused upgrade into an API error, which client-go would flatten to a text.
func (s *session) NewConnection(resp *http.Response) (httpstream.Connection, error) {
	if resp.StatusCode != http.StatusSwitchingProtocols {
		return nil, refusal(resp)
	}
	conn, err := s.Upgrader.NewConnection(resp)
	if err != nil {
		return nil, err
	}
	if err := s.ctx.Err(); err != nil { // Exec has returned: the command must not begin now
		conn.Close()
		return nil, err
	}
	s.made = true
	return &connection{Connection: conn, session: s}, nil
}

// connection hands the stream of the final status to a recorder.
type connection struct {
	httpstream.Connection
	session *session
}

func (c *connection) CreateStream(headers http.Header) (httpstream.Stream, error) {
	stream, err := c.Connection.CreateStream(headers)
	if err != nil || headers.Get("streamType") != "error" {
		return stream, err
	}
	c.session.status = &recorder{Stream: stream}
	return c.session.status, nil
}

// recorder keeps what was read.
type recorder struct {
	httpstream.Stream
	data []byte
}

func (r *recorder) Read(p []byte) (int, error) {
	n, err := r.Stream.Read(p)
	r.data = append(r.data, p[:n]...)
	return n, err
}

// verdict judges a stream that has ended, with err according to client-go.
func (s *session) verdict(err error) error {
	if !s.made {
		return notStarted(err)
	}
	if s.status == nil { // the container runtime waits for all streams before it starts anything
		return notStarted(fmt.Errorf("opening the streams: %w", err))
	}
	var status metav1.Status
	if json.Unmarshal(s.status.data, &status) != nil || status.Status == "" {
		if err != nil {
			return fmt.Errorf("%w: %w", cluster.ErrLost, err)
		}
		return cluster.ErrLost
	}
	if status.Status == metav1.StatusSuccess {
		return nil
	}
	if code, ok := exitCode(status); ok {
		return &cluster.ExitError{Code: code}
	}
	return ended(&apierrors.StatusError{ErrStatus: status})
}

// exitCode finds the code of a command that ended by itself.
func exitCode(s metav1.Status) (int, bool) {
	if s.Reason != protocol.NonZeroExitCodeReason || s.Details == nil {
		return 0, false
	}
	for _, cause := range s.Details.Causes {
		if cause.Type == protocol.ExitCodeCauseType {
			code, err := strconv.Atoi(cause.Message)
			return code, err == nil
		}
	}
	return 0, false
}

// blockedError is an upgrade that something other than the API server's own judgement prevented, such as a proxy
// that doesn't know the protocol.
type blockedError struct{ cause error }

func (e *blockedError) Error() string {
	return "the connection could not be upgraded: " + e.cause.Error()
}
func (e *blockedError) Unwrap() error { return e.cause }

// refusal reads the API server's Status from an answer to an upgrade.
func refusal(resp *http.Response) error {
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return &blockedError{fmt.Errorf("reading the answer %s: %w", resp.Status, err)}
	}
	var status metav1.Status
	if json.Unmarshal(body, &status) != nil || status.Kind != "Status" {
		return &blockedError{fmt.Errorf("answer %s", resp.Status)}
	}
	refused := &apierrors.StatusError{ErrStatus: status}
	if status.Message == "Upgrade request required" { // the header was lost on the way
		return &blockedError{refused}
	}
	return refused
}
