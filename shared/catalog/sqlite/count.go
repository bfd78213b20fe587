package sqlite

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

// Count counts backups between bounds, from the index alone where it tells what is asked for.
func (c *Catalog) Count(ctx context.Context, q catalog.Query, bounds []time.Time) ([]catalog.Tally, error) {
	counter, err := catalog.NewCounter(q, bounds)
	if err != nil {
		return nil, err
	}
	if !counter.Plain() {
		return counter.Tallies, counter.BySearch(ctx, c)
	}
	err = c.read(ctx, "counting backups", func(tx *sql.Tx) error {
		count, err := tx.PrepareContext(ctx, countStatement(counter.Filter))
		if err != nil {
			return err
		}
		defer count.Close()
		for i := range counter.Tallies {
			if err := countSpan(ctx, count, counter, i); err != nil {
				return err
			}
		}
		return nil
	})
	return counter.Tallies, err
}

// countStatement counts by phase what a search would walk.
func countStatement(f *catalog.Filter) string {
	statement, _ := walk(f)
	statement, _, _ = strings.Cut(statement, " ORDER BY")
	phase := "phase"
	if f.Index == catalog.ByNamespace || f.Index == catalog.ByClusterNamespace {
		phase = "(SELECT phase FROM backups WHERE id = backup)"
	}
	return strings.Replace(statement, "rdate, cluster, name", phase+", count(*)", 1) + " GROUP BY 1"
}

func countSpan(ctx context.Context, count *sql.Stmt, c *catalog.Counter, i int) error {
	from, to := c.Span(i)
	within := *c.Filter // of the same statement, so that the index is walked over this span alone
	within.Oldest, within.After = from, catalog.Position{Micro: to - 1}
	_, args := walk(&within)
	rows, err := count.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var phase string
		var n int
		if err := rows.Scan(&phase, &n); err != nil {
			return err
		}
		c.Add(from, salvor.Phase(phase), n)
	}
	return rows.Err()
}
