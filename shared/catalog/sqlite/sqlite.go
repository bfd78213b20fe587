// Package sqlite keeps the catalog in one SQLite file on this machine.
//
// Several processes may have the same file open: it is in WAL mode, a writer waits up to 10 s for another one, and
// every commit is on the disk before it returns. The file is 0600. Beside it SQLite keeps two more, -wal and -shm,
// of the same mode; all three belong together. Not for a network file system: WAL needs shared memory.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"salvor.io/salvor/shared/catalog"
)

// readers is how many statements of one process read at once; each is a connection with a cache of its own.
const readers = 8

// Catalog is a catalog in a SQLite file.
type Catalog struct {
	db *sql.DB
	// newestGood is compiled once: that takes as long as to run it.
	newestGood *sql.Stmt
	// writing holds a token while this process writes: waiting here is fair and takes a context, SQLite's own wait
	// polls.
	writing chan struct{}
}

var _ catalog.Catalog = (*Catalog)(nil)

// Open opens the catalog in the file, which it makes, with the directories above, when it is not there, and brings to
// the present schema when it is older. Forbidden: the file may not be read and written. Invalid: a newer version of
// Salvor has written it. Corrupt: it is not a SQLite file.
func Open(path string) (*Catalog, error) {
	what := fmt.Sprintf("opening the catalog %s", path)
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, wrap(what, err)
	}
	if err := prepare(path); err != nil {
		return nil, wrap(what, err)
	}
	db, err := sql.Open("sqlite", dsn(path))
	if err != nil {
		return nil, wrap(what, err)
	}
	db.SetMaxOpenConns(readers)
	db.SetMaxIdleConns(readers)
	if err := migrate(context.Background(), db, migrations); err != nil {
		return nil, wrap(what, errors.Join(err, db.Close()))
	}
	newest, err := db.Prepare(newestGood)
	if err != nil {
		return nil, wrap(what, errors.Join(err, db.Close()))
	}
	return &Catalog{db: db, newestGood: newest, writing: make(chan struct{}, 1)}, nil
}

// Close closes the file.
func (c *Catalog) Close() error {
	return wrap("closing the catalog", errors.Join(c.newestGood.Close(), c.db.Close()))
}

// prepare makes the file, so that it never has another mode than 0600; SQLite gives its own files the mode of this one.
func prepare(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: not a regular file", fs.ErrInvalid)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return f.Chmod(0o600)
	}
	return nil
}

// dsn names the file to the driver. A transaction that writes takes its lock at the start: one that began by reading
// and then had to wait could only fail. The pragmas: https://www.sqlite.org/pragma.html.
func dsn(path string) string {
	q := url.Values{"_txlock": {"immediate"}, "_dqs": {"0"}, "_pragma": {
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
	}}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

// write runs fn in a transaction that writes.
func (c *Catalog) write(ctx context.Context, what string, fn func(*sql.Tx) error) error {
	select {
	case c.writing <- struct{}{}:
		defer func() { <-c.writing }()
	case <-ctx.Done():
		return wrap(what, ctx.Err())
	}
	tx, err := c.db.BeginTx(ctx, nil)
	if err != nil {
		return wrap(what, err)
	}
	defer tx.Rollback() // Does nothing after Commit.
	if err := fn(tx); err != nil {
		return wrap(what, err)
	}
	return wrap(what, tx.Commit())
}

// read runs fn on one snapshot of the catalog.
func (c *Catalog) read(ctx context.Context, what string, fn func(*sql.Tx) error) error {
	tx, err := c.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return wrap(what, err)
	}
	defer tx.Rollback() // Nothing was written.
	return wrap(what, fn(tx))
}
