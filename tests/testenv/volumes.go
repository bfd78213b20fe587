package testenv

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// What goes wrong on purpose with snapshots of a VolumeSnapshotClass, or volumes of a StorageClass, that has these
// parameters; tools/README.md says what their values are.
const (
	// FaultDelay is how long it takes until the snapshot is cut, or the volume made.
	FaultDelay = "fault/delay"
	// FaultPending is how long a snapshot is pending after it was cut.
	FaultPending = "fault/pending"
	// FaultError is what the driver answers instead: always, or FaultErrors times; FaultCode is its code.
	FaultError  = "fault/error"
	FaultErrors = "fault/errors"
	FaultCode   = "fault/code"
	// FaultBroken is why a snapshot that was cut never becomes ready.
	FaultBroken = "fault/broken"
)

// StoredSnapshot is a snapshot in the storage.
type StoredSnapshot struct {
	// ID and Volume are the handles of the snapshot and of the volume that it was cut of.
	ID     string `json:"id"`
	Volume string `json:"volume"`
}

// StoredSnapshots returns all snapshots that are in the storage, whatever the cluster knows of them.
func (k KubeServer) StoredSnapshots(t testing.TB) []StoredSnapshot {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(k.Storage, "snap", "*", "meta.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []StoredSnapshot
	for _, f := range files {
		var s StoredSnapshot
		data, err := os.ReadFile(f)
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted meanwhile
		}
		if err == nil {
			err = json.Unmarshal(data, &s)
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	return all
}

// LoseSnapshot deletes a snapshot from the storage behind everybody's back, as somebody does in the console of AWS.
func (k KubeServer) LoseSnapshot(t testing.TB, handle string) {
	t.Helper()
	dir := filepath.Join(k.Storage, "snap", handle)
	if _, err := os.Stat(dir); err != nil {
		t.Fatalf("there is no such snapshot: %v", err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
}

// VolumeDir is where the content of a volume is on this machine, by the volume's handle.
func (k KubeServer) VolumeDir(handle string) string {
	return filepath.Join(k.Storage, "vol", handle, "data")
}

// Suspend stops a program of the cluster, such as csi-snapshotter, snapshot-controller or csidriver: to all others it is
// as if it were down. It goes on when resume is called, or the test ends. Tests that share the cluster feel it too.
func (k KubeServer) Suspend(t testing.TB, program string) (resume func()) {
	t.Helper()
	if _, err := run(t.Context(), "localkube", "suspend", "--name", k.Name, program); err != nil {
		t.Fatal(err)
	}
	resume = func() {
		if _, err := run(context.Background(), "localkube", "resume", "--name", k.Name, program); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(resume)
	return resume
}
