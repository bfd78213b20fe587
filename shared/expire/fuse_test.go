package expire_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"sync"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/salvor"
)

var errKilled = errors.New("killed")

// fuse lets a number of operations on a catalog and a location pass, and none after: as if the process had been killed. The
// last one is done, and its answer lost, when the number of operations is odd.
type fuse struct {
	mu   sync.Mutex
	left int
	lost bool
}

// burn reports whether the operation is done, and whether its answer arrives.
func (f *fuse) burn() (done, answered bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left--
	return f.left > 0 || f.left == 0 && f.lost, f.left > 0
}

func through[T any](f *fuse, do func() (T, error)) (T, error) {
	var none T
	done, answered := f.burn()
	if !done {
		return none, errKilled
	}
	v, err := do()
	if !answered {
		return none, errKilled
	}
	return v, err
}

func (f *fuse) run(do func() error) error {
	_, err := through(f, func() (struct{}, error) { return struct{}{}, do() })
	return err
}

// fusedLocation is a location behind a fuse.
type fusedLocation struct {
	location.Location
	*fuse
}

func (l fusedLocation) Put(ctx context.Context, key string, body location.Body) (location.Info, error) {
	return through(l.fuse, func() (location.Info, error) { return l.Location.Put(ctx, key, body) })
}

func (l fusedLocation) Get(ctx context.Context, key string) (r io.ReadCloser, info location.Info, err error) {
	r, err = through(l.fuse, func() (io.ReadCloser, error) {
		r, info, err = l.Location.Get(ctx, key)
		return r, err
	})
	return r, info, err
}

func (l fusedLocation) Stat(ctx context.Context, key string) (location.Info, error) {
	return through(l.fuse, func() (location.Info, error) { return l.Location.Stat(ctx, key) })
}

func (l fusedLocation) Delete(ctx context.Context, key string) error {
	return l.run(func() error { return l.Location.Delete(ctx, key) })
}

func (l fusedLocation) List(ctx context.Context, prefix, after string) iter.Seq2[location.Info, error] {
	if done, _ := l.burn(); !done {
		return func(yield func(location.Info, error) bool) { yield(location.Info{}, errKilled) }
	}
	return l.Location.List(ctx, prefix, after)
}

func (l fusedLocation) Dirs(ctx context.Context, prefix string) iter.Seq2[string, error] {
	if done, _ := l.burn(); !done {
		return func(yield func(string, error) bool) { yield("", errKilled) }
	}
	return l.Location.Dirs(ctx, prefix)
}

// fusedCatalog is a catalog behind a fuse.
type fusedCatalog struct {
	catalog.Catalog
	*fuse
}

func (c fusedCatalog) Get(ctx context.Context, kind, name string) (salvor.Object, error) {
	return through(c.fuse, func() (salvor.Object, error) { return c.Catalog.Get(ctx, kind, name) })
}

func (c fusedCatalog) GetBackup(ctx context.Context, id salvor.BackupID) (*salvor.Backup, error) {
	return through(c.fuse, func() (*salvor.Backup, error) { return c.Catalog.GetBackup(ctx, id) })
}

func (c fusedCatalog) UpdateBackup(ctx context.Context, b *salvor.Backup) error {
	return c.run(func() error { return c.Catalog.UpdateBackup(ctx, b) })
}

func (c fusedCatalog) DeleteBackup(ctx context.Context, id salvor.BackupID, version string) error {
	return c.run(func() error { return c.Catalog.DeleteBackup(ctx, id, version) })
}

func (c fusedCatalog) Search(ctx context.Context, q catalog.Query) (catalog.Page, error) {
	return through(c.fuse, func() (catalog.Page, error) { return c.Catalog.Search(ctx, q) })
}
