package ebs_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/tools/internal/ebs"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func newStore(t *testing.T) *ebs.Store {
	return &ebs.Store{Dir: t.TempDir(), Now: func() time.Time { return noon }}
}

func write(t *testing.T, s *ebs.Store, volume, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.VolumeDir(volume), "f"), []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, s *ebs.Store, volume string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(s.VolumeDir(volume), "f"))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestSnapshotKeepsItsMoment(t *testing.T) {
	s := newStore(t)
	v, err := s.CreateVolume("pvc-1", 5, "")
	if err != nil {
		t.Fatal(err)
	}
	write(t, s, v.ID, "before")
	snap, err := s.CreateSnapshot("snapshot-1", v.ID, ebs.SnapshotOptions{Pending: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	write(t, s, v.ID, "after")
	again, err := s.CreateSnapshot("snapshot-1", v.ID, ebs.SnapshotOptions{Pending: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(snap, again); diff != "" {
		t.Errorf("asking twice for one snapshot gave two: %s", diff)
	}
	want := ebs.Snapshot{ID: snap.ID, Name: "snapshot-1", Volume: v.ID, Bytes: 5, Cut: noon, Usable: noon.Add(time.Minute)}
	if diff := cmp.Diff(want, snap); diff != "" {
		t.Error(diff)
	}
	if !strings.HasPrefix(snap.ID, "snap-0") || len(snap.ID) != len("snap-0123456789abcdef0") {
		t.Errorf("id %q is not in the form of EBS", snap.ID)
	}
	back, err := s.CreateVolume("pvc-2", 5, snap.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, s, back.ID); got != "before" {
		t.Errorf("the volume made of the snapshot holds %q", got)
	}
	if err := s.DeleteVolume(v.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.CreateVolume("pvc-3", 5, snap.ID); err != nil {
		t.Errorf("the snapshot went with its volume: %v", err)
	}
}

func TestVolumeOfAVolumeIsACopy(t *testing.T) {
	s := newStore(t)
	v, err := s.CreateVolume("pvc-1", 1, "")
	if err != nil {
		t.Fatal(err)
	}
	write(t, s, v.ID, "x")
	clone, err := s.CreateVolume("pvc-2", 1, v.ID)
	if err != nil {
		t.Fatal(err)
	}
	write(t, s, v.ID, "y")
	if got := read(t, s, clone.ID); got != "x" {
		t.Errorf("the clone holds %q", got)
	}
}

func TestMissingThingsAreNamed(t *testing.T) {
	s := newStore(t)
	if _, err := s.CreateVolume("pvc-1", 1, "snap-0gone"); !errors.Is(err, ebs.ErrNotFound) {
		t.Errorf("a volume of no snapshot: %v", err)
	}
	if _, err := s.CreateSnapshot("s", "vol-0gone", ebs.SnapshotOptions{}); !errors.Is(err, ebs.ErrNotFound) {
		t.Errorf("a snapshot of no volume: %v", err)
	}
	if _, err := s.Snapshot("../../etc"); !errors.Is(err, ebs.ErrNotFound) {
		t.Errorf("an id that is a path: %v", err)
	}
	if err := errors.Join(s.DeleteVolume("vol-0gone"), s.DeleteSnapshot("snap-0gone")); err != nil {
		t.Errorf("deleting what isn't there: %v", err)
	}
}

func TestManyAskForTheSameVolumeAtOnce(t *testing.T) {
	s := newStore(t)
	ids := make([]string, 16)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			v, err := s.CreateVolume("pvc-1", 1, "")
			if err != nil {
				t.Error(err)
			}
			ids[i] = v.ID
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Errorf("got volumes %q and %q", ids[0], id)
		}
	}
	left, err := filepath.Glob(filepath.Join(s.Dir, "new-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestADeletedSnapshotIsNotMadeAgain(t *testing.T) {
	s := newStore(t)
	v, err := s.CreateVolume("pvc-1", 1, "")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for range 3 {
		snap, err := s.CreateSnapshot("s", v.ID, ebs.SnapshotOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if seen[snap.ID] {
			t.Errorf("%s is used twice", snap.ID)
		}
		seen[snap.ID] = true
		if err := s.DeleteSnapshot(snap.ID); err != nil {
			t.Fatal(err)
		}
	}
}
