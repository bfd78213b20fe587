package backup_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"salvor.io/salvor/shared/salvor"
)

// The disk of a location is not mounted: what stands in its stead is an empty directory.
func TestADiskThatIsNotMountedIsNotWrittenBelow(t *testing.T) {
	f, _ := filled(1)
	b := newBench(t, f)
	if _, err := b.make(t, quiesced("first", "a")); err != nil {
		t.Fatal(err)
	}
	at, _, _ := strings.Cut(b.repo.String(), "/prod")
	disk := filepath.Join(t.TempDir(), "disk")
	if err := os.Rename(filepath.Join(at, "prod"), disk); err != nil {
		t.Fatal(err)
	}
	b.rules.ran = nil
	done, err := b.make(t, quiesced("second", "a"))
	if !salvor.Is(err, salvor.NotFound) || !strings.Contains(err.Error(), "backup prod/first") || done.Status.Phase != salvor.PhaseFailed {
		t.Fatalf("got %v, %v, want a failure that names the backup which is not there", done, err)
	}
	if len(b.rules.ran) > 0 {
		t.Errorf("rules ran: %v", b.rules.ran)
	}
	if err := os.RemoveAll(filepath.Join(at, "prod")); err != nil { // the report of the second
		t.Fatal(err)
	}
	if err := os.Rename(disk, filepath.Join(at, "prod")); err != nil {
		t.Fatal(err)
	}
	if _, err := b.make(t, quiesced("third", "a")); err != nil {
		t.Errorf("the disk is mounted again: %v", err)
	}
}

// That nobody is named as owner, and nothing else is missing, is mended.
func TestALostOwnerIsMended(t *testing.T) {
	f, _ := filled(1)
	b := newBench(t, f)
	if _, err := b.make(t, quiesced("first", "a")); err != nil {
		t.Fatal(err)
	}
	if err := b.loc.Delete(t.Context(), b.repo.Keys().Owner()); err != nil {
		t.Fatal(err)
	}
	if _, err := b.make(t, quiesced("second", "a")); err != nil {
		t.Fatal(err)
	}
	if owner, err := b.repo.Owner(t.Context()); err != nil || owner.Catalog != "cat" {
		t.Errorf("the owner is %+v, %v", owner, err)
	}
}
