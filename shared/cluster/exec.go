package cluster

import (
	"errors"
	"fmt"
	"io"
)

// ExecRequest is a command to run in a container.
type ExecRequest struct {
	Namespace, Pod, Container string
	// Command is an argv.
	Command []string
	// Stdin is fed to the command until its end; nil: no standard input.
	Stdin io.Reader
	// StdinStays says that Stdin does not end before the command: the command waits for no end of it, other than that of
	// its connection. Where SPDY is not let through, the end of such a command can be told with the same certainty.
	StdinStays bool
	// Stdout and Stderr take the output; nil: dropped.
	Stdout, Stderr io.Writer
}

// ExitError is a command that ran and ended with a code other than 0.
type ExitError struct{ Code int }

// Error says the code.
func (e *ExitError) Error() string { return fmt.Sprintf("command ended with exit code %d", e.Code) }

// ErrNotStarted is an exec whose command did not begin: no such container, no such program.
var ErrNotStarted = errors.New("command could not be started")

// ErrLost is an exec whose connection ended before the command did: whether it goes on, and how it ended, is not known.
var ErrLost = errors.New("connection to the command was lost")
