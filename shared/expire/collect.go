package expire

import (
	"context"
	"fmt"
	"time"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/salvor"
)

const (
	// leastGrace is the shortest time that is waited after a mark. Twice the longest backup is waited where that is more.
	leastGrace = 24 * time.Hour
	// defaultTimeout is what a backup may take that does not say so itself.
	defaultTimeout = 4 * time.Hour
	// quarantine is how much longer a mark stays after what it names may go: a backup stores nothing under a key that is
	// named, and whoever is slow to remove meets nothing new there.
	quarantine = time.Hour
	// sweepTime is how long after it has looked at the manifests a pass removes what they don't refer to: less than the
	// quarantine, with much to spare.
	sweepTime = 15 * time.Minute
	// mostMarked is how many copies one mark names; what is beyond is left to the next pass.
	mostMarked = 100_000
)

// Collected is what a pass over the segments did.
type Collected struct {
	// Repositories is how many were looked through, Manifests how many they hold.
	Repositories int `json:"repositories"`
	Manifests    int `json:"manifests"`
	// Marked, Removed and Locked count copies of segments: those that nobody uses, from now on; those that are gone; and
	// those that would be, were they not locked.
	Marked  int `json:"marked"`
	Removed int `json:"removed"`
	Locked  int `json:"locked"`
	// RemovedBytes is what the removed ones took.
	RemovedBytes int64 `json:"removedBytes"`
	// Pending counts copies that are marked and wait for their time.
	Pending int `json:"pending"`
}

// Collect looks through every repository that is this catalog's own. The error joins what could not be done; where it is not
// known what a manifest refers to, nothing is marked or removed.
func (p *Pass) Collect(ctx context.Context) (*Collected, error) {
	done := &Collected{}
	grace, err := p.grace(ctx)
	if err != nil {
		return done, err
	}
	var locations []string
	if err := objects(ctx, p, salvor.KindBackupLocation, func(l *salvor.BackupLocation) { locations = append(locations, l.Name) }); err != nil {
		return done, err
	}
	var failed problems
	for _, name := range locations {
		clusters, err := p.Clusters(ctx, name)
		if err != nil {
			failed.add(fmt.Errorf("looking for unused segments: location %q: %w", name, err))
			continue
		}
		for _, id := range clusters {
			if err := p.collectOne(ctx, name, id, grace, done); err != nil {
				failed.add(fmt.Errorf("looking for unused segments of cluster %q at location %q: %w", id, name, err))
			}
		}
	}
	return done, failed.join()
}

// grace is how long what is unused waits from when it was marked. Every backup that began before the mark has stored its
// manifest when half of it is over.
func (p *Pass) grace(ctx context.Context) (time.Duration, error) {
	longest := defaultTimeout
	note := func(s salvor.BackupSpec) { longest = max(longest, s.Timeout.Duration) }
	if err := objects(ctx, p, salvor.KindBackupSchedule, func(s *salvor.BackupSchedule) { note(s.Spec.Template.Spec) }); err != nil {
		return 0, err
	}
	// What began before the mark and is not done. It began at most a few longest backups ago.
	for b, err := range p.unfinished(ctx) {
		if err != nil {
			return 0, err
		}
		note(b.Spec)
	}
	return max(leastGrace, 2*longest), nil
}

// collection is the look through one repository.
type collection struct {
	pass     *Pass
	repo     *repository.Repository
	location string
	grace    time.Duration
	done     *Collected

	began     time.Time
	marks     []*repository.Mark
	inventory *repository.Inventory
	used      map[string]bool // digests that manifests refer to
	idle      []stored        // copies of others
	due       []stored        // copies that were marked long enough ago
}

// stored is a copy of a segment.
type stored struct {
	digest string
	repository.Copy
}

func (p *Pass) collectOne(ctx context.Context, location, clusterID string, grace time.Duration, done *Collected) error {
	repo, err := p.Open(ctx, location, clusterID)
	if err != nil {
		return err
	}
	if owner, err := repo.Owner(ctx); nobodys(err) || err == nil && owner.Catalog != p.CatalogID {
		return nil // another catalog's, and read-only for this one
	} else if err != nil {
		return err
	}
	done.Repositories++
	c := &collection{pass: p, repo: repo, location: location, grace: grace, done: done, began: p.Now().Round(0), used: map[string]bool{}}
	if err := c.look(ctx); err != nil {
		return err
	}
	if err := c.sweep(ctx); err != nil {
		return err
	}
	return c.mark(ctx)
}

// look finds what is stored, and what of it manifests refer to: in this order, so that what a manifest refers to that is
// stored meanwhile is not taken for unused.
func (c *collection) look(ctx context.Context) error {
	var err error
	if c.marks, err = c.repo.Marks(ctx); err != nil {
		return err
	}
	var all []stored
	if c.inventory, err = c.repo.Each(ctx, func(digest string, copied repository.Copy) { all = append(all, stored{digest, copied}) }); err != nil {
		return err
	}
	if err := c.manifests(ctx); err != nil {
		return err
	}
	for _, s := range all {
		switch {
		case s.Mark != nil && !c.began.Before(s.Mark.Until):
			s.Damaged = c.damaged(s)
			c.due = append(c.due, s)
		case s.Mark != nil:
			c.done.Pending++
		case !c.used[s.digest] && c.began.Sub(s.StoredAt) >= c.grace/2: // what is younger may be a running backup's
			c.idle = append(c.idle, s)
		}
	}
	return nil
}

func (c *collection) damaged(s stored) bool {
	copied, _ := c.inventory.Copy(s.digest, s.Number)
	return copied.Damaged
}

// mark notes what nobody uses.
func (c *collection) mark(ctx context.Context) error {
	if len(c.idle) == 0 {
		return nil
	}
	idle := c.idle[:min(len(c.idle), mostMarked)]
	g := &archive.Garbage{At: c.began.UTC(), Until: c.began.UTC().Add(c.grace)}
	for _, s := range idle {
		named := archive.GarbageCopy{Digest: s.digest, StoredAt: s.StoredAt.UTC()}
		if s.Number > 1 {
			named.Copy = s.Number
		}
		g.Segments = append(g.Segments, named)
	}
	if err := c.repo.PutMark(ctx, g); err != nil {
		return err
	}
	c.done.Marked += len(idle)
	return nil
}
