package ebs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Snapshot is one snapshot.
type Snapshot struct {
	ID     string    `json:"id"`
	Name   string    `json:"name"`
	Volume string    `json:"volume"`
	Bytes  int64     `json:"bytes"`
	Cut    time.Time `json:"cut"`
	// Usable is when volumes can be made of it. What is in it was fixed at Cut.
	Usable time.Time `json:"usable"`
	// Broken is why it never will be, whatever Usable says; empty: it is sound.
	Broken string `json:"broken,omitempty"`
	// Group is the id of the group that it was cut with; empty: by itself.
	Group string `json:"group,omitempty"`
}

// SnapshotOptions say what becomes of a new snapshot.
type SnapshotOptions struct {
	// Pending is how long it takes until it can be used.
	Pending time.Duration
	// Broken is why it never can; empty: it can.
	Broken string
	group  string
}

// CreateSnapshot returns the snapshot of that name, cut now if need be. When it
// was deleted meanwhile, that is another one, with an id of its own.
func (s *Store) CreateSnapshot(name, volume string, o SnapshotOptions) (Snapshot, error) {
	made, snap, err := s.named(name)
	if err != nil || snap.ID != "" {
		return snap, err
	}
	v, err := s.Volume(volume)
	if err != nil {
		return Snapshot{}, fmt.Errorf("looking for the volume to snapshot: %w", err)
	}
	now := s.Now().UTC()
	snap = Snapshot{ID: made, Name: name, Volume: volume, Bytes: v.Bytes, Cut: now, Usable: now.Add(o.Pending), Broken: o.Broken, Group: o.group}
	if err := s.create(snapshots, made, s.data(volumes, volume), snap); err != nil {
		return Snapshot{}, err
	}
	if err := s.noteUsed(made); err != nil {
		return Snapshot{}, err
	}
	return s.Snapshot(made)
}

// named returns the snapshot of that name, or the id that it will have. An id is
// never used again.
func (s *Store) named(name string) (string, Snapshot, error) {
	for n := 0; ; n++ {
		one := id(snapshots, name)
		if n > 0 {
			one = id(snapshots, fmt.Sprint(name, "#", n))
		}
		snap, err := s.Snapshot(one)
		if err == nil {
			return one, snap, nil
		}
		if !errors.Is(err, ErrNotFound) {
			return "", Snapshot{}, err
		}
		if _, err := os.Stat(s.used(one)); errors.Is(err, fs.ErrNotExist) {
			return one, Snapshot{}, nil
		} else if err != nil {
			return "", Snapshot{}, fmt.Errorf("looking whether %s was used: %w", one, err)
		}
	}
}

func (s *Store) used(id string) string { return filepath.Join(s.Dir, "used", id) }

func (s *Store) noteUsed(id string) error {
	if err := os.MkdirAll(filepath.Dir(s.used(id)), 0o755); err != nil {
		return fmt.Errorf("noting that %s is used: %w", id, err)
	}
	if err := os.WriteFile(s.used(id), nil, 0o600); err != nil {
		return fmt.Errorf("noting that %s is used: %w", id, err)
	}
	return nil
}

// CreateGroup returns the snapshots of the group of that name, one of each
// volume, cut now if need be, in the order of their volumes.
func (s *Store) CreateGroup(name string, volumes []string, o SnapshotOptions) ([]Snapshot, error) {
	o.group = id(groups, name)
	var all []Snapshot
	for _, v := range slices.Sorted(slices.Values(volumes)) {
		snap, err := s.CreateSnapshot(name+"/"+v, v, o)
		if err != nil {
			return nil, err
		}
		all = append(all, snap)
	}
	return all, nil
}

// Snapshot returns a snapshot, or ErrNotFound.
func (s *Store) Snapshot(id string) (snap Snapshot, err error) {
	return snap, s.read(snapshots, id, &snap)
}

// Snapshots returns every snapshot, in the order of their ids.
func (s *Store) Snapshots() ([]Snapshot, error) {
	dirs, err := filepath.Glob(filepath.Join(s.Dir, snapshots, "*"))
	if err != nil {
		return nil, fmt.Errorf("listing snapshots: %w", err)
	}
	var all []Snapshot
	for _, d := range dirs {
		snap, err := s.Snapshot(filepath.Base(d))
		if err != nil {
			if _, gone := os.Stat(d); gone != nil {
				continue // deleted meanwhile
			}
			return nil, err
		}
		all = append(all, snap)
	}
	return all, nil
}

// DeleteSnapshot deletes a snapshot; volumes made of it stay.
func (s *Store) DeleteSnapshot(id string) error { return s.remove(snapshots, id) }
