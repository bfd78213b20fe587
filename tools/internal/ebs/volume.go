package ebs

import "fmt"

// Volume is one volume.
type Volume struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
	// Source is the snapshot or volume it was made of; empty for none.
	Source string `json:"source,omitempty"`
}

// CreateVolume returns the volume of that name, made if need be: empty, or with
// the content of the snapshot or volume source.
func (s *Store) CreateVolume(name string, bytes int64, source string) (Volume, error) {
	v := Volume{ID: id(volumes, name), Name: name, Bytes: bytes, Source: source}
	from, err := s.content(source)
	if err != nil {
		return Volume{}, err
	}
	if err := s.create(volumes, v.ID, from, v); err != nil {
		return Volume{}, err
	}
	return s.Volume(v.ID)
}

// content returns the directory of a source.
func (s *Store) content(source string) (string, error) {
	if source == "" {
		return "", nil
	}
	if _, err := s.Snapshot(source); err == nil {
		return s.data(snapshots, source), nil
	}
	if _, err := s.Volume(source); err != nil {
		return "", fmt.Errorf("looking for the source of a volume: %w", err)
	}
	return s.data(volumes, source), nil
}

// Volume returns a volume, or ErrNotFound.
func (s *Store) Volume(id string) (v Volume, err error) { return v, s.read(volumes, id, &v) }

// VolumeDir is the directory that a volume's content is in.
func (s *Store) VolumeDir(id string) string { return s.data(volumes, id) }

// DeleteVolume deletes a volume; its snapshots stay.
func (s *Store) DeleteVolume(id string) error { return s.remove(volumes, id) }
