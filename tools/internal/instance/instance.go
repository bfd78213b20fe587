// Package instance keeps the book of what is running.
//
// An instance is one named throw-away server: a Kubernetes cluster, an S3
// gateway, a DynamoDB server. Its state is one small JSON file in the run
// directory. Whoever owns the instance holds a lock on the file beside it: the
// kernel drops that lock when the owner dies, however it dies, so a held lock
// means "running" and a free one with a state file means "left behind".
package instance

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// Kind says what sort of server an instance is. It is part of the file name.
type Kind string

// The kinds there are, each named after its command.
const (
	Kube     Kind = "localkube"
	S3       Kind = "s3"
	DynamoDB Kind = "dynamodb"
)

// Instance names one server on this machine; it need not be running.
type Instance struct {
	Kind Kind
	Name string
	// Run is the directory of state and lock files, shared by all instances.
	Run string
}

var nameForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$`)

// New returns the instance of that name. The name becomes a file name, a cgroup
// and a cluster name, so it is a DNS-1123 label of at most 40 characters.
func New(run string, kind Kind, name string) (Instance, error) {
	if !nameForm.MatchString(name) {
		return Instance{}, fmt.Errorf("name %q: use up to 40 of a-z, 0-9 and -, beginning and ending with a letter or digit", name)
	}
	if err := os.MkdirAll(run, 0o700); err != nil {
		return Instance{}, fmt.Errorf("making the run directory: %w", err)
	}
	return Instance{Kind: kind, Name: name, Run: run}, nil
}

// ID is short, the same every time, and differs between instances: what the
// kernel's namespaces for bridges and cgroups are given as a name.
func (i Instance) ID() string {
	sum := sha256.Sum256([]byte(i.base()))
	return hex.EncodeToString(sum[:4])
}

// DefaultDir is where the instance keeps its files unless told otherwise.
func (i Instance) DefaultDir() string { return i.base() }

func (i Instance) base() string      { return filepath.Join(i.Run, string(i.Kind)+"-"+i.Name) }
func (i Instance) statePath() string { return i.base() + ".json" }
func (i Instance) lockPath() string {
	return filepath.Join(i.Run, "locks", string(i.Kind)+"-"+i.Name)
}
