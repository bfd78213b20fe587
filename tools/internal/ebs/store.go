// Package ebs keeps volumes and snapshots as directories, under ids like those
// of Amazon EBS.
//
// A volume is a directory that pods write to. A snapshot is a copy of a volume
// at one moment, from which volumes are made. Everything is in the file system,
// so that several drivers, of several clusters, may share one store as clusters
// of one AWS account share its snapshots.
package ebs

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// ErrNotFound says that there is no such volume or snapshot.
var ErrNotFound = errors.New("not found")

// Store is a directory of volumes and snapshots.
type Store struct {
	Dir string
	Now func() time.Time
}

// The kinds of things; each is an id's prefix, too. A group is nothing but an id.
const (
	volumes   = "vol"
	snapshots = "snap"
	groups    = "group"
)

// id is made of the name that the caller gave, so that asking twice for the
// same thing gives the same thing.
func id(kind, name string) string {
	sum := sha256.Sum256([]byte(name))
	return kind + "-0" + hex.EncodeToString(sum[:8])
}

func (s *Store) path(kind, id string) string { return filepath.Join(s.Dir, kind, filepath.Base(id)) }
func (s *Store) data(kind, id string) string { return filepath.Join(s.path(kind, id), "data") }

// read loads what is known about id into meta.
func (s *Store) read(kind, id string, meta any) error {
	raw, err := os.ReadFile(filepath.Join(s.path(kind, id), "meta.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", id, ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", id, err)
	}
	if err := json.Unmarshal(raw, meta); err != nil {
		return fmt.Errorf("decoding %s: %w", id, err)
	}
	return nil
}

// create makes id with a copy of the directory source, or empty. It is there as
// a whole or not at all; if it is there already, nothing happens.
func (s *Store) create(kind, id, source string, meta any) error {
	if err := os.MkdirAll(filepath.Join(s.Dir, kind), 0o755); err != nil {
		return fmt.Errorf("making the store: %w", err)
	}
	tmp, err := os.MkdirTemp(s.Dir, "new-")
	if err != nil {
		return fmt.Errorf("making %s: %w", id, err)
	}
	defer os.RemoveAll(tmp)
	if err := fill(filepath.Join(tmp, "data"), source); err != nil {
		return fmt.Errorf("filling %s: %w", id, err)
	}
	raw, err := json.Marshal(meta)
	if err != nil {
		return fmt.Errorf("encoding %s: %w", id, err)
	}
	if err := os.WriteFile(filepath.Join(tmp, "meta.json"), raw, 0o600); err != nil {
		return fmt.Errorf("describing %s: %w", id, err)
	}
	err = os.Rename(tmp, s.path(kind, id))
	if errors.Is(err, fs.ErrExist) { // somebody else was quicker
		return nil
	}
	if err != nil {
		return fmt.Errorf("finishing %s: %w", id, err)
	}
	return nil
}

// fill makes dir, a copy of source with owners, modes and links, or empty.
func fill(dir, source string) error {
	if source == "" {
		if err := os.Mkdir(dir, 0o777); err != nil {
			return err
		}
		return os.Chmod(dir, 0o777) // whatever the umask: pods of any user write here
	}
	out, err := exec.Command("cp", "-a", "--reflink=auto", source, dir).CombinedOutput()
	if err != nil {
		return fmt.Errorf("copying: %w: %s", err, out)
	}
	return nil
}

// remove deletes id. It is no error if it isn't there.
func (s *Store) remove(kind, id string) error {
	if err := os.RemoveAll(s.path(kind, id)); err != nil {
		return fmt.Errorf("deleting %s: %w", id, err)
	}
	return nil
}
