package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/catalog/sqlite"
	"salvor.io/salvor/shared/salvor"
)

// What the search is measured with: catalogs with as many backups on each day, but of more days.
const (
	fewBackups  = 10_000
	manyBackups = 1_000_000
	aDay        = 100
	searches    = 200
)

// benchSearch searches one day in a large and in a small SQLite catalog, in turn.
func benchSearch(ctx context.Context, b *bench) ([]Result, error) {
	dir := b.dir
	if m, err := os.MkdirTemp("/dev/shm", "salvor-bench-"); err == nil { // filling syncs a million times
		dir = m
		defer os.RemoveAll(m)
	}
	few, err := b.fill(ctx, filepath.Join(dir, "few.db"), fewBackups)
	if err != nil {
		return nil, err
	}
	defer few.Close()
	many, err := b.fillMany(ctx, filepath.Join(dir, "many.db"))
	if err != nil {
		return nil, err
	}
	defer many.Close()
	var ofFew, ofMany []float64
	for i := range searches + 10 {
		f, err := searchDay(ctx, few, fewBackups, i)
		if err != nil {
			return nil, err
		}
		m, err := searchDay(ctx, many, manyBackups, i)
		if err != nil {
			return nil, err
		}
		if i >= 10 { // nobody counts a warm-up
			ofFew, ofMany = append(ofFew, f*1000), append(ofMany, m*1000)
		}
	}
	return []Result{
		info("search/day-among-10000", ofFew, "ms"),
		info("search/day-among-1000000", ofMany, "ms"),
		atMost(1.2, "search/1000000-to-10000", ratios(ofMany, ofFew), "x"),
	}, nil
}

var firstDay = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// fill makes a catalog of n backups.
func (b *bench) fill(ctx context.Context, path string, n int) (*sqlite.Catalog, error) {
	c, err := sqlite.Open(path)
	if err != nil {
		return nil, err
	}
	b.say("search: recording %d backups", n)
	for i := range n {
		at := firstDay.Add(time.Duration(i) * 24 * time.Hour / aDay)
		backup := &salvor.Backup{TypeMeta: kindOf(salvor.KindBackup),
			ObjectMeta: salvor.ObjectMeta{Name: fmt.Sprintf("nightly-%d", i), Labels: map[string]string{"app": "shop"}, CreationTimestamp: metav1.NewTime(at)},
			Spec:       salvor.BackupSpec{Cluster: "bench", Location: "bench", Scope: salvor.Scope{Namespaces: []string{"shop-*"}}},
			Status: salvor.BackupStatus{Phase: salvor.PhaseCompleted, ClusterID: fmt.Sprintf("cluster-%d", i%10), CutAt: metav1.NewMicroTime(at),
				Revision: "12345678", Namespaces: []string{fmt.Sprintf("shop-%d", i%50)}}}
		if err := c.CreateBackup(ctx, backup); err != nil {
			return nil, err
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

// fillMany makes a catalog that begins like the small one.
func (b *bench) fillMany(ctx context.Context, path string) (*sqlite.Catalog, error) {
	c, err := b.fill(ctx, path, fewBackups)
	if err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	defer db.Close()
	span := int64(fewBackups/aDay) * 24 * int64(time.Hour/time.Microsecond)
	b.say("search: copying them to %d", manyBackups)
	for k := 1; k < manyBackups/fewBackups; k++ {
		for _, statement := range copyBackups {
			if _, err := db.ExecContext(ctx, statement, k, fewBackups, span); err != nil {
				return nil, errors.Join(fmt.Errorf("copying backups: %w", err), c.Close())
			}
		}
	}
	return c, nil
}

// searchDay searches a day, another one each time, and returns the seconds that took.
func searchDay(ctx context.Context, c *sqlite.Catalog, n, i int) (float64, error) {
	day := firstDay.AddDate(0, 0, (i*7919)%(n/aDay))
	begin := time.Now()
	page, err := c.Search(ctx, catalog.Query{From: day, To: day.AddDate(0, 0, 1), Limit: aDay})
	took := time.Since(begin).Seconds()
	if err == nil && len(page.Backups) != aDay {
		err = fmt.Errorf("a search of %s found %d backups instead of %d", day.Format(time.DateOnly), len(page.Backups), aDay)
	}
	return took, err
}
