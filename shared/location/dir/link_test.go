package dir_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/shared/location/dir"
)

func TestLink(t *testing.T) {
	path := t.TempDir()
	for _, name := range []string{"first", "second"} {
		if err := os.WriteFile(filepath.Join(path, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := dir.Link(d, "first", d, "key"); err != nil {
		t.Errorf("a free name: %v", err)
	}
	if err := dir.Link(d, "second", d, "key"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a taken name: %v, want %v", err, fs.ErrExist)
	}
	if diff := cmp.Diff([]string{"key", "second"}, files(t, path)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if b, err := os.ReadFile(filepath.Join(path, "key")); err != nil || string(b) != "first" {
		t.Errorf("key holds %q, %v", b, err)
	}
}
