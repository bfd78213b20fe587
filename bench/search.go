package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"salvor.io/salvor/shared/catalog/sqlite"
	"salvor.io/salvor/shared/salvor"
)

// benchSearch searches a large and a small catalog in turn, in SQLite and in DynamoDB, beside bare queries.
func benchSearch(ctx context.Context, b *bench) ([]Result, error) {
	results, err := b.searchSQLite(ctx)
	if err != nil {
		return nil, err
	}
	inDynamo, err := b.searchDynamo(ctx)
	if err != nil {
		return nil, err
	}
	written, err := b.spread(ctx)
	return append(append(results, inDynamo...), written...), err
}

func (b *bench) searchSQLite(ctx context.Context) ([]Result, error) {
	dir := b.dir
	if m, err := os.MkdirTemp("/dev/shm", "salvor-bench-"); err == nil { // filling syncs ten thousand times
		dir = m
		defer os.RemoveAll(m)
	}
	var sides []side
	for _, n := range []int{fewBackups, manyBackups} {
		path := filepath.Join(dir, fmt.Sprintf("%d.db", n))
		c, err := b.fill(ctx, path)
		if err != nil {
			return nil, err
		}
		defer c.Close()
		db, err := sql.Open("sqlite", path)
		if err != nil {
			return nil, err
		}
		defer db.Close()
		if n > fewBackups {
			if err := b.multiply(ctx, db); err != nil {
				return nil, err
			}
		}
		sides = append(sides, side{catalog: c, bare: bareSQLite(db)})
	}
	return compare(ctx, b, "sqlite", manyBackups, sides[0], sides[1])
}

// fill makes the small catalog.
func (b *bench) fill(ctx context.Context, path string) (*sqlite.Catalog, error) {
	c, err := sqlite.Open(path)
	if err != nil {
		return nil, err
	}
	b.say("search: recording %d backups in SQLite", fewBackups)
	for e := range entries(fewBackups) {
		if err := c.CreateBackup(ctx, e); err != nil {
			return nil, errors.Join(err, c.Close())
		}
	}
	return c, nil
}

// copyBackups copies the first backups of a catalog to as many later days. It knows the schema, for recording
// a million backups one by one takes ten minutes.
var copyBackups = []string{
	`INSERT INTO backups (id, cluster, name, rdate, schedule, phase, version, body)
		SELECT id + ?1 * ?2, cluster, name || '-' || ?1, rdate - ?1 * ?3, schedule, phase, version, json_set(body,
			'$.metadata.name', name || '-' || ?1,
			'$.status.cutAt', strftime('%Y-%m-%dT%H:%M:%S.000000Z', (?1 * ?3 - rdate) / 1000000, 'unixepoch'))
		FROM backups WHERE id <= ?2`,
	`INSERT INTO namespaces (namespace, rdate, cluster, name, good, backup)
		SELECT namespace, rdate - ?1 * ?3, cluster, name || '-' || ?1, good, backup + ?1 * ?2 FROM namespaces WHERE backup <= ?2`,
}

// multiply makes the large catalog of the small one.
func (b *bench) multiply(ctx context.Context, db *sql.DB) error {
	span := int64(fewBackups/aDay) * 24 * int64(time.Hour/time.Microsecond)
	b.say("search: copying them to %d", manyBackups)
	for k := 1; k < manyBackups/fewBackups; k++ {
		for _, statement := range copyBackups {
			if _, err := db.ExecContext(ctx, statement, k, fewBackups, span); err != nil {
				return fmt.Errorf("copying backups: %w", err)
			}
		}
	}
	return nil
}

// bareSQLite runs the plainest statement that returns what a search returns.
func bareSQLite(db *sql.DB) bareQuery {
	return func(ctx context.Context, kind string, i int, decode bool) (int, error) {
		day := -dayOf(i).UnixMicro()
		after := func(days int) int64 { return -dayOf(i).AddDate(0, 0, days).UnixMicro() }
		var rows *sql.Rows
		var err error
		switch kind {
		case "day":
			rows, err = db.QueryContext(ctx, `SELECT body FROM backups WHERE rdate > ? AND rdate <= ? ORDER BY rdate, cluster, name`, after(1), day)
		case "namespace-year":
			rows, err = db.QueryContext(ctx, `SELECT body FROM namespaces n JOIN backups b ON b.id = n.backup WHERE n.namespace = ? AND n.rdate > ?
				ORDER BY n.rdate, n.cluster, n.name LIMIT ?`, namespaceName(i), -firstDay.AddDate(0, 0, fewBackups/aDay).UnixMicro(), aDay)
		case "as-of":
			n := (2000 + i*7919) % (fewBackups - 2000)
			rows, err = db.QueryContext(ctx, `SELECT body FROM backups WHERE id = (SELECT backup FROM namespaces WHERE good AND cluster = ? AND namespace = ? AND rdate >= ?
				ORDER BY rdate LIMIT 1)`, clusterName(n), namespaceName(n), after(30))
		case "month":
			rows, err = db.QueryContext(ctx, `SELECT count(*), phase FROM backups WHERE rdate > ? AND rdate <= ? GROUP BY (rdate - ?) / 86400000000, phase`, after(30), day, after(30))
		}
		if err != nil {
			return 0, err
		}
		defer rows.Close()
		n := 0
		var body, second sql.RawBytes
		for into := []any{&body, &second}; rows.Next(); n++ {
			columns, _ := rows.Columns()
			if err := rows.Scan(into[:len(columns)]...); err != nil {
				return 0, err
			}
			if decode && kind != "month" {
				if err := json.Unmarshal(body, new(salvor.Backup)); err != nil {
					return 0, err
				}
			}
		}
		return n, rows.Err()
	}
}
