package sqlite_test

import (
	"path/filepath"
	"testing"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/catalog/catalogtest"
	"salvor.io/salvor/shared/catalog/sqlite"
)

func TestConformance(t *testing.T) {
	catalogtest.Run(t, func(t *testing.T) catalog.Catalog { return open(t, filepath.Join(t.TempDir(), "catalog.db")) })
}

// open opens a catalog until the end of the test.
func open(t testing.TB, path string) *sqlite.Catalog {
	t.Helper()
	c, err := sqlite.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}
