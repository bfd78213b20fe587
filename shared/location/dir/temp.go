package dir

import (
	"errors"
	"io/fs"
	"path"
	"time"
)

// tempLife is how long after its last write a temporary file counts as left by a
// crash. A put that is alive writes far more often.
const tempLife = time.Hour

// sweep removes the temporary files that are old at now.
func (s *Store) sweep(now time.Time) error {
	entries, err := fs.ReadDir(s.root.FS(), tempDir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		at, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if now.Sub(at.ModTime()) < tempLife {
			continue
		}
		if err := s.root.Remove(path.Join(tempDir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
