package cli

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/salvor"
)

func TestABackupThatWaitsForItsTurnSaysSo(t *testing.T) {
	var out bytes.Buffer
	w := &backupWatch{p: &progress{label: "backup b", out: &out, now: time.Now}, log: slog.New(slog.DiscardHandler), now: time.Now}
	w.onStep(backup.StepPreExec)
	w.onProgress(salvor.BackupStatus{Phase: salvor.PhasePending})
	w.onProgress(salvor.BackupStatus{Phase: salvor.PhaseQuiescing})
	want := "backup b: pre-exec\nbackup b: pre-exec, waits until no other backup holds its namespaces\nbackup b: pre-exec\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}
