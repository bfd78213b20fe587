package rebuild

import (
	"context"
	"fmt"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

// Exporting is a catalog that exports rules, policies and schedules as they change. A change does not fail because a
// location can't be written to.
type Exporting struct {
	catalog.Catalog
	Engine *Engine
	// Warn is told what could not be exported.
	Warn func(error)
}

// Create stores a new object, and exports it.
func (x *Exporting) Create(ctx context.Context, o salvor.Object) error {
	err := x.Catalog.Create(ctx, o)
	if err == nil {
		x.export(ctx, o.GetKind(), o.Meta().Name)
	}
	return err
}

// Update replaces an object, and exports what it is now.
func (x *Exporting) Update(ctx context.Context, o salvor.Object) error {
	err := x.Catalog.Update(ctx, o)
	if err == nil && o.GetKind() != salvor.KindBackupLocation { // a sync notes how it went
		x.export(ctx, o.GetKind(), o.Meta().Name)
	}
	return err
}

// Delete removes an object, and exports that it is gone.
func (x *Exporting) Delete(ctx context.Context, kind, name, resourceVersion string) error {
	err := x.Catalog.Delete(ctx, kind, name, resourceVersion)
	if err == nil {
		x.export(ctx, kind, name)
	}
	return err
}

func (x *Exporting) export(ctx context.Context, kind, name string) {
	if err := x.Engine.Export(ctx, kind, name); err != nil && x.Warn != nil {
		x.Warn(fmt.Errorf("exporting %s %q: %w", kind, name, err))
	}
}
