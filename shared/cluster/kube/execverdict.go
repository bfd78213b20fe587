package kube

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	protocol "k8s.io/apimachinery/pkg/util/remotecommand"

	"salvor.io/salvor/shared/cluster"
)

// verdict turns the final status of a command into an error. Without a whole one, its end is not known.
func verdict(said []byte) error {
	var status metav1.Status
	if json.Unmarshal(said, &status) != nil || status.Status == "" {
		return cluster.ErrLost
	}
	if status.Status == metav1.StatusSuccess {
		return nil
	}
	if code, ok := exitCode(status); ok {
		return &cluster.ExitError{Code: code}
	}
	for _, s := range startFailures {
		if strings.Contains(status.Message, s) {
			return fmt.Errorf("%w: %w", cluster.ErrNotStarted, errors.New(status.Message))
		}
	}
	return &apierrors.StatusError{ErrStatus: status}
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

// startFailures are what kubelet, containerd, CRI-O and runc say when there was no process. CRI has no code for it:
// it is an InternalError like any other.
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

// noUpgrade is what the API server says of a request whose wish for an upgrade a proxy has taken out.
const noUpgrade = "Upgrade request required"

// refusal reads the API server's Status from an answer that is no upgrade. One without is that of something before it.
func refusal(p Protocol, resp *http.Response) error {
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return fmt.Errorf("reading the answer %s: %w", resp.Status, err)
	}
	var status metav1.Status
	if json.Unmarshal(body, &status) != nil || status.Kind != "Status" {
		return block(p, "the answer to an upgrade was %s", strings.TrimSuffix(resp.Status+": "+firstLine(body), ": "))
	}
	refused := &apierrors.StatusError{ErrStatus: status}
	if apierrors.IsBadRequest(refused) && strings.Contains(status.Message, noUpgrade) {
		return block(p, "%w", refused)
	}
	return refused
}

// mostSaid bounds what is repeated of an answer that may be a whole page.
const mostSaid = 200

// firstLine is what an answer in plain text begins with: a node says there why it has no such container.
func firstLine(body []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(body)), "\n")
	if len(line) > mostSaid {
		line = line[:mostSaid] + "…"
	}
	return strings.ToValidUTF8(line, "?")
}
