package restore

import (
	"context"
	"errors"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"salvor.io/salvor/shared/salvor"
)

// unreachable is a target that has not answered for so long that the restore gives up.
type unreachable struct{ err error }

func (u *unreachable) Error() string { return "the target cluster does not answer: " + u.err.Error() }
func (u *unreachable) Unwrap() error { return u.err }

// try sends a request until it has an answer that counts. Unsure tells that an earlier attempt may have taken effect
// without its answer being received.
func (r *run) try(ctx context.Context, send func(context.Context) ([]byte, error)) (answer []byte, unsure bool, err error) {
	pause := r.tuning.RetryBase
	for waited, tries := time.Duration(0), 1; ; tries++ {
		answer, err = attempt(ctx, r.tuning.Attempt, send)
		if err == nil || ctx.Err() != nil || !again(err, tries) {
			return answer, unsure, err
		}
		unsure = unsure || !apierrors.IsTooManyRequests(err) && !apierrors.IsUnauthorized(err)
		if waited >= r.tuning.Patience {
			return nil, unsure, &unreachable{err}
		}
		wait := max(pause, suggested(err))
		if err := sleep(ctx, wait); err != nil {
			return nil, unsure, err
		}
		waited += wait
		pause = min(pause*2, 5*time.Second)
	}
}

func attempt(ctx context.Context, limit time.Duration, send func(context.Context) ([]byte, error)) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return send(ctx)
}

// internalTries: a 500 is most often a webhook that fails; the second pass comes back to it.
const internalTries = 3

// refresh asks again what the target serves.
func (r *run) refresh(ctx context.Context) error {
	_, _, err := r.try(ctx, func(ctx context.Context) ([]byte, error) { return nil, r.served.refresh(ctx, r.target) })
	return err
}

// again reports whether the same request may succeed in a moment.
func again(err error, tries int) bool {
	var status apierrors.APIStatus
	switch {
	case brokenOff(err):
		return tries < internalTries
	case !errors.As(err, &status):
		return salvor.CodeOf(err) == salvor.Internal || salvor.CodeOf(err) == salvor.Unavailable // the connection
	case apierrors.IsInternalError(err), apierrors.IsUnauthorized(err): // a token that has just expired is renewed by the next request
		return tries < internalTries
	case apierrors.IsTooManyRequests(err), apierrors.IsServerTimeout(err), apierrors.IsServiceUnavailable(err), apierrors.IsTimeout(err):
		return true
	}
	return status.Status().Code >= 500
}

// brokenOff reports whether the server itself ended its answer to this request, as it does when what handles it breaks.
// Other requests it answers.
func brokenOff(err error) bool {
	return strings.Contains(err.Error(), "INTERNAL_ERROR; received from peer") // a stream of HTTP/2
}

// suggested is the pause that the server asks for.
func suggested(err error) time.Duration {
	if s, ok := apierrors.SuggestsClientDelay(err); ok {
		return min(time.Duration(s)*time.Second, time.Minute)
	}
	return 0
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// fatal reports whether the error ends the whole restore: no other object would fare better.
func fatal(err error) bool {
	var u *unreachable
	return errors.As(err, &u) || apierrors.IsUnauthorized(err)
}

// deferral is an object that may succeed when others are there.
type deferral struct{ reason string }

func (d *deferral) Error() string { return d.reason }

// deferrable reports whether the object may succeed once more of the restore is there.
func deferrable(err error) bool {
	var d *deferral
	if errors.As(err, &d) {
		return true
	}
	switch {
	case strings.Contains(err.Error(), "admission webhook"), brokenOff(err):
		return true
	case apierrors.IsForbidden(err):
		return !denied(err)
	}
	return apierrors.IsNotFound(err) || apierrors.IsInternalError(err) || apierrors.IsConflict(err)
}

// denied reports whether RBAC refused, which time doesn't heal; admission plugins refuse with the same code.
func denied(err error) bool {
	return apierrors.IsForbidden(err) &&
		(strings.Contains(err.Error(), " cannot ") && strings.Contains(err.Error(), "resource") || strings.Contains(err.Error(), "attempting to grant"))
}

// reasonOf says why an object failed. A server's message may quote what it refuses, so that of a Secret gives way to
// one that names no value.
func reasonOf(kind string, err error) string {
	var status *apierrors.StatusError
	if kind != "secrets" || !errors.As(err, &status) || apierrors.IsForbidden(err) || apierrors.IsNotFound(err) {
		return err.Error()
	}
	plain := strings.Join(append([]string{"the API server refuses it:", string(status.ErrStatus.Reason)}, refusedFields(err)...), " ")
	return strings.ReplaceAll(err.Error(), status.Error(), plain)
}

// refusedFields are the fields that an Invalid error names, such as spec.ports[0].nodePort.
func refusedFields(err error) []string {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Details == nil {
		return nil
	}
	var fields []string
	for _, c := range status.Status().Details.Causes {
		if c.Field != "" {
			fields = append(fields, c.Field)
		}
	}
	return fields
}
