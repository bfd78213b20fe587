package rule

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"salvor.io/salvor/shared/cluster"
)

// attempts and firstPause bound what a short absence of the API server costs: about three seconds.
const (
	attempts   = 5
	firstPause = 200 * time.Millisecond
)

// retry does it again while its error is one that may pass.
func retry(ctx context.Context, passes func(error) bool, do func() error) error {
	pause := firstPause
	for n := 1; ; n++ {
		err := do()
		if err == nil || n == attempts || !passes(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
		pause *= 2
	}
}

// transient reports whether asking again may help.
func transient(err error) bool {
	var connection *net.OpError // one that was waited for in vain calls itself DeadlineExceeded, too
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) && !errors.As(err, &connection) {
		return false
	}
	if api := apierrors.APIStatus(nil); errors.As(err, &api) {
		return apierrors.IsInternalError(err) || apierrors.IsServiceUnavailable(err) || apierrors.IsServerTimeout(err) ||
			apierrors.IsTimeout(err) || apierrors.IsTooManyRequests(err)
	}
	var netErr net.Error
	return errors.As(err, &netErr) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// unstarted reports whether a command surely did not begin, for a reason that may pass: it may be sent again.
func unstarted(err error) bool { return errors.Is(err, cluster.ErrNotStarted) && transient(err) }
