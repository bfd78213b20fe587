package instance

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Phase is how far an instance has come.
type Phase string

// The phases of an instance.
const (
	// Starting: processes are coming up; Steps tells how far.
	Starting Phase = "starting"
	// Ready: Result tells how to reach it.
	Ready Phase = "ready"
	// Failed: it is gone, and Error says why. Only this file is left.
	Failed Phase = "failed"
)

// State is what is known about an instance, as stored in its file.
type State struct {
	Kind  Kind   `json:"kind"`
	Name  string `json:"name"`
	Dir   string `json:"dir"`
	Phase Phase  `json:"phase"`
	// Guard is the process that owns the instance, and GuardStart its start time
	// in clock ticks, so that a later process of the same id is not mistaken for it.
	Guard      int    `json:"guard,omitempty"`
	GuardStart string `json:"guardStart,omitempty"`
	// Watch is the process the instance lives for, as Guard is written; 0 is none.
	Watch      int    `json:"watch,omitempty"`
	WatchStart string `json:"watchStart,omitempty"`
	// Config is the options it was started with.
	Config json.RawMessage `json:"config,omitempty"`
	// Steps are the progress lines so far.
	Steps []string `json:"steps,omitempty"`
	// Result is the JSON object that `up` prints.
	Result json.RawMessage `json:"result,omitempty"`
	Error  string          `json:"error,omitempty"`
}

// Read returns the stored state; ok is false when there is none.
func (i Instance) Read() (s State, ok bool, err error) {
	raw, err := os.ReadFile(i.statePath())
	if errors.Is(err, fs.ErrNotExist) {
		return State{}, false, nil
	}
	if err != nil {
		return State{}, false, fmt.Errorf("reading instance state: %w", err)
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return State{}, false, fmt.Errorf("decoding instance state %s: %w", i.statePath(), err)
	}
	return s, true, nil
}

// Write stores s, all of it or nothing. Only the holder of the lock may. The
// result holds credentials, so nobody else can read the file.
func (i Instance) Write(s State) error {
	raw, err := json.Marshal(s) // compact, so that Config stays comparable byte for byte
	if err != nil {
		return fmt.Errorf("encoding instance state: %w", err)
	}
	tmp := i.statePath() + ".tmp"
	if err := os.WriteFile(tmp, raw, 0o600); err != nil {
		return fmt.Errorf("writing instance state: %w", err)
	}
	return os.Rename(tmp, i.statePath())
}

// Remove forgets the state. Only the holder of the lock may.
func (i Instance) Remove() error {
	if err := os.Remove(i.statePath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing instance state: %w", err)
	}
	return nil
}
