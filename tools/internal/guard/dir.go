package guard

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// marker is the file that says a directory is ours to remove.
const marker = ".salvor-throwaway"

// makeDir makes the instance's directory, which must be new or empty.
func makeDir(dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, "logs"), 0o700); err != nil {
		return fmt.Errorf("making the directory: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("reading the directory: %w", err)
	}
	if len(entries) > 1 {
		return fmt.Errorf("%s is not empty: it would be removed at the end; name another with --dir", dir)
	}
	if err := os.WriteFile(filepath.Join(dir, marker), nil, 0o600); err != nil {
		return fmt.Errorf("marking the directory: %w", err)
	}
	return nil
}

// removeDir removes a directory that makeDir made, and no other.
func removeDir(dir string) error {
	_, err := os.Stat(filepath.Join(dir, marker))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("removing the instance's directory: %w", err)
	}
	return nil
}
