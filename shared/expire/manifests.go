package expire

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"

	"golang.org/x/sync/errgroup"

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/salvor"
)

// manifestsAtOnce is how many manifests are read side by side.
const manifestsAtOnce = 8

// manifests notes what every manifest refers to. An error: one can't be read, or one is missing that the catalog knows of:
// then nobody can tell what is used.
func (c *collection) manifests(ctx context.Context) error {
	known := map[string]bool{}
	var unrecorded []*salvor.Backup
	q := catalog.Query{ClusterID: c.repo.ClusterID(), Phases: []salvor.Phase{salvor.PhaseCompleted, salvor.PhasePartiallyFailed, salvor.PhaseSettling, salvor.PhaseFailed}}
	if err := c.pass.each(ctx, q, func(b *salvor.Backup) {
		if b.Spec.Location == c.location && (b.Status.Phase != salvor.PhaseFailed || gone(b)) {
			known[b.Name] = true
			if h := b.Status.Hold; h != nil && !h.Recorded || b.Status.Release != nil {
				unrecorded = append(unrecorded, b)
			}
		}
	}); err != nil {
		return err
	}
	for _, b := range unrecorded {
		if err := backup.Record(ctx, c.pass.Catalog, b, c.repo); err != nil && !salvor.Is(err, salvor.Conflict) {
			return err
		}
	}
	names, err := c.repo.Backups(ctx)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(manifestsAtOnce)
	for _, name := range names {
		group.Go(func() error {
			m, _, err := c.repo.Manifest(groupCtx, name)
			if errors.Is(err, location.ErrNotFound) {
				return nil
			}
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			delete(known, name)
			c.done.Manifests++
			for _, kind := range m.Kinds {
				for _, s := range kind.Segments {
					c.used[s.Digest] = true
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return c.missing(ctx, known)
}

// gone reports whether a sync has found that the manifest is gone: until somebody deletes the backup, it may be brought back.
func gone(b *salvor.Backup) bool { return b.Annotations[salvor.ManifestGoneAnnotation] != "" }

// missing finds out whether backups that have no manifest were deleted meanwhile.
func (c *collection) missing(ctx context.Context, names map[string]bool) error {
	for name := range names {
		id := salvor.BackupID{ClusterID: c.repo.ClusterID(), Name: name}
		b, err := c.pass.Catalog.GetBackup(ctx, id)
		if salvor.Is(err, salvor.NotFound) || err == nil && b.Status.Phase == salvor.PhaseDeleting {
			continue
		}
		if err != nil {
			return err
		}
		return salvor.Errorf(salvor.Corrupt, "the manifest of backup %s is missing at %s: somebody has removed it", id, c.repo).
			WithHint("bring it back, such as from a version that the bucket keeps, or delete the backup; until then no segment is removed")
	}
	return nil
}

// unfinished are the backups that are being made.
func (p *Pass) unfinished(ctx context.Context) iter.Seq2[*salvor.Backup, error] {
	return func(yield func(*salvor.Backup, error) bool) {
		q := catalog.Query{Limit: catalog.MaxLimit, Phases: []salvor.Phase{salvor.PhasePending, salvor.PhaseQuiescing, salvor.PhaseCapturing}}
		for {
			page, err := p.Catalog.Search(ctx, q)
			if err != nil {
				yield(nil, fmt.Errorf("looking for unfinished backups: %w", err))
				return
			}
			for _, b := range page.Backups {
				if !yield(b, nil) {
					return
				}
			}
			if q.Cursor = page.Next; q.Cursor == "" {
				return
			}
		}
	}
}
