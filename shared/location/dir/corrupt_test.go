package dir_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/location/dir"
	"salvor.io/salvor/shared/location/locationtest"
)

// A bit flipped anywhere in a file, a byte cut off or added, is found.
func TestDamage(t *testing.T) {
	key := newKey(t)
	for name, o := range map[string]dir.Options{"plain": {}, "encrypted": sealedFor(key)} {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir()
			s := open(t, path, o)
			want := locationtest.Random(1, 70<<10)
			put(t, s, "dir/blob", want)
			put(t, s, "dir/other", want)
			file := filepath.Join(path, "dir", "blob")
			stored, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			check := func(what string, damaged []byte) {
				t.Helper()
				// Written in place: the attributes stay, as on a disk that rots.
				if err := os.WriteFile(file, damaged, 0o600); err != nil {
					t.Fatal(err)
				}
				_, err := read(t, s, "dir/blob")
				if !errors.Is(err, location.ErrCorrupt) && !(name == "encrypted" && errors.Is(err, location.ErrDenied)) {
					t.Fatalf("%s: Get gives %v, want %v", what, err, location.ErrCorrupt)
				}
				blobs := 0
				for _, err := range s.List(t.Context(), "", "") {
					if err != nil {
						t.Fatalf("%s: List = %v", what, err)
					}
					blobs++
				}
				if blobs != 2 {
					t.Fatalf("%s: List has %d blobs, want 2", what, blobs)
				}
			}
			for at := 0; at < len(stored); at += 1 + at/7 {
				for _, bit := range []byte{1, 128} {
					damaged := bytes.Clone(stored)
					damaged[at] ^= bit
					check("bit flipped", damaged)
				}
			}
			check("cut", stored[:len(stored)-1])
			check("cut to a chunk", stored[:64<<10])
			check("emptied", nil)
			check("longer", append(bytes.Clone(stored), 0))
			if err := os.WriteFile(file, stored, 0o600); err != nil {
				t.Fatal(err)
			}
			if got, err := read(t, s, "dir/blob"); err != nil || !bytes.Equal(got, want) {
				t.Errorf("repaired: Get gives %d bytes, %v", len(got), err)
			}
		})
	}
}

// A file whose attribute a copy program dropped is readable, and checked by who
// knows its digest.
func TestWithoutAttribute(t *testing.T) {
	path := t.TempDir()
	s := open(t, path, dir.Options{})
	body := location.Bytes([]byte("hello"))
	put(t, s, "blob", []byte("hello"))
	file := filepath.Join(path, "blob")
	if err := unix.Removexattr(file, "user.salvor.sha256"); err != nil {
		t.Fatalf("removing the attribute that Put should have set: %v", err)
	}
	if got, err := read(t, s, "blob"); err != nil || string(got) != "hello" {
		t.Errorf("Get = %q, %v", got, err)
	}
	if info, err := s.Stat(t.Context(), "blob"); err != nil || info.SHA256 != "" {
		t.Errorf("Stat = %+v, %v, want no digest", info, err)
	}
	if err := os.WriteFile(file, []byte("hellO"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, _, err := s.Get(t.Context(), "blob")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	_, err = io.ReadAll(location.Verify(r, body.SHA256()))
	wantError(t, err, location.ErrCorrupt)

	for _, attribute := range []string{"", "nonsense", string(make([]byte, 1000))} {
		if err := unix.Setxattr(file, "user.salvor.sha256", []byte(attribute), 0); err != nil {
			t.Fatal(err)
		}
		_, err = read(t, s, "blob")
		wantError(t, err, location.ErrCorrupt)
	}
}
