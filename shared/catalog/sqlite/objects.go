package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

// Create stores a new object.
func (c *Catalog) Create(ctx context.Context, o salvor.Object) error {
	if err := catalog.CheckObject(o); err != nil {
		return err
	}
	kind, name := o.GetKind(), o.Meta().Name
	return c.save(ctx, fmt.Sprintf("creating %s %q", kind, name), o, func(tx *sql.Tx, v int64, body []byte) error {
		n, err := exec(ctx, tx, `INSERT INTO objects VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`, kind, name, v, string(body))
		if err == nil && n == 0 {
			err = salvor.Errorf(salvor.Exists, "it exists")
		}
		return err
	})
}

// Update replaces an object.
func (c *Catalog) Update(ctx context.Context, o salvor.Object) error {
	if err := catalog.CheckObject(o); err != nil {
		return err
	}
	kind, m := o.GetKind(), o.Meta()
	return c.save(ctx, fmt.Sprintf("updating %s %q", kind, m.Name), o, func(tx *sql.Tx, v int64, body []byte) error {
		n, err := exec(ctx, tx, `UPDATE objects SET version = ?, body = ? WHERE kind = ? AND name = ? AND version = ?`,
			v, string(body), kind, m.Name, parseVersion(m.ResourceVersion))
		if err == nil && n == 0 {
			err = conflict()
		}
		return err
	})
}

// save gives the object its next version, stores it with store, and only then lets the caller's object carry it.
func (c *Catalog) save(ctx context.Context, what string, o salvor.Object, store func(tx *sql.Tx, v int64, body []byte) error) error {
	var version string
	err := c.write(ctx, what, func(tx *sql.Tx) error {
		// One counter for all records: a version never comes back, not even when a record is deleted and made again.
		var v int64
		if err := tx.QueryRowContext(ctx, `UPDATE counter SET version = version + 1 RETURNING version`).Scan(&v); err != nil {
			return err
		}
		version = strconv.FormatInt(v, 10)
		body, err := catalog.Encode(o, version)
		if err != nil {
			return err
		}
		return store(tx, v, body)
	})
	if err == nil {
		o.Meta().ResourceVersion = version
	}
	return err
}

// Get returns an object.
func (c *Catalog) Get(ctx context.Context, kind, name string) (salvor.Object, error) {
	if err := catalog.CheckKind(kind); err != nil {
		return nil, err
	}
	what := fmt.Sprintf("reading %s %q", kind, name)
	var body []byte
	err := c.db.QueryRowContext(ctx, `SELECT body FROM objects WHERE kind = ? AND name = ?`, kind, name).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, salvor.Errorf(salvor.NotFound, "%s %q not found", kind, name)
	}
	if err != nil {
		return nil, wrap(what, err)
	}
	return catalog.Decode(kind, name, body)
}

// List returns the objects of a kind.
func (c *Catalog) List(ctx context.Context, kind, cursor string, limit int) ([]salvor.Object, string, error) {
	if err := catalog.CheckKind(kind); err != nil {
		return nil, "", err
	}
	limit, err := catalog.CheckLimit(limit)
	if err != nil {
		return nil, "", err
	}
	after, err := catalog.ListAfter(kind, cursor)
	if err != nil {
		return nil, "", err
	}
	what := "listing " + kind
	rows, err := c.db.QueryContext(ctx, `SELECT name, body FROM objects WHERE kind = ? AND name > ? ORDER BY name LIMIT ?`, kind, after, limit+1)
	if err != nil {
		return nil, "", wrap(what, err)
	}
	defer rows.Close()
	var items []salvor.Object
	for rows.Next() {
		if len(items) == limit {
			return items, catalog.ListCursor(kind, items[limit-1].Meta().Name), nil
		}
		var name string
		var body []byte
		if err := rows.Scan(&name, &body); err != nil {
			return nil, "", wrap(what, err)
		}
		o, err := catalog.Decode(kind, name, body)
		if err != nil {
			return nil, "", err
		}
		items = append(items, o)
	}
	return items, "", wrap(what, rows.Err())
}

// Delete removes an object.
func (c *Catalog) Delete(ctx context.Context, kind, name, resourceVersion string) error {
	if err := catalog.CheckKind(kind); err != nil {
		return err
	}
	return c.write(ctx, fmt.Sprintf("deleting %s %q", kind, name), func(tx *sql.Tx) error {
		row := tx.QueryRowContext(ctx, `SELECT version FROM objects WHERE kind = ? AND name = ?`, kind, name)
		if err := checkVersion(row, resourceVersion); err != nil {
			return err
		}
		_, err := exec(ctx, tx, `DELETE FROM objects WHERE kind = ? AND name = ?`, kind, name)
		return err
	})
}

// exec runs a statement and returns how many rows it changed.
func exec(ctx context.Context, tx *sql.Tx, statement string, args ...any) (int64, error) {
	r, err := tx.ExecContext(ctx, statement, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// parseVersion returns the stored form of a resource version; -1, which no record has, when it is none of ours.
func parseVersion(s string) int64 {
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil || strconv.FormatInt(v, 10) != s {
		return -1
	}
	return v
}

// checkVersion compares the version in row with the one wanted; "" wants any.
func checkVersion(row *sql.Row, want string) error {
	var v int64
	err := row.Scan(&v)
	if errors.Is(err, sql.ErrNoRows) {
		return salvor.Errorf(salvor.NotFound, "not found")
	}
	if err == nil && want != "" && v != parseVersion(want) {
		return conflict()
	}
	return err
}

func conflict() error {
	return salvor.Errorf(salvor.Conflict, "it was changed or deleted meanwhile").WithHint("read it again and retry")
}
