package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"salvor.io/salvor/shared/salvor"
)

// migrations lead from an empty file to the present schema, one version each. What has been released is never
// changed: a change is a new migration at the end.
//
// rdate is the date as minus Unix microseconds, so that ascending order is newest first in every index. Cluster
// and name follow it: the three are the place in the order of a search. The phase stands last in an index so that a
// search for few phases need not look at the backups between.
var migrations = []string{`
CREATE TABLE counter (version INTEGER NOT NULL);
INSERT INTO counter VALUES (0);
CREATE TABLE objects (
	kind    TEXT NOT NULL,
	name    TEXT NOT NULL,
	version INTEGER NOT NULL,
	body    TEXT NOT NULL,
	PRIMARY KEY (kind, name)
) WITHOUT ROWID;
CREATE TABLE backups (
	id       INTEGER PRIMARY KEY,
	cluster  TEXT NOT NULL,
	name     TEXT NOT NULL,
	rdate    INTEGER NOT NULL,
	schedule TEXT NOT NULL,
	phase    TEXT NOT NULL,
	version  INTEGER NOT NULL,
	body     TEXT NOT NULL
);
CREATE UNIQUE INDEX backups_by_identity ON backups (cluster, name);
CREATE INDEX backups_by_date     ON backups (rdate, cluster, name, phase);
CREATE INDEX backups_by_cluster  ON backups (cluster, rdate, name, phase);
CREATE INDEX backups_by_schedule ON backups (schedule, rdate, cluster, name, phase) WHERE schedule <> '';
CREATE INDEX backups_by_name     ON backups (name, rdate, cluster, phase);
CREATE TABLE namespaces (
	namespace TEXT NOT NULL,
	rdate     INTEGER NOT NULL,
	cluster   TEXT NOT NULL,
	name      TEXT NOT NULL,
	good      INTEGER NOT NULL,
	backup    INTEGER NOT NULL REFERENCES backups (id) ON DELETE CASCADE,
	PRIMARY KEY (namespace, rdate, cluster, name)
) WITHOUT ROWID;
CREATE INDEX namespaces_by_cluster ON namespaces (cluster, namespace, rdate, name);
CREATE INDEX namespaces_good       ON namespaces (cluster, namespace, rdate, name) WHERE good;
CREATE INDEX namespaces_of_backup  ON namespaces (backup);
`}

// migrate brings the schema to its present version. Two processes may do so at once: the second finds it done. Where
// there is nothing to do it does not wait for a writer.
func migrate(ctx context.Context, db *sql.DB, steps []string) error {
	if version, err := schemaVersion(ctx, db); err == nil && version == len(steps) {
		return nil
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // Does nothing after Commit.
	if _, err := tx.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS schema (version INTEGER NOT NULL)`); err != nil {
		return err
	}
	version, err := schemaVersion(ctx, tx)
	if err != nil {
		return err
	}
	if version > len(steps) {
		return salvor.Errorf(salvor.Invalid, "its schema has version %d, this Salvor knows up to %d", version, len(steps)).
			WithHint("use the newer Salvor that wrote it")
	}
	for ; version < len(steps); version++ {
		if _, err := tx.ExecContext(ctx, steps[version]); err != nil {
			return fmt.Errorf("migrating its schema to version %d: %w", version+1, err)
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO schema VALUES (?)`, version+1); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// schemaVersion returns the version of the schema, 0 for none.
func schemaVersion(ctx context.Context, db interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
}) (version int, err error) {
	err = db.QueryRowContext(ctx, `SELECT coalesce(max(version), 0) FROM schema`).Scan(&version)
	return version, err
}
