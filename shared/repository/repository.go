// Package repository reads and writes the stored format of one cluster at one location: segments, manifests,
// reports, and the claim of the catalog that writes there. What it returns has been checked against its digests.
package repository

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/salvor"
)

// Repository is the part of a location that belongs to one cluster.
type Repository struct {
	loc  location.Location
	keys archive.Keys
}

// New returns the repository of the cluster at the location.
func New(loc location.Location, clusterID string) *Repository {
	return &Repository{loc: loc, keys: archive.Keys{ClusterID: clusterID}}
}

// ClusterID returns the id of the cluster.
func (r *Repository) ClusterID() string { return r.keys.ClusterID }

// Keys makes the keys of the repository.
func (r *Repository) Keys() archive.Keys { return r.keys }

// String says where the repository is.
func (r *Repository) String() string { return r.loc.String() + "/" + r.keys.ClusterID }

// Manifest returns the manifest of the backup and its root digest. NotFound (location.ErrNotFound): no such backup here;
// Corrupt.
func (r *Repository) Manifest(ctx context.Context, backup string) (*archive.Manifest, string, error) {
	data, err := r.read(ctx, r.keys.Manifest(backup))
	if errors.Is(err, location.ErrNotFound) {
		return nil, "", salvor.Errorf(salvor.NotFound, "backup %q has no manifest at %s: %w", backup, r, err)
	}
	if err != nil {
		return nil, "", fmt.Errorf("reading manifest of backup %q: %w", backup, err)
	}
	m, root, err := archive.DecodeManifest(data)
	if err != nil {
		return nil, "", fmt.Errorf("manifest of backup %q at %s: %w", backup, r, err)
	}
	if m.Backup != backup || m.Cluster != r.keys.ClusterID {
		return nil, "", salvor.Errorf(salvor.Corrupt, "manifest of backup %q at %s is that of %s/%s", backup, r, m.Cluster, m.Backup)
	}
	return m, root, nil
}

// RecordedManifest is Manifest for a backup that the catalog says is stored here, under the root digest. Corrupt: it is
// missing, or another; NotFound: nothing of the cluster is here at all, so that this is most likely not the place.
func (r *Repository) RecordedManifest(ctx context.Context, backup, rootDigest string) (*archive.Manifest, error) {
	m, root, err := r.Manifest(ctx, backup)
	if errors.Is(err, location.ErrNotFound) {
		if _, ownerErr := r.Owner(ctx); errors.Is(ownerErr, location.ErrNotFound) {
			return nil, salvor.Errorf(salvor.NotFound, "backup %q is not at %s, and nothing else of cluster %q is", backup, r.loc, r.keys.ClusterID).
				WithHint("see whether the location still names the place that the backup was stored at")
		}
		return nil, salvor.Errorf(salvor.Corrupt, "the manifest of backup %q is missing at %s: somebody has removed it", backup, r)
	}
	if err == nil && root != rootDigest {
		err = salvor.Errorf(salvor.Corrupt, "manifest of backup %q has root digest %s, and the catalog says %s: one of them is not the one that was written", backup, root, rootDigest)
	}
	return m, err
}

// Backups returns the names of the backups that have been begun here, sorted; one without manifest does not exist yet or never will.
func (r *Repository) Backups(ctx context.Context) ([]string, error) {
	var names []string
	for dir, err := range r.loc.Dirs(ctx, r.keys.Backups()) {
		if err != nil {
			return nil, fmt.Errorf("listing backups at %s: %w", r, err)
		}
		names = append(names, path.Base(strings.TrimSuffix(dir, "/")))
	}
	return names, nil
}

// Report returns the named report of the backup, checked against the digest (hex) when it is not empty.
func (r *Repository) Report(ctx context.Context, backup, name, digest string) ([]byte, error) {
	data, err := r.read(ctx, r.keys.Report(backup, name))
	if err != nil {
		return nil, fmt.Errorf("reading report of backup %q: %w", backup, err)
	}
	if got := location.Bytes(data).SHA256(); digest != "" && got != digest {
		return nil, salvor.Errorf(salvor.Corrupt, "report of backup %q has digest %s instead of %s", backup, got, digest)
	}
	return data, nil
}

// PutReport stores a report of the backup and returns its digest (hex). Exists: there is one with other bytes.
func (r *Repository) PutReport(ctx context.Context, backup, name string, data []byte) (string, error) {
	return location.Bytes(data).SHA256(), r.putOnce(ctx, r.keys.Report(backup, name), data)
}

// Commit stores the manifest: from here on the backup exists. It returns the root digest.
// Exists: the backup has another manifest already.
func (r *Repository) Commit(ctx context.Context, m *archive.Manifest) (string, error) {
	data, root, err := archive.EncodeManifest(m)
	if err != nil {
		return "", err
	}
	return root, r.putOnce(ctx, r.keys.Manifest(m.Backup), data)
}

// putOnce stores data if nothing is there or just these bytes are.
func (r *Repository) putOnce(ctx context.Context, key string, data []byte) error {
	_, err := r.loc.Put(ctx, key, location.Bytes(data))
	if !errors.Is(err, location.ErrExists) {
		return err
	}
	there, err := r.read(ctx, key)
	if err != nil {
		return err
	}
	if string(there) != string(data) {
		return salvor.Errorf(salvor.Exists, "%s exists at %s with other content", key, r.loc)
	}
	return nil
}

func (r *Repository) read(ctx context.Context, key string) ([]byte, error) {
	body, info, err := r.loc.Get(ctx, key)
	return readAll(body, info, err)
}

// readAll reads what was opened, unless that went wrong.
func readAll(body io.ReadCloser, info location.Info, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	defer body.Close()
	data := make([]byte, 0, max(info.Size, 0)+512)
	for {
		n, err := body.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if errors.Is(err, io.EOF) {
			return data, nil
		}
		if err != nil {
			return nil, err
		}
		if len(data) == cap(data) {
			data = append(data, 0)[:len(data)]
		}
	}
}
