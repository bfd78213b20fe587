package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"salvor.io/salvor/shared/salvor"
)

// The exit codes that are not those of an error's code alone.
const (
	exitOK      = 0
	exitError   = 1
	exitUsage   = 2
	exitPartial = 5
)

// exits says which code of an error ends a command with which exit code, and what that means to a user.
var exits = []struct {
	status  int
	codes   []salvor.Code
	meaning string
}{
	{exitOK, nil, "done"},
	{exitError, []salvor.Code{salvor.Internal}, "an error without a code of its own, such as a failed backup"},
	{exitUsage, []salvor.Code{salvor.Invalid}, "the command, a flag or a document is wrong"},
	{3, []salvor.Code{salvor.NotFound, salvor.Gone}, "what was named is not there: an object, a backup, a directory, a bucket"},
	{4, []salvor.Code{salvor.Exists, salvor.Conflict, salvor.Fenced}, "it exists already, or somebody else is changing it"},
	{exitPartial, nil, "done in part: something is missing, and named"},
	{6, []salvor.Code{salvor.Forbidden, salvor.Unauthorized}, "a permission is missing, or credentials were refused"},
	{7, []salvor.Code{salvor.Corrupt}, "what is stored is damaged: bytes are missing, or not those that were written"},
	{8, []salvor.Code{salvor.Unavailable, salvor.DeadlineExceeded}, "a server could not be reached, or time ran out"},
	{130, []salvor.Code{salvor.Canceled}, "interrupted or canceled"},
}

// exitHelp lists the exit codes for people.
func exitHelp() string {
	var b strings.Builder
	for _, e := range exits {
		fmt.Fprintf(&b, "  %3d  %s\n", e.status, e.meaning)
	}
	return b.String()
}

// partialError ends a command whose work was done in part.
type partialError struct{ message string }

func (e *partialError) Error() string { return e.message }

// status is the exit code for an error.
func status(err error) int {
	if err == nil {
		return exitOK
	}
	if _, partial := errors.AsType[*partialError](err); partial {
		return exitPartial
	}
	code := codeOf(err)
	for _, e := range exits {
		if slices.Contains(e.codes, code) {
			return e.status
		}
	}
	return exitError
}

// codeOf finds the code of an error of Salvor, of a Kubernetes API server or of the network.
func codeOf(err error) salvor.Code {
	if code := salvor.CodeOf(err); code != salvor.Internal {
		return code
	}
	switch {
	case errors.Is(err, context.Canceled):
		return salvor.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return salvor.DeadlineExceeded
	case apierrors.IsNotFound(err):
		return salvor.NotFound
	case apierrors.IsForbidden(err):
		return salvor.Forbidden
	case apierrors.IsUnauthorized(err):
		return salvor.Unauthorized
	case apierrors.IsServiceUnavailable(err), apierrors.IsTooManyRequests(err), apierrors.IsTimeout(err):
		return salvor.Unavailable
	}
	if network(err) {
		return salvor.Unavailable
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return salvor.NotFound
	case errors.Is(err, fs.ErrPermission):
		return salvor.Forbidden
	}
	return salvor.Internal
}

// network reports whether a connection failed. An error of the file system is none, although each has the methods of
// net.Error.
func network(err error) bool {
	var request *url.Error
	var dial *net.OpError
	var name *net.DNSError
	return errors.As(err, &request) || errors.As(err, &dial) || errors.As(err, &name)
}
