package backup

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"
)

// maxTries bounds how often a request is repeated without any progress in between.
const maxTries = 8

// retry repeats do while it fails in a way that may pass.
func (r *run) retry(ctx context.Context, do func() error) error {
	pause := r.backoff()
	for {
		err := do()
		if err == nil || !transient(err) || pause.Steps == 0 {
			return err
		}
		if wait := r.sleep(ctx, &pause, err); wait != nil {
			return wait
		}
	}
}

func (r *run) backoff() wait.Backoff {
	return wait.Backoff{Duration: r.tuning.RetryBase, Factor: 2, Jitter: 0.2, Steps: maxTries - 1, Cap: 20 * time.Second}
}

// sleep waits as long as the server asked for, or as the back-off says.
func (r *run) sleep(ctx context.Context, pause *wait.Backoff, err error) error {
	r.report.retried(err)
	d := pause.Step()
	if seconds, ok := apierrors.SuggestsClientDelay(err); ok {
		d = max(d, time.Duration(seconds)*time.Second)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// transient reports whether the same request may succeed later: a busy or restarting server, a connection that broke,
// a server that lags behind the revision, or a token that had just expired and is renewed on the next request.
func transient(err error) bool {
	var connection *net.OpError // one that was waited for in vain calls itself DeadlineExceeded, too
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) && !errors.As(err, &connection) {
		return false
	}
	if apierrors.IsTooManyRequests(err) || apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) || apierrors.IsInternalError(err) ||
		apierrors.IsServiceUnavailable(err) || apierrors.IsUnauthorized(err) || apierrors.IsUnexpectedServerError(err) {
		return true
	}
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		return status.Status().Code >= 500
	}
	var network net.Error
	var request *url.Error
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrNoProgress) ||
		errors.As(err, &network) || errors.As(err, &request) || strings.Contains(err.Error(), "http2: ")
}

// unreached reports whether no connection came about.
func unreached(err error) bool {
	connection, ok := errors.AsType[*net.OpError](err)
	return ok && connection.Op == "dial"
}
