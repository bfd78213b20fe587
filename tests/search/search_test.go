// Package search_test searches a large catalog. It is beside the packages that are tested with the race detector, under
// which filling one takes a minute.
package search_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/catalog/sqlite"
	"salvor.io/salvor/shared/salvor"
)

// What searches are compared in: few backups and many. A page of the file has so many bytes; of the trees that a search
// walks, together as many levels may be new.
const (
	few       = 10_000
	many      = 100_000
	pageBytes = 4096
	levels    = 4
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// open opens a catalog until the end of the test.
func open(t *testing.T, path string) *sqlite.Catalog {
	t.Helper()
	c, err := sqlite.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// pattern is what the backups are like.
func pattern() *salvor.Backup {
	b := salvor.New(salvor.KindBackup).(*salvor.Backup)
	b.CreationTimestamp, b.Spec.Schedule = metav1.NewTime(noon), "nightly"
	b.Status.Phase, b.Status.Namespaces = salvor.PhaseCompleted, []string{"shop"}
	return b
}

// back is the date of the backup of that number in a catalog that Fill has filled: two in an hour.
func back(i int) time.Time { return noon.Add(-time.Duration(i) * 30 * time.Minute) }

// expected are the first of the backups, newest first, that match.
func expected(size, limit int, match func(i int) bool) []string {
	found := []string{}
	for i := 0; i < size && len(found) < limit; i++ {
		if match(i) {
			found = append(found, fmt.Sprintf("cluster-%d/b-%d", i%10, i))
		}
	}
	return found
}

func between(from, to time.Time) func(int) bool {
	return func(i int) bool { return !back(i).Before(from) && back(i).Before(to) }
}

// bytesRead is what this process has read so far, from wherever.
func bytesRead(t *testing.T) (n int) {
	t.Helper()
	data, err := os.ReadFile("/proc/self/io")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscanf(string(data), "rchar: %d", &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestAmongAHundredThousand wants searches to find what looking at every backup finds, and to read of the file, with
// nothing of it in memory, as much among 100,000 backups as among 10,000: but for a level of the trees, and a page for each
// backup that is found, for in a larger tree they lie further apart.
func TestAmongAHundredThousand(t *testing.T) {
	paths := map[int]string{}
	for _, size := range []int{few, many} {
		paths[size] = filepath.Join(t.TempDir(), "catalog.db")
		if err := sqlite.Fill(t.Context(), open(t, paths[size]), size, pattern()); err != nil {
			t.Fatal(err)
		}
	}
	day, month := between(back(5000), back(5000-48)), between(back(5000), back(5000-30*48))
	long := between(back(9000), back(100))
	of := func(cluster int, in func(int) bool) func(int) bool {
		return func(i int) bool { return i%10 == cluster && in(i) }
	}
	search := func(q catalog.Query) func(catalog.Catalog) ([]string, error) {
		return func(c catalog.Catalog) ([]string, error) {
			page, err := c.Search(t.Context(), q)
			found := []string{}
			for _, b := range page.Backups {
				found = append(found, b.ID().String())
			}
			return found, err
		}
	}
	first, err := open(t, paths[many]).Search(t.Context(), catalog.Query{Namespace: "shop", From: back(9000), To: back(100), Limit: 48})
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []struct {
		name string
		run  func(catalog.Catalog) ([]string, error)
		want func(size int) []string
	}{
		{"a day", search(catalog.Query{From: back(5000), To: back(5000 - 48)}), func(n int) []string { return expected(n, n, day) }},
		{"a day, oldest first", search(catalog.Query{From: back(5000), To: back(5000 - 48), OldestFirst: true}), func(n int) []string {
			found := expected(n, n, day)
			slices.Reverse(found)
			return found
		}},
		{"what failed in a month", search(catalog.Query{From: back(5000), To: back(5000 - 30*48), Phases: []salvor.Phase{salvor.PhaseFailed}}), func(n int) []string { return []string{} }},
		{"a namespace, a page of half a year", search(catalog.Query{Namespace: "shop", From: back(9000), To: back(100), Limit: 48}), func(n int) []string { return expected(n, 48, long) }},
		{"the page after it", search(catalog.Query{Namespace: "shop", From: back(9000), To: back(100), Limit: 48, Cursor: first.Next}), func(n int) []string { return expected(n, 96, long)[48:] }},
		{"a namespace of a cluster in a month", search(catalog.Query{ClusterID: "cluster-3", Namespace: "shop", From: back(5000), To: back(5000 - 30*48), Limit: 48}), func(n int) []string { return expected(n, 48, of(3, month)) }},
		{"a schedule, a day", search(catalog.Query{Schedule: "nightly", From: back(5000), To: back(5000 - 48)}), func(n int) []string { return expected(n, n, day) }},
		{"a name", search(catalog.Query{Name: "b-777"}), func(n int) []string { return []string{"cluster-7/b-777"} }},
		{"as of a date", func(c catalog.Catalog) ([]string, error) {
			b, err := c.NewestGood(t.Context(), "cluster-3", "shop", back(5000))
			if err != nil {
				return nil, err
			}
			return []string{b.ID().String()}, nil
		}, func(n int) []string { return expected(n, 1, of(3, func(i int) bool { return i >= 5000 })) }},
		{"a calendar of a month", func(c catalog.Catalog) ([]string, error) {
			var bounds []time.Time
			for d := range 31 {
				bounds = append(bounds, back(5000).AddDate(0, 0, d))
			}
			tallies, err := c.Count(t.Context(), catalog.Query{}, bounds)
			found := []string{}
			for _, one := range tallies {
				found = append(found, fmt.Sprint(one.Backups, one.Phases))
			}
			return found, err
		}, func(n int) []string { return slices.Repeat([]string{"48 map[Completed:48]"}, 30) }},
	} {
		read, most := map[int]int{}, 0
		for _, size := range []int{few, many} {
			c := open(t, paths[size]) // with nothing in memory
			before := bytesRead(t)
			found, err := k.run(c)
			read[size] = bytesRead(t) - before
			if err != nil {
				t.Fatalf("%s among %d: %v", k.name, size, err)
			}
			most = read[few] + (levels+len(found))*pageBytes
			if diff := cmp.Diff(k.want(size), found); diff != "" {
				t.Errorf("%s among %d (-by looking at each +found):\n%s", k.name, size, diff)
			}
		}
		if read[many] > most {
			t.Errorf("%s: read %d bytes among %d backups, %d among %d; at most %d are expected", k.name, read[many], many, read[few], few, most)
		}
	}
}
