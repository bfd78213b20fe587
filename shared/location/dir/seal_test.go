package dir_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"filippo.io/age"

	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/location/dir"
	"salvor.io/salvor/shared/location/locationtest"
)

func TestEncryption(t *testing.T) {
	path, key := t.TempDir(), newKey(t)
	secret := []byte("a secret that must not be on the disk")
	put(t, open(t, path, sealedFor(key)), "c/blob", secret)

	t.Run("the file shows nothing and opens with age", func(t *testing.T) {
		stored, err := os.ReadFile(filepath.Join(path, "c", "blob"))
		if err != nil || bytes.Contains(stored, secret[:10]) {
			t.Fatalf("the file holds the secret, or %v", err)
		}
		r, err := age.Decrypt(bytes.NewReader(stored), key)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, secret) {
			t.Errorf("age opens it as %q, %v", got, err)
		}
	})
	t.Run("another key does not open it", func(t *testing.T) {
		_, err := read(t, open(t, path, sealedFor(newKey(t))), "c/blob")
		wantError(t, err, location.ErrDenied, "identity it was encrypted for")
	})
	t.Run("without a key it is not taken for the blob", func(t *testing.T) {
		_, err := read(t, open(t, path, dir.Options{}), "c/blob")
		wantError(t, err, location.ErrSetup, "passphrase or its identity")
	})
	t.Run("with recipients only it is written and listed, not read", func(t *testing.T) {
		s := open(t, path, dir.Options{Recipients: []age.Recipient{key.Recipient()}})
		put(t, s, "c/blob2", secret)
		if info, err := s.Stat(t.Context(), "c/blob2"); err != nil || info.Size != int64(len(secret)) {
			t.Errorf("Stat = %+v, %v, want size %d", info, err, len(secret))
		}
		_, err := read(t, s, "c/blob2")
		wantError(t, err, location.ErrSetup)
	})
	t.Run("with identities only it is read, not written", func(t *testing.T) {
		s := open(t, path, dir.Options{Identities: []age.Identity{key}})
		if got, err := read(t, s, "c/blob"); err != nil || !bytes.Equal(got, secret) {
			t.Errorf("Get = %q, %v", got, err)
		}
		_, err := s.Put(t.Context(), "c/blob3", location.Bytes(nil))
		wantError(t, err, location.ErrSetup)
	})
	t.Run("a file that is not encrypted is not believed", func(t *testing.T) {
		if err := os.WriteFile(filepath.Join(path, "c", "forged"), []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := read(t, open(t, path, sealedFor(key)), "c/forged")
		wantError(t, err, location.ErrCorrupt)
	})
	t.Run("an age file may be a blob itself", func(t *testing.T) {
		s := open(t, t.TempDir(), dir.Options{})
		put(t, s, "blob", []byte("age-encryption.org/v1\nas it may be"))
		if _, err := read(t, s, "blob"); err != nil {
			t.Errorf("Get = %v", err)
		}
	})
}

// Sizes stand nowhere in an encrypted file: they follow from its length.
func TestEncryptedSizes(t *testing.T) {
	s := open(t, t.TempDir(), sealedFor(newKey(t)))
	for i, size := range []int{0, 1, 15, 16, 17, 65535, 65536, 65537, 65536 + 65520, 2 * 65536, 2*65536 + 1} {
		key := string(rune('a' + i))
		put(t, s, key, locationtest.Random(1, size))
		if info, err := s.Stat(t.Context(), key); err != nil || info.Size != int64(size) {
			t.Errorf("Stat of %d bytes = %+v, %v", size, info, err)
		}
	}
}

func TestPassphrase(t *testing.T) {
	path := t.TempDir()
	secret := []byte("a secret")

	// Two processes open a new location at once: one makes the key.
	stores := make([]*dir.Store, 2)
	var wg sync.WaitGroup
	for i := range stores {
		wg.Go(func() {
			var err error
			if stores[i], err = dir.Open(t.Context(), path, dir.Cheap(dir.Options{Passphrase: "correct horse"})); err != nil {
				t.Errorf("Open = %v", err)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	defer stores[0].Close()
	defer stores[1].Close()
	put(t, stores[0], "blob", secret)
	if got, err := read(t, stores[1], "blob"); err != nil || !bytes.Equal(got, secret) {
		t.Errorf("the other store reads %q, %v", got, err)
	}

	_, err := dir.Open(t.Context(), path, dir.Options{Passphrase: "wrong"})
	wantError(t, err, location.ErrDenied, "passphrase")
	_, err = dir.Open(t.Context(), path, dir.Options{})
	wantError(t, err, location.ErrSetup, "give its passphrase")
	_, err = dir.Open(t.Context(), path, dir.Options{Passphrase: "x", Identities: []age.Identity{newKey(t)}})
	wantError(t, err, location.ErrSetup)

	t.Run("age alone opens it", func(t *testing.T) {
		got := ageAlone(t, filepath.Join(path, ".salvor", "key.age"), "correct horse", filepath.Join(path, "blob"))
		if !bytes.Equal(got, secret) {
			t.Errorf("age gives %q", got)
		}
	})
	t.Run("blobs that are there already are not made to look protected", func(t *testing.T) {
		path := t.TempDir()
		put(t, open(t, path, dir.Options{}), "blob", secret)
		_, err := dir.Open(t.Context(), path, dir.Options{Passphrase: "x"})
		wantError(t, err, location.ErrSetup, "empty directory")
	})
	t.Run("a damaged key is reported", func(t *testing.T) {
		file := filepath.Join(path, ".salvor", "key.age")
		stored, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		stored[0] ^= 1 // before the passphrase is tried, which takes long
		if err := os.WriteFile(file, stored, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err = dir.Open(t.Context(), path, dir.Options{Passphrase: "correct horse"})
		wantError(t, err, location.ErrCorrupt, "key.age")
	})
}

// ageAlone opens a file as `age -d -i key file` does.
func ageAlone(t *testing.T, keyFile, passphrase, file string) []byte {
	t.Helper()
	scrypt, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		t.Fatal(err)
	}
	identities, err := age.ParseIdentities(decrypt(t, keyFile, scrypt))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(decrypt(t, file, identities...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func decrypt(t *testing.T, file string, identities ...age.Identity) io.Reader {
	t.Helper()
	b, err := os.ReadFile(file)
	if err == nil {
		var r io.Reader
		if r, err = age.Decrypt(bytes.NewReader(b), identities...); err == nil {
			return r
		}
	}
	t.Fatal(errors.Join(errors.New("decrypting "+file), err))
	return nil
}
