package sqlite_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/catalog/sqlite"
)

// BenchmarkSearch compares catalogs of 10,000 and of 1,000,000 backups, one each half hour, the two in turn. Filling the
// larger one takes some 20 s.
func BenchmarkSearch(b *testing.B) {
	sizes := []int{10_000, 1_000_000}
	back := func(i int) time.Time { return noon.Add(-time.Duration(i) * 30 * time.Minute) }
	catalogs := make(map[int]*sqlite.Catalog)
	for _, size := range sizes {
		c := open(b, filepath.Join(b.TempDir(), "catalog.db"))
		began := time.Now()
		if err := sqlite.Fill(b.Context(), c, size, newBackup("", "", noon)); err != nil {
			b.Fatal(err)
		}
		b.Logf("filled with %d backups in %s", size, time.Since(began).Round(time.Second))
		catalogs[size] = c
	}
	const day = 48
	search := func(q catalog.Query) func(*sqlite.Catalog) (int, error) {
		return func(c *sqlite.Catalog) (int, error) {
			p, err := c.Search(b.Context(), q)
			return len(p.Backups), err
		}
	}
	for _, k := range []struct {
		name string
		do   func(*sqlite.Catalog) (int, error)
	}{
		{"a day", search(catalog.Query{From: back(5000), To: back(5000 - day)})},
		{"newest of a namespace", search(catalog.Query{Namespace: "shop", Limit: day})},
		{"a day of a cluster", search(catalog.Query{ClusterID: "cluster-3", From: back(5000), To: back(5000 - 10*day)})},
		{"newest good", func(c *sqlite.Catalog) (int, error) {
			_, err := c.NewestGood(b.Context(), "cluster-3", "shop", back(5000))
			return day, err
		}},
	} {
		for _, size := range sizes {
			b.Run(fmt.Sprintf("%s/of %d", k.name, size), func(b *testing.B) {
				for b.Loop() {
					if n, err := k.do(catalogs[size]); err != nil || n != day {
						b.Fatalf("found %d, %v", n, err)
					}
				}
			})
		}
	}
}
