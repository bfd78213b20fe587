package ebs

import (
	"fmt"
	"os"
	"path/filepath"
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
}

// CreateSnapshot returns the snapshot of that name, cut now if need be.
func (s *Store) CreateSnapshot(name, volume string) (Snapshot, error) {
	made := id(snapshots, name)
	if snap, err := s.Snapshot(made); err == nil {
		return snap, nil
	}
	v, err := s.Volume(volume)
	if err != nil {
		return Snapshot{}, fmt.Errorf("looking for the volume to snapshot: %w", err)
	}
	now := s.Now().UTC()
	snap := Snapshot{ID: made, Name: name, Volume: volume, Bytes: v.Bytes, Cut: now, Usable: now.Add(s.Settle)}
	if err := s.create(snapshots, made, s.data(volumes, volume), snap); err != nil {
		return Snapshot{}, err
	}
	return s.Snapshot(made)
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
