package backup

import (
	"context"
	"sync"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/salvor"
)

// How many manifests of earlier backups are read at most, for how many namespaces they are looked for, and how many of
// the newest backups of each are tried. The one before, of the same scope, most often has all.
const (
	mostManifests = 16
	mostAsked     = 64
	newestTried   = 3
)

// earlier knows, by the manifests of earlier backups, how long segments are as stored.
type earlier struct {
	catalog    catalog.Backups
	repository *repository.Repository
	location   string

	mu    sync.Mutex
	sizes map[string]int64 // by digest
	asked map[string]bool  // namespaces
	read  map[string]bool  // backups
}

func newEarlier(r *run) *earlier {
	return &earlier{catalog: r.Catalog, repository: r.site.Repository, location: r.spec.Location,
		sizes: map[string]int64{}, asked: map[string]bool{}, read: map[string]bool{}}
}

// size returns the stored length of the segment, 0 when no earlier backup that was looked at holds it. What can't be read
// is not looked at: then the segment itself is read.
func (e *earlier) size(ctx context.Context, s archive.Segment) int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	if size, ok := e.sizes[s.Digest]; ok || e.asked[s.Namespace] || len(e.asked) >= mostAsked {
		return size
	}
	e.asked[s.Namespace] = true
	page, err := e.catalog.Search(ctx, catalog.Query{ClusterID: e.repository.ClusterID(), Namespace: s.Namespace,
		Phases: []salvor.Phase{salvor.PhaseCompleted, salvor.PhasePartiallyFailed}, Limit: newestTried})
	if err != nil {
		return 0
	}
	for _, b := range page.Backups {
		if b.Spec.Location != e.location || e.read[b.Name] || len(e.read) >= mostManifests {
			continue
		}
		e.read[b.Name] = true
		e.note(ctx, b)
		if size, ok := e.sizes[s.Digest]; ok {
			return size
		}
	}
	return 0
}

// note remembers the sizes that a backup's manifest names.
func (e *earlier) note(ctx context.Context, b *salvor.Backup) {
	m, root, err := e.repository.Manifest(ctx, b.Name)
	if err != nil || root != b.Status.RootDigest {
		return
	}
	for _, kind := range m.Kinds {
		for _, s := range kind.Segments {
			if _, ok := e.sizes[s.Digest]; !ok {
				e.sizes[s.Digest] = s.StoredBytes
			}
		}
	}
}
