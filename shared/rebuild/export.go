package rebuild

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/salvor"
)

// Exports reports whether objects of the kind are exported.
func Exports(kind string) bool {
	return slices.ContainsFunc(archive.SettingKinds, func(k struct{ Folder, Kind string }) bool { return k.Kind == kind })
}

// Export exports the object, or that it is gone, to every location that this catalog writes to; to a location itself, all
// that there is. It is called after the object was stored or deleted; doing so twice does it once. It goes on after a location
// that can't be written to: the next sync of that one makes up for it.
func (e *Engine) Export(ctx context.Context, kind, name string) error {
	if kind == salvor.KindBackupLocation {
		return e.exportAll(ctx, name)
	}
	if !Exports(kind) {
		return nil
	}
	o, err := e.Catalog.Get(ctx, kind, name)
	if salvor.Is(err, salvor.NotFound) {
		o, err = nil, nil
	}
	if err != nil {
		return err
	}
	var errs []error
	for cursor := ""; ; {
		items, next, err := e.Catalog.List(ctx, salvor.KindBackupLocation, cursor, catalog.MaxLimit)
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		for _, l := range items {
			if err := e.exportTo(ctx, l.(*salvor.BackupLocation), kind, name, o); err != nil {
				errs = append(errs, fmt.Errorf("location %q: %w", l.Meta().Name, err))
			}
		}
		if cursor = next; next == "" {
			return errors.Join(errs...)
		}
	}
}

func (e *Engine) exportAll(ctx context.Context, name string) error {
	o, err := e.Catalog.Get(ctx, salvor.KindBackupLocation, name)
	if salvor.Is(err, salvor.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	s, err := e.settingsAt(ctx, o.(*salvor.BackupLocation))
	if err != nil || s == nil {
		return err
	}
	return s.exportAll(ctx)
}

func (e *Engine) exportTo(ctx context.Context, l *salvor.BackupLocation, kind, name string, o salvor.Object) error {
	s, err := e.settingsAt(ctx, l)
	if err != nil || s == nil {
		return err
	}
	return s.export(ctx, kind, name, o)
}

// settingsAt reads what is exported to the location; nil when this catalog does not write there.
func (e *Engine) settingsAt(ctx context.Context, l *salvor.BackupLocation) (*settings, error) {
	loc, err := e.Open(ctx, l)
	if err != nil {
		return nil, err
	}
	if ours, err := e.writesTo(ctx, loc); err != nil || !ours {
		return nil, err
	}
	s := &settings{engine: e, loc: loc, report: &salvor.LocationSync{}}
	return s, s.read(ctx)
}

// writesTo reports whether the location is not one where only other catalogs write.
func (e *Engine) writesTo(ctx context.Context, loc location.Location) (bool, error) {
	others := false
	for dir, err := range loc.Dirs(ctx, "") {
		if err != nil {
			return false, err
		}
		owner, err := repository.New(loc, clusterOf(dir)).Owner(ctx)
		switch {
		case errors.Is(err, location.ErrNotFound):
		case err != nil:
			return false, err
		case owner.Catalog == e.CatalogID:
			return true, nil
		default:
			others = true
		}
	}
	return !others, nil
}
