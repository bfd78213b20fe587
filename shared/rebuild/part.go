package rebuild

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/salvor"
)

// ownership says whose a part is.
type ownership int

const (
	nobodys ownership = iota
	owned
	foreign
)

// clusterOf is the cluster id that a directory of a location is named after.
func clusterOf(dir string) string { return strings.TrimSuffix(dir, "/") }

// part is what a location holds of one cluster.
type part struct {
	engine   *Engine
	location string
	repo     *repository.Repository
	report   *salvor.LocationSync

	ownership ownership
	owner     string                    // whose it is, if not this catalog's
	recorded  map[string]*salvor.Backup // the catalog's, by name
}

// sync imports the backups of the part and marks those that are gone. It goes on after a backup that can't be read.
func (p *part) sync(ctx context.Context) (ownership, error) {
	owner, err := p.repo.Owner(ctx)
	if errors.Is(err, location.ErrNotFound) {
		return nobodys, nil // whoever stores backups has claimed the part first; this is config/, or something else
	}
	if err != nil {
		return nobodys, err
	}
	if p.ownership = owned; owner.Catalog != p.engine.CatalogID {
		p.ownership, p.owner = foreign, owner.Catalog
	}
	// The catalog first: a backup that it lacks by now and that has a manifest later is no backup that was just deleted.
	if p.recorded, err = p.record(ctx); err != nil {
		return p.ownership, err
	}
	stored, err := p.repo.Stored(ctx)
	if err != nil {
		return p.ownership, err
	}
	var errs []error
	for _, s := range stored {
		if ctx.Err() != nil {
			return p.ownership, some(append(errs, context.Cause(ctx)))
		}
		if !s.Manifest {
			continue
		}
		p.report.Manifests++
		if err := p.one(ctx, s); err != nil {
			p.report.Unreadable++
			errs = append(errs, fmt.Errorf("backup %q: %w", s.Backup, err))
		}
		delete(p.recorded, s.Backup)
	}
	return p.ownership, errors.Join(some(errs), p.markGone(ctx))
}

// record returns what the catalog has of the cluster, by name.
func (p *part) record(ctx context.Context) (map[string]*salvor.Backup, error) {
	recorded := map[string]*salvor.Backup{}
	for q := (catalog.Query{ClusterID: p.repo.ClusterID(), Limit: catalog.MaxLimit}); ; {
		page, err := p.engine.Catalog.Search(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, b := range page.Backups {
			recorded[b.Name] = b
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return recorded, nil
		}
	}
}

// one compares a stored backup with the catalog.
func (p *part) one(ctx context.Context, s repository.Stored) error {
	b := p.recorded[s.Backup]
	switch {
	case b == nil:
		return p.add(ctx, s)
	case b.Spec.Location != p.location:
		return nil // of that name there is another, elsewhere
	case b.Annotations[salvor.ManifestGoneAnnotation] != "":
		return p.again(ctx, b, s, &p.report.Back)
	case b.Annotations[salvor.OwnerAnnotation] != p.owner, // this catalog took the other's place, or the other way round
		b.Foreign() && news(b, s):
		return p.again(ctx, b, s, &p.report.Updated)
	}
	return nil
}

// news reports whether there are events that the catalog does not know of.
func news(b *salvor.Backup, s repository.Stored) bool {
	known := cmp.Or(b.Annotations[salvor.EventsAnnotation], "0")
	return s.LastEvent > b.Annotations[salvor.LastEventAnnotation] || known != strconv.Itoa(s.Events)
}

// add imports a backup that the catalog lacks.
func (p *part) add(ctx context.Context, s repository.Stored) error {
	b, err := p.read(ctx, s)
	if errors.Is(err, location.ErrNotFound) {
		return nil // deleted since it was listed
	}
	if err != nil {
		return err
	}
	err = p.engine.Catalog.CreateBackup(ctx, b)
	if salvor.Is(err, salvor.Exists) { // begun since the catalog was read, or imported by another sync
		return nil
	}
	if err == nil {
		p.report.Imported++
	}
	return err
}

// again brings a recorded backup up to date with what is stored.
func (p *part) again(ctx context.Context, b *salvor.Backup, s repository.Stored, count *int) error {
	fresh, err := p.read(ctx, s)
	if err != nil {
		return err
	}
	_, err = catalog.MutateBackup(ctx, p.engine.Catalog, b.ID(), func(b *salvor.Backup) error {
		fresh.ResourceVersion, fresh.Status.Lease = b.ResourceVersion, b.Status.Lease
		if !b.Foreign() && !fresh.Foreign() { // the location may not tell of them yet
			fresh.Status.Hold, fresh.Status.Release = b.Status.Hold, b.Status.Release
		}
		*b = *fresh
		return nil
	})
	if err == nil {
		*count++
	}
	return err
}

// read makes the catalog's entry of what is stored.
func (p *part) read(ctx context.Context, s repository.Stored) (*salvor.Backup, error) {
	m, root, err := p.repo.Manifest(ctx, s.Backup)
	if err != nil {
		return nil, err
	}
	var events []archive.Event
	if s.LastEvent != "" {
		if events, err = p.repo.Events(ctx, s.Backup); err != nil {
			return nil, err
		}
	}
	b := Entry(m, root, events)
	b.Spec.Location = p.location
	if p.owner != "" {
		b.Annotate(salvor.OwnerAnnotation, p.owner)
	}
	return b, nil
}

// markGone marks the backups of the catalog that should be here and have no manifest. It forgets those that another catalog
// was deleting.
func (p *part) markGone(ctx context.Context) error {
	var errs []error
	for _, b := range p.recorded {
		if b.Spec.Location != p.location {
			continue
		}
		if b.Foreign() && b.Status.Phase == salvor.PhaseDeleting {
			if err := p.engine.Catalog.DeleteBackup(ctx, b.ID(), b.ResourceVersion); err != nil && !salvor.Is(err, salvor.NotFound) {
				errs = append(errs, fmt.Errorf("backup %q: %w", b.Name, err))
			}
			continue
		}
		if !usable(b) {
			continue
		}
		_, err := catalog.MutateBackup(ctx, p.engine.Catalog, b.ID(), func(b *salvor.Backup) error {
			if !usable(b) {
				return errUnchanged
			}
			b.Annotate(salvor.ManifestGoneAnnotation, p.engine.Now().UTC().Format("2006-01-02T15:04:05Z"))
			b.Status.Message = fmt.Sprintf("its manifest is gone from %s, and so it can't be restored; it was %s: %s", p.repo, b.Status.Phase, b.Status.Message)
			b.Status.Phase = salvor.PhaseFailed
			return nil
		})
		switch {
		case err == nil:
			p.report.Gone++
		case !errors.Is(err, errUnchanged) && !salvor.Is(err, salvor.NotFound):
			errs = append(errs, fmt.Errorf("backup %q: %w", b.Name, err))
		}
	}
	return some(errs)
}

var errUnchanged = errors.New("nothing to change")

// usable reports whether the catalog says that the backup can be restored, wholly or in part.
func usable(b *salvor.Backup) bool {
	switch b.Status.Phase {
	case salvor.PhaseCompleted, salvor.PhasePartiallyFailed, salvor.PhaseSettling:
		return b.Status.RootDigest != ""
	}
	return false
}
