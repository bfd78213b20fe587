package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

// Search returns a page of the backups that match, all read from one snapshot.
func (c *Catalog) Search(ctx context.Context, q catalog.Query) (page catalog.Page, err error) {
	f, err := catalog.NewFilter(q)
	if err != nil {
		return catalog.Page{}, err
	}
	err = c.read(ctx, "searching backups", func(tx *sql.Tx) error {
		page, err = catalog.Collect(ctx, f, hits(ctx, tx, f), func(ctx context.Context, hits []hit) ([]*salvor.Backup, error) {
			if err := readBodies(ctx, tx, hits); err != nil {
				return nil, err
			}
			return catalog.ReadMany(len(hits), func(i int) (*salvor.Backup, error) { return catalog.DecodeBackup(hits[i].ID(), hits[i].body) })
		})
		return err
	})
	return page, err
}

// NewestGood returns the newest Completed backup of the namespace at or before a time.
func (c *Catalog) NewestGood(ctx context.Context, clusterID, namespace string, at time.Time) (*salvor.Backup, error) {
	var name string
	var body []byte
	err := c.newestGood.QueryRowContext(ctx, clusterID, namespace, -at.UnixMicro()).Scan(&name, &body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, salvor.Errorf(salvor.NotFound, "cluster %s has no Completed backup of namespace %s at or before %s",
			clusterID, namespace, at.Format(time.RFC3339))
	}
	if err != nil {
		return nil, wrap(fmt.Sprintf("searching the newest good backup of namespace %s of cluster %s", namespace, clusterID), err)
	}
	return catalog.DecodeBackup(salvor.BackupID{ClusterID: clusterID, Name: name}, body)
}

// newestGood has its LIMIT inside: joined first, every older backup of the namespace would be read.
const newestGood = `SELECT name, body FROM backups WHERE id = (SELECT backup FROM namespaces INDEXED BY namespaces_good
	WHERE good AND cluster = ? AND namespace = ? AND rdate >= ? ORDER BY rdate, name LIMIT 1)`

// walk returns the statement that walks the filter's index from its first place to its last. Every row comes straight
// from the index, in its order: nothing is sorted, nothing outside the range is touched, and where the phase is asked
// for the index holds it too. What is left is judged by the caller.
func walk(f *catalog.Filter) (statement string, args []any) {
	table, where := "backups INDEXED BY backups_by_date", ""
	name, _ := f.ExactName()
	switch q := f.Query; f.Index {
	case catalog.ByCluster:
		table, where, args = "backups INDEXED BY backups_by_cluster", "cluster = ? AND ", []any{q.ClusterID}
	case catalog.ByName:
		table, where, args = "backups INDEXED BY backups_by_name", "name = ? AND ", []any{name}
	case catalog.BySchedule:
		table, where, args = "backups INDEXED BY backups_by_schedule", "schedule <> '' AND schedule = ? AND ", []any{q.Schedule}
	case catalog.ByNamespace:
		table, where, args = "namespaces", "namespace = ? AND ", []any{q.Namespace} // Its primary key.
	case catalog.ByClusterNamespace:
		table, where, args = "namespaces INDEXED BY namespaces_by_cluster", "cluster = ? AND namespace = ? AND ", []any{q.ClusterID, q.Namespace}
	}
	if id := f.Query.ClusterID; id != "" && !strings.Contains(where, "cluster") {
		where, args = where+"+cluster = ? AND ", append(args, id) // +: not for the planner, who would sort
	}
	where += "rdate <= ? AND (rdate, cluster, name) > (?, ?, ?)"
	args = append(args, -f.Oldest, -f.After.Micro, f.After.ClusterID, f.After.Name)
	if b := f.Before; b != nil {
		where += " AND (rdate, cluster, name) < (?, ?, ?)"
		args = append(args, -b.Micro, b.ClusterID, b.Name)
	}
	if phases := f.Query.Phases; len(phases) > 0 && strings.HasPrefix(table, "backups") {
		where += " AND phase IN (?" + strings.Repeat(", ?", len(phases)-1) + ")"
		for _, p := range phases {
			args = append(args, string(p))
		}
	}
	order := "rdate, cluster, name"
	if f.Query.OldestFirst {
		order = "rdate DESC, cluster DESC, name DESC"
	}
	return fmt.Sprintf("SELECT rdate, cluster, name FROM %s WHERE %s ORDER BY %s", table, where, order), args
}

// withBody has the statement of walk read the backups, too.
func withBody(statement string) string {
	body := "body"
	if strings.Contains(statement, "FROM namespaces") {
		body = "(SELECT body FROM backups WHERE id = backup)"
	}
	return strings.Replace(statement, "SELECT rdate, cluster, name", "SELECT rdate, cluster, name, "+body, 1)
}

// hit is a row of an index, with the backup there unless it has yet to be read.
type hit struct {
	catalog.Position
	body []byte
}

// hits walks the filter's index. The backups come with it, but where most may be passed over for their names.
func hits(ctx context.Context, tx *sql.Tx, f *catalog.Filter) iter.Seq2[hit, error] {
	statement, args := walk(f)
	if !f.NarrowsByName() {
		statement = withBody(statement)
	}
	return func(yield func(hit, error) bool) {
		r, err := tx.QueryContext(ctx, statement, args...)
		if err != nil {
			yield(hit{}, err)
			return
		}
		defer r.Close()
		for r.Next() {
			var h hit
			columns := []any{&h.Micro, &h.ClusterID, &h.Name, &h.body}
			if f.NarrowsByName() {
				columns = columns[:3]
			}
			if err := r.Scan(columns...); err != nil {
				yield(h, err)
				return
			}
			h.Micro = -h.Micro
			if !yield(h, nil) {
				return
			}
		}
		if err := r.Err(); err != nil {
			yield(hit{}, err)
		}
	}
}

// bodies is one statement for many backups: the outer loop is over the places that are asked for, as [cluster, name].
const bodies = `SELECT key, body FROM json_each(?) CROSS JOIN backups ON cluster = value ->> 0 AND name = value ->> 1`

// readBodies reads the backups that have not come with their hits: all or none.
func readBodies(ctx context.Context, tx *sql.Tx, hits []hit) error {
	if len(hits) == 0 || hits[0].body != nil {
		return nil
	}
	places := make([][2]string, len(hits))
	for i, h := range hits {
		places[i] = [2]string{h.ClusterID, h.Name}
	}
	asked, err := json.Marshal(places)
	if err != nil {
		return err
	}
	rows, err := tx.QueryContext(ctx, bodies, string(asked))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var i int
		var body []byte
		if err := rows.Scan(&i, &body); err != nil {
			return err
		}
		hits[i].body = body
	}
	return rows.Err()
}
