// Package expire deletes what retention lets go, and then what nobody refers to any more.
//
// A pass has two parts, each of which may be killed anywhere and is finished by the next pass. [Pass.Expire] plans every
// schedule by its policy and deletes the backups that no rule keeps. [Pass.Collect] looks through the repositories: it marks
// segments that no manifest refers to, and removes those that were marked long enough ago that every backup which may
// still have used them has stored its manifest, and to which no manifest refers now.
package expire

import (
	"context"
	"time"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/salvor"
)

// Pass is what a look at everything needs.
type Pass struct {
	Catalog catalog.Catalog
	// Open opens the part of a named BackupLocation that belongs to the cluster. Plan does without, and then knows of no locks.
	Open func(ctx context.Context, location, clusterID string) (*repository.Repository, error)
	// Clusters returns the ids of the clusters that a named BackupLocation holds anything of.
	Clusters func(ctx context.Context, location string) ([]string, error)
	// Volumes is backup.Remover's.
	Volumes func(ctx context.Context, b *salvor.Backup, m *archive.Manifest) error
	// CatalogID is that of owner.json.
	CatalogID string
	// Now is the clock, By who runs the pass, for the record.
	Now func() time.Time
	By  string
}

// each hands out every backup that the query finds, page by page.
func (p *Pass) each(ctx context.Context, q catalog.Query, do func(*salvor.Backup)) error {
	for q.Limit = catalog.MaxLimit; ; {
		page, err := p.Catalog.Search(ctx, q)
		if err != nil {
			return err
		}
		for _, b := range page.Backups {
			do(b)
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return nil
		}
	}
}

// objects hands out every object of the kind.
func objects[T salvor.Object](ctx context.Context, p *Pass, kind string, do func(T)) error {
	for cursor := ""; ; {
		page, next, err := p.Catalog.List(ctx, kind, cursor, catalog.MaxLimit)
		if err != nil {
			return err
		}
		for _, o := range page {
			do(o.(T))
		}
		if cursor = next; cursor == "" {
			return nil
		}
	}
}
