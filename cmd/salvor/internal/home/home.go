// Package home is the one-machine root: it joins the engines with a SQLite catalog and with the clusters and
// locations that the catalog names.
//
// A home is a directory: catalog.db, and catalog-id, which says in every location who writes there. Nothing else has
// to be installed. It holds no credentials: clusters are signed in to by kubeconfig files and, as buckets are, by what
// the AWS SDK finds around it.
package home

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"salvor.io/salvor/cmd/salvor/internal/remote"
	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/catalog/sqlite"
	"salvor.io/salvor/shared/cluster/eks"
	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/rebuild"
	"salvor.io/salvor/shared/salvor"
)

// The files of a home.
const (
	catalogFile = "catalog.db"
	idFile      = "catalog-id"
)

// Options is what a home needs of the process.
type Options struct {
	// Now is the clock.
	Now func() time.Time
	// Holder names this process in leases; no other has the same.
	Holder string
	// Version of Salvor, for manifests.
	Version string
	// Warn, if set, is told what went wrong and stops nothing.
	Warn func(error)
}

// Home is an open home.
type Home struct {
	// Dir is where it is.
	Dir string
	// ID is the catalog's id in the owner.json of each location.
	ID      string
	Catalog catalog.Catalog
	// Remote is the API that keeps the catalog and does the work; nil: this machine does.
	Remote *remote.Client
	// Sync rebuilds the catalog from locations; nil: the service behind Remote does.
	Sync *rebuild.Engine

	options Options

	mu        sync.Mutex
	locations map[string]location.Location // by spec
	closers   []io.Closer
	eks       *eks.Access // nil until it is needed
}

// Dir returns where the home is when nobody says otherwise: $SALVOR_HOME, $XDG_DATA_HOME/salvor, ~/.local/share/salvor.
func Dir(getenv func(string) string) (string, error) {
	if dir := getenv("SALVOR_HOME"); dir != "" {
		return dir, nil
	}
	if data := getenv("XDG_DATA_HOME"); filepath.IsAbs(data) {
		return filepath.Join(data, "salvor"), nil
	}
	if user := getenv("HOME"); user != "" {
		return filepath.Join(user, ".local", "share", "salvor"), nil
	}
	return "", salvor.Errorf(salvor.Invalid, "finding Salvor's home: none of $SALVOR_HOME, $XDG_DATA_HOME and $HOME is set").
		WithHint("set SALVOR_HOME or pass --home")
}

// Exists reports whether there is a home in the directory.
func Exists(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, catalogFile))
	return err == nil
}

// Open opens the home in the directory, which it makes when it is not there. Other processes may have it open too.
func Open(dir string, o Options) (*Home, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("opening home: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("opening home: %w", err)
	}
	id, err := catalogID(filepath.Join(dir, idFile))
	if err != nil {
		return nil, fmt.Errorf("opening home %s: %w", dir, err)
	}
	c, err := sqlite.Open(filepath.Join(dir, catalogFile))
	if err != nil {
		return nil, err
	}
	h := &Home{Dir: dir, ID: id, options: o, locations: map[string]location.Location{}}
	h.Sync = &rebuild.Engine{Catalog: c, CatalogID: id, Now: o.Now,
		Open: func(ctx context.Context, l *salvor.BackupLocation) (location.Location, error) {
			return h.Location(ctx, l, false)
		}}
	h.Catalog = &rebuild.Exporting{Catalog: c, Engine: h.Sync, Warn: o.Warn}
	return h, nil
}

// OpenRemote opens what is behind an API: its catalog, and its work, which is done there. No directory is used.
func OpenRemote(ctx context.Context, o Options, r remote.Options) (*Home, error) {
	client, err := remote.Open(ctx, r)
	if err != nil {
		return nil, err
	}
	return &Home{Catalog: client, Remote: client, options: o, locations: map[string]location.Location{}}, nil
}

// Close lets go of all that the home has opened.
func (h *Home) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var errs []error
	for _, c := range h.closers {
		errs = append(errs, c.Close())
	}
	return errors.Join(append(errs, h.Catalog.Close())...)
}

// get returns a named object, and says which one is missing.
func get[T salvor.Object](ctx context.Context, h *Home, kind, name string) (T, error) {
	o, err := h.Catalog.Get(ctx, kind, name)
	if err != nil {
		var none T
		return none, err
	}
	return o.(T), nil
}
