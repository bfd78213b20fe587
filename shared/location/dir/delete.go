package dir

import (
	"context"
	"errors"
	"io/fs"
	"path"

	"salvor.io/salvor/shared/location"
)

// Delete removes the blob, see location.Location, and directories that it leaves
// empty.
func (s *Store) Delete(ctx context.Context, key string) error {
	err := ctx.Err()
	if err == nil {
		err = location.CheckKey(key)
	}
	if err == nil {
		err = s.remove(key)
	}
	if err != nil {
		return s.fail("deleting", key, err)
	}
	return nil
}

func (s *Store) remove(key string) error {
	s.dirs.Lock()
	defer s.dirs.Unlock()
	at, err := s.root.Lstat(key)
	if errors.Is(err, fs.ErrNotExist) || isNotDirectory(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if at.IsDir() {
		return nil // the directory of other keys: under this one there is nothing
	}
	if err := s.root.Remove(key); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := s.syncDir(path.Dir(key)); err != nil {
		return err
	}
	for dir := path.Dir(key); dir != "."; dir = path.Dir(dir) {
		if s.root.Remove(dir) != nil {
			break // not empty, or gone
		}
	}
	return nil
}

// syncDir makes what changed in a directory durable.
func (s *Store) syncDir(dir string) error {
	f, err := s.root.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
