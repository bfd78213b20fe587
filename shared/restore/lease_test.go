package restore_test

import (
	"path/filepath"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/catalog/sqlite"
	"salvor.io/salvor/shared/restore"
	"salvor.io/salvor/shared/salvor"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// What has died while it replaced claims in place is not over with a cancel: the next process puts back what it had begun.
func TestACancelOfADeadRestore(t *testing.T) {
	for inPlace, want := range map[bool]salvor.Phase{false: salvor.PhaseCanceled, true: salvor.PhaseRestoring} {
		catalog, err := sqlite.Open(filepath.Join(t.TempDir(), "catalog.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer catalog.Close()
		r := salvor.New(salvor.KindRestore).(*salvor.Restore)
		r.Name, r.Spec = "r", salvor.RestoreSpec{SourceCluster: "prod", TargetCluster: "prod", Backup: "b", Volumes: &salvor.RestoreVolumes{InPlace: inPlace}}
		r.Default()
		r.Status = salvor.RestoreStatus{Phase: salvor.PhaseRestoring, StartedAt: metav1.NewTime(noon), Lease: salvor.Lease{Holder: "other/1/x", Epoch: 1, Expires: metav1.NewTime(noon)}}
		if err := catalog.Create(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		got, err := restore.RequestCancel(t.Context(), catalog, "r", noon.Add(time.Hour))
		if err != nil || got.Status.Phase != want || !got.Status.CancelRequested {
			t.Errorf("in place %t: it is %+v, %v", inPlace, got, err)
		}
	}
}

// A restore is done by one process at a time, and not once more when another has just ended it.
func TestARestoreIsDoneByOneAtATime(t *testing.T) {
	held := salvor.Lease{Holder: "other/1/x", Epoch: 3, Expires: metav1.NewTime(noon.Add(time.Minute))}
	for name, c := range map[string]struct {
		status salvor.RestoreStatus
		at     time.Time
		code   salvor.Code // of the error; empty: none
		phase  salvor.Phase
		epoch  int64
	}{
		"another process works on it": {salvor.RestoreStatus{Phase: salvor.PhaseRestoring, Lease: held}, noon, salvor.Conflict, salvor.PhaseRestoring, 3},
		"that process has died":       {salvor.RestoreStatus{Phase: salvor.PhaseRestoring, Lease: held}, noon.Add(2 * time.Minute), salvor.NotFound, salvor.PhaseFailed, 4},
		"it was ended meanwhile":      {salvor.RestoreStatus{Phase: salvor.PhaseCompleted, Lease: salvor.Lease{Epoch: 3}}, noon, "", salvor.PhaseCompleted, 3},
	} {
		t.Run(name, func(t *testing.T) {
			catalog, err := sqlite.Open(filepath.Join(t.TempDir(), "catalog.db"))
			if err != nil {
				t.Fatal(err)
			}
			defer catalog.Close()
			r := salvor.New(salvor.KindRestore).(*salvor.Restore)
			r.Name, r.Spec = "r", salvor.RestoreSpec{SourceCluster: "prod", TargetCluster: "prod", Backup: "not-there"}
			r.Default()
			r.Status = c.status
			if err := catalog.Create(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			e := &restore.Engine{Catalog: catalog, Holder: "this/1/x", Now: func() time.Time { return c.at }}
			mine := *r
			mine.Status = salvor.RestoreStatus{Phase: salvor.PhasePending} // as it was when this process read it
			if err := e.Run(t.Context(), &mine); (err == nil) != (c.code == "") || err != nil && !salvor.Is(err, c.code) {
				t.Errorf("it ends with %v, want %q", err, c.code)
			}
			o, err := catalog.Get(t.Context(), salvor.KindRestore, "r")
			if err != nil {
				t.Fatal(err)
			}
			if s := o.(*salvor.Restore).Status; s.Phase != c.phase || s.Lease.Epoch != c.epoch {
				t.Errorf("it is %s under epoch %d, want %s under %d", s.Phase, s.Lease.Epoch, c.phase, c.epoch)
			}
			if c.code == "" && mine.Status.Phase != c.phase {
				t.Errorf("the caller is told %s", mine.Status.Phase)
			}
		})
	}
}
