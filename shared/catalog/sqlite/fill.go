package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"time"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

// Fill stores n backups like the pattern at once, each half an hour older than the one before: b-0, b-1, … in the
// clusters cluster-0 to cluster-9: what tests and benchmarks search in. SQL makes them, in one transaction, and the indexes
// afterwards.
func Fill(ctx context.Context, c *Catalog, n int, pattern *salvor.Backup) error {
	const halfHour = 1800
	newest, namespace := pattern.CreationTimestamp.Unix(), pattern.Status.Namespaces[0]
	pattern.Name, pattern.Status.ClusterID = "$name", "$cluster"
	body, err := catalog.Encode(pattern, "1")
	if err != nil {
		return err
	}
	body = bytes.Replace(body, []byte(pattern.CreationTimestamp.UTC().Format(time.RFC3339)), []byte("$date"), 1)
	err = c.write(ctx, "filling", func(tx *sql.Tx) error {
		remake, err := dropIndexes(ctx, tx)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `
			WITH RECURSIVE i (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM i WHERE i < ?1 - 1)
			INSERT INTO backups SELECT NULL, 'cluster-' || (i % 10), 'b-' || i, -(?2 - i * ?3) * 1000000, ?4, ?5, 1,
				replace(replace(replace(?6, '$cluster', 'cluster-' || (i % 10)), '$name', 'b-' || i),
					'$date', strftime('%Y-%m-%dT%H:%M:%SZ', ?2 - i * ?3, 'unixepoch'))
			FROM i`, n, newest, halfHour, pattern.Spec.Schedule, string(pattern.Status.Phase), string(body)); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO namespaces SELECT ?, rdate, cluster, name, ?, id FROM backups ORDER BY rdate`,
			namespace, pattern.Status.Phase.Good()); err != nil {
			return err
		}
		for _, statement := range remake {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	_, err = c.db.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`)
	return err
}

// dropIndexes drops what CREATE INDEX made, and returns the statements that make it again.
func dropIndexes(ctx context.Context, tx *sql.Tx) (remake []string, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var drop []string
	for rows.Next() {
		var name, statement string
		if err := rows.Scan(&name, &statement); err != nil {
			return nil, err
		}
		drop, remake = append(drop, `DROP INDEX `+name), append(remake, statement)
	}
	rows.Close()
	for _, statement := range drop {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return nil, err
		}
	}
	return remake, rows.Err()
}
