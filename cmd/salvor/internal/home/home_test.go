package home_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"salvor.io/salvor/cmd/salvor/internal/home"
	"salvor.io/salvor/shared/salvor"
)

// Processes that begin at once must agree on who they are: a location belongs to one catalog.
func TestAHomeHasOneID(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "home")
	ids := make([]string, 8)
	var all sync.WaitGroup
	for i := range ids {
		all.Go(func() {
			h, err := home.Open(dir, home.Options{Now: time.Now})
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = h.ID
			if err := h.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Fatalf("the ids are %q", ids)
		}
	}
	entries, err := filepath.Glob(filepath.Join(dir, ".catalog-id-*"))
	if err != nil || len(entries) > 0 {
		t.Errorf("temporary files are left over: %v %v", entries, err)
	}
}

func TestAnEmptyIDIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "catalog-id"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := home.Open(dir, home.Options{Now: time.Now}); !salvor.Is(err, salvor.Corrupt) {
		t.Errorf("Open = %v", err)
	}
}

func TestWhereTheHomeIs(t *testing.T) {
	for want, env := range map[string]map[string]string{
		"/s":                        {"SALVOR_HOME": "/s", "XDG_DATA_HOME": "/x", "HOME": "/h"},
		"/x/salvor":                 {"XDG_DATA_HOME": "/x", "HOME": "/h"},
		"/h/.local/share/salvor":    {"HOME": "/h"},
		"/home/.local/share/salvor": {"XDG_DATA_HOME": "relative", "HOME": "/home"}, // the XDG specification says to ignore it
	} {
		got, err := home.Dir(func(name string) string { return env[name] })
		if err != nil || got != want {
			t.Errorf("of %v it is %s, want %s: %v", env, got, want, err)
		}
	}
	if _, err := home.Dir(func(string) string { return "" }); !salvor.Is(err, salvor.Invalid) {
		t.Errorf("of nothing it is %v", err)
	}
}

// What this version can't do is refused, never passed over in silence.
func TestALocationThatWouldNotDoWhatItSaysIsRefused(t *testing.T) {
	h, err := home.Open(t.TempDir(), home.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	keys := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(keys, []byte("AGE-SECRET-KEY-1BROKEN\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, spec := range map[string]salvor.BackupLocationSpec{
		"broken keys":  {Directory: &salvor.DirectoryLocation{Path: t.TempDir(), AgeIdentityFile: keys}},
		"missing keys": {Directory: &salvor.DirectoryLocation{Path: t.TempDir(), AgeIdentityFile: keys + "2"}},
		"nothing":      {},
	} {
		l := &salvor.BackupLocation{ObjectMeta: salvor.ObjectMeta{Name: "l"}, Spec: spec}
		if _, err := h.Location(t.Context(), l, false); !salvor.Is(err, salvor.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	l := &salvor.BackupLocation{ObjectMeta: salvor.ObjectMeta{Name: "l"}}
	l.Spec.Directory = &salvor.DirectoryLocation{Path: filepath.Join(t.TempDir(), "missing")}
	if _, err := h.Location(t.Context(), l, false); !salvor.Is(err, salvor.NotFound) {
		t.Errorf("no such place: %v", err)
	}
}
