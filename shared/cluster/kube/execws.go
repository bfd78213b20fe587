package kube

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/util/exec"
	"k8s.io/streaming/pkg/httpstream"

	"salvor.io/salvor/shared/cluster"
)

// execWebSocket runs the command over a WebSocket. A success may be wrong: see Exec.
func (c *Client) execWebSocket(ctx context.Context, target *url.URL, streams remotecommand.StreamOptions) error {
	executor, err := remotecommand.NewWebSocketExecutor(c.config, http.MethodGet, target.String())
	if err != nil {
		return notStarted(err)
	}
	err = executor.StreamWithContext(ctx, streams)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return context.Cause(ctx)
	}
	return webSocketVerdict(err)
}

func webSocketVerdict(err error) error {
	var upgrade *httpstream.UpgradeFailureError
	var api *apierrors.StatusError
	var exit exec.CodeExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &upgrade) && errors.As(upgrade.Cause, &api):
		return notStarted(api)
	case errors.As(err, &upgrade):
		return notStarted(&blockedError{upgrade.Cause})
	case errors.As(err, &exit):
		return &cluster.ExitError{Code: exit.Code}
	case strings.HasPrefix(err.Error(), "error reading from error stream"):
		return fmt.Errorf("%w: %w", cluster.ErrLost, err)
	}
	return ended(err)
}
