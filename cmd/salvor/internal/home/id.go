package home

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"salvor.io/salvor/shared/salvor"
)

// catalogID reads the id in the file, or makes one: a link never replaces what another process made meanwhile.
func catalogID(path string) (string, error) {
	id, err := readID(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return id, err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), "."+idFile+"-*")
	if err != nil {
		return "", fmt.Errorf("making the catalog's id: %w", err)
	}
	defer os.Remove(temp.Name())
	_, err = fmt.Fprintln(temp, strings.ToLower(rand.Text()))
	if err = errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return "", fmt.Errorf("making the catalog's id: %w", err)
	}
	if err := os.Link(temp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("making the catalog's id: %w", err)
	}
	return readID(path)
}

func readID(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	id := strings.TrimSpace(string(data))
	if id == "" {
		return "", salvor.Errorf(salvor.Corrupt, "%s is empty", path).
			WithHint("restore it from a copy, or take the id from the owner.json of a location this home writes to")
	}
	return id, nil
}
