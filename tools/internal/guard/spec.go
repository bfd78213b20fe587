// Package guard keeps an instance alive and takes it down again.
//
// Three processes share the work. `up` starts the guard and follows its state.
// The guard, in a session of its own, holds the instance's lock, watches
// whoever the instance lives for, and cleans up at the end. The server, its
// child, starts and holds all the other processes; for a cluster with a node it
// lives in PID and mount namespaces of its own, so that the kernel itself ends
// every process and every mount with it.
package guard

import (
	"context"
	"encoding/json"
	"time"

	"salvor.io/salvor/tools/internal/child"
	"salvor.io/salvor/tools/internal/instance"
)

// Names of the commands that this program runs itself as.
const (
	GuardCommand  = "_guard"
	InitCommand   = "_init"
	ServerCommand = "_server"
)

// Spec is what the guard and the server are told.
type Spec struct {
	Instance instance.Instance
	// Dir holds everything the instance writes. It is removed at the end.
	Dir string
	// WatchPID is the process the instance lives for; 0 is none.
	WatchPID int
	// Isolate puts the server into PID and mount namespaces of its own.
	Isolate bool
	// Bin is the directory of the programs.
	Bin string
	// Limit is how long it may take to come up; 0 is what the kind thinks fit.
	Limit time.Duration
	// Config is the kind's own options. Joining a running instance takes the same.
	Config json.RawMessage
}

// Server is one kind of instance.
type Server interface {
	// Start brings everything up inside g, tells its steps, and returns the
	// object that `up` prints. What it started is ended by ending g.
	Start(ctx context.Context, g *child.Group, step func(string)) (result any, err error)
	// Clean removes what the kernel and the removal of Dir don't. It runs when
	// all processes are gone, and must do no harm when there is nothing.
	Clean() error
}

// Factory makes the server of a spec. Config may be empty when it is made only
// to clean up.
type Factory func(Spec) (Server, error)
