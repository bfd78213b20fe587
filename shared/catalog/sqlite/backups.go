package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

// CreateBackup stores a new backup.
func (c *Catalog) CreateBackup(ctx context.Context, b *salvor.Backup) error {
	if err := catalog.CheckBackup(b); err != nil {
		return err
	}
	return c.save(ctx, fmt.Sprintf("creating backup %s", b.ID()), b, func(tx *sql.Tx, v int64, body []byte) error {
		return insertBackup(ctx, tx, b, v, body)
	})
}

func insertBackup(ctx context.Context, tx *sql.Tx, b *salvor.Backup, v int64, body []byte) error {
	var id int64
	p := catalog.PositionOf(b)
	err := tx.QueryRowContext(ctx, `INSERT INTO backups (cluster, name, rdate, schedule, phase, version, body)
		VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id`,
		p.ClusterID, p.Name, -p.Micro, b.Spec.Schedule, string(b.Status.Phase), v, string(body)).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return salvor.Errorf(salvor.Exists, "it exists")
	}
	if err != nil {
		return err
	}
	return insertNamespaces(ctx, tx, id, b)
}

func insertNamespaces(ctx context.Context, tx *sql.Tx, id int64, b *salvor.Backup) error {
	names := slices.Compact(slices.Sorted(slices.Values(b.Status.Namespaces)))
	if len(names) == 0 {
		return nil
	}
	insert, err := tx.PrepareContext(ctx, `INSERT INTO namespaces VALUES (?, ?, ?, ?, ?, ?)`)
	if err != nil {
		return err
	}
	defer insert.Close()
	p := catalog.PositionOf(b)
	for _, ns := range names {
		if _, err := insert.ExecContext(ctx, ns, -p.Micro, p.ClusterID, p.Name, b.Status.Phase.Good(), id); err != nil {
			return err
		}
	}
	return nil
}

// UpdateBackup replaces a backup.
func (c *Catalog) UpdateBackup(ctx context.Context, b *salvor.Backup) error {
	if err := catalog.CheckBackup(b); err != nil {
		return err
	}
	return c.save(ctx, fmt.Sprintf("updating backup %s", b.ID()), b, func(tx *sql.Tx, v int64, body []byte) error {
		var id int64
		var oldBody []byte
		err := tx.QueryRowContext(ctx, `SELECT id, body FROM backups WHERE cluster = ? AND name = ? AND version = ?`,
			b.Status.ClusterID, b.Name, parseVersion(b.ResourceVersion)).Scan(&id, &oldBody)
		if errors.Is(err, sql.ErrNoRows) {
			return conflict()
		}
		if err != nil {
			return err
		}
		old, err := catalog.DecodeBackup(b.ID(), oldBody)
		if err != nil {
			return err
		}
		if _, err := exec(ctx, tx, `UPDATE backups SET rdate = ?, schedule = ?, phase = ?, version = ?, body = ? WHERE id = ?`,
			-catalog.PositionOf(b).Micro, b.Spec.Schedule, string(b.Status.Phase), v, string(body), id); err != nil {
			return err
		}
		if catalog.PositionOf(old) == catalog.PositionOf(b) && old.Status.Phase.Good() == b.Status.Phase.Good() &&
			slices.Equal(old.Status.Namespaces, b.Status.Namespaces) {
			return nil // A renewed lease, progress: the usual update.
		}
		if _, err := exec(ctx, tx, `DELETE FROM namespaces WHERE backup = ?`, id); err != nil {
			return err
		}
		return insertNamespaces(ctx, tx, id, b)
	})
}

// GetBackup returns a backup.
func (c *Catalog) GetBackup(ctx context.Context, id salvor.BackupID) (*salvor.Backup, error) {
	var body []byte
	err := c.db.QueryRowContext(ctx, `SELECT body FROM backups WHERE cluster = ? AND name = ?`, id.ClusterID, id.Name).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, salvor.Errorf(salvor.NotFound, "backup %s not found", id)
	}
	if err != nil {
		return nil, wrap(fmt.Sprintf("reading backup %s", id), err)
	}
	return catalog.DecodeBackup(id, body)
}

// DeleteBackup removes a backup; what finds it goes with it.
func (c *Catalog) DeleteBackup(ctx context.Context, id salvor.BackupID, resourceVersion string) error {
	return c.write(ctx, fmt.Sprintf("deleting backup %s", id), func(tx *sql.Tx) error {
		row := tx.QueryRowContext(ctx, `SELECT version FROM backups WHERE cluster = ? AND name = ?`, id.ClusterID, id.Name)
		if err := checkVersion(row, resourceVersion); err != nil {
			return err
		}
		_, err := exec(ctx, tx, `DELETE FROM backups WHERE cluster = ? AND name = ?`, id.ClusterID, id.Name)
		return err
	})
}
