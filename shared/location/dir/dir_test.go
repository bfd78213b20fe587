package dir_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/location/dir"
	"salvor.io/salvor/shared/location/locationtest"
	"salvor.io/salvor/shared/salvor"
)

func TestConformance(t *testing.T) {
	t.Run("plain", func(t *testing.T) {
		locationtest.Run(t, func(t *testing.T) location.Location { return open(t, t.TempDir(), dir.Options{}) })
	})
	t.Run("encrypted", func(t *testing.T) {
		key := newKey(t)
		locationtest.Run(t, func(t *testing.T) location.Location { return open(t, t.TempDir(), sealedFor(key)) })
	})
}

func open(t *testing.T, path string, o dir.Options) *dir.Store {
	t.Helper()
	s, err := dir.Open(t.Context(), path, o)
	if err != nil {
		t.Fatalf("Open = %v", err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func newKey(t *testing.T) *age.X25519Identity {
	t.Helper()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sealedFor(key *age.X25519Identity) dir.Options {
	return dir.Options{Recipients: []age.Recipient{key.Recipient()}, Identities: []age.Identity{key}}
}

func put(t *testing.T, s *dir.Store, key string, b []byte) {
	t.Helper()
	if _, err := s.Put(t.Context(), key, location.Bytes(b)); err != nil {
		t.Fatalf("Put(%q) = %v", key, err)
	}
}

func read(t *testing.T, s *dir.Store, key string) ([]byte, error) {
	t.Helper()
	r, _, err := s.Get(t.Context(), key)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func wantError(t *testing.T, err, want error, text ...string) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got error %v, want %v", err, want)
	}
	for _, s := range text {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("error %q does not say %q", err, s)
		}
	}
}

func TestOpen(t *testing.T) {
	t.Run("a missing directory is an error that says what to do", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "not", "mounted")
		_, err := dir.Open(t.Context(), path, dir.Options{})
		wantError(t, err, location.ErrSetup, path, "mount the disk")
		if salvor.CodeOf(err) != salvor.NotFound || !errors.Is(err, location.ErrAbsent) {
			t.Errorf("code is %s, want %s", salvor.CodeOf(err), salvor.NotFound)
		}
		if _, err := os.Stat(path); err == nil {
			t.Error("it was made all the same")
		}
	})
	t.Run("a missing directory is made where asked for", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "a", "b")
		s := open(t, path, dir.Options{Create: true})
		if s.String() != path {
			t.Errorf("String() = %q, want %q", s, path)
		}
		put(t, s, "k", []byte("v"))
		again := open(t, path, dir.Options{Create: true})
		if b, err := read(t, again, "k"); err != nil || string(b) != "v" {
			t.Errorf("read again %q, %v", b, err)
		}
	})
	t.Run("a file is not a directory", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := dir.Open(t.Context(), path, dir.Options{Create: true})
		wantError(t, err, location.ErrSetup, path, "not a directory")
	})
}

func TestModes(t *testing.T) {
	old := unix.Umask(0)
	defer unix.Umask(old)
	path := filepath.Join(t.TempDir(), "root")
	put(t, open(t, path, dir.Options{Create: true}), "a/b/c", []byte("x"))
	err := filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		at, err := d.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		}
		if at.Mode().Perm() != want {
			t.Errorf("%s has mode %o, want %o", name, at.Mode().Perm(), want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestFileIsTheBlob(t *testing.T) {
	path := t.TempDir()
	want := locationtest.Random(1, 1000)
	put(t, open(t, path, dir.Options{}), "c/segments/x.zst", want)
	got, err := os.ReadFile(filepath.Join(path, "c", "segments", "x.zst"))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("the file has %d bytes that are not the blob's; %v", len(got), err)
	}
}

func TestTemporaryFiles(t *testing.T) {
	path := t.TempDir()
	s := open(t, path, dir.Options{})
	put(t, s, "blob", []byte("x"))
	temps := filepath.Join(path, ".salvor", "tmp")
	now := time.Now()
	for name, age := range map[string]time.Duration{"old": 2 * time.Hour, "young": time.Minute} {
		file := filepath.Join(temps, name)
		if err := os.WriteFile(file, []byte("half a blo"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, now.Add(-age), now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	s = open(t, path, dir.Options{Now: func() time.Time { return now }})
	if diff := cmp.Diff([]string{"young"}, files(t, temps)); diff != "" {
		t.Errorf("temporary files after opening (-want +got):\n%s", diff)
	}
	for info, err := range s.List(t.Context(), "", "") {
		if err != nil || info.Key != "blob" {
			t.Errorf("List has %+v, %v", info, err)
		}
	}
	for name, err := range s.Dirs(t.Context(), "") {
		t.Errorf("Dirs has %q, %v", name, err)
	}
}

func files(t *testing.T, path string) []string {
	t.Helper()
	entries, err := os.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestKeyAndDirectory(t *testing.T) {
	s := open(t, t.TempDir(), dir.Options{})
	put(t, s, "a/b", []byte("x"))
	_, err := s.Put(t.Context(), "a", location.Bytes(nil))
	wantError(t, err, location.ErrKey)
	_, err = s.Put(t.Context(), "a/b/c", location.Bytes(nil))
	wantError(t, err, location.ErrKey)
	if err := s.Delete(t.Context(), "a"); err != nil {
		t.Errorf("Delete of a directory = %v", err)
	}
	if _, err := read(t, s, "a/b"); err != nil {
		t.Errorf("the blob below is gone: %v", err)
	}
}

func TestSymbolicLinkOutOfTheRoot(t *testing.T) {
	outside, path := t.TempDir(), t.TempDir()
	if err := os.Symlink(outside, filepath.Join(path, "out")); err != nil {
		t.Fatal(err)
	}
	s := open(t, path, dir.Options{})
	if _, err := s.Put(t.Context(), "out/key", location.Bytes(nil)); err == nil {
		t.Error("Put followed a link out of the directory")
	}
	if got := files(t, outside); len(got) != 0 {
		t.Errorf("outside there is %v", got)
	}
}

func TestEmptyDirectoriesGo(t *testing.T) {
	path := t.TempDir()
	s := open(t, path, dir.Options{})
	put(t, s, "a/b/c", []byte("x"))
	if err := s.Delete(t.Context(), "a/b/c"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{".salvor"}, files(t, path)); diff != "" {
		t.Errorf("the root has (-want +got):\n%s", diff)
	}
}
