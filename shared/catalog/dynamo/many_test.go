package dynamo_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/catalog/dynamo"
	"salvor.io/salvor/shared/salvor"
)

// reading counts the requests that read, and the items that they look at.
type reading struct {
	dynamo.API
	counter
}

func (r *reading) Query(ctx context.Context, in *dynamodb.QueryInput, o ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	out, err := r.API.Query(ctx, in, o...)
	if err == nil {
		r.add("queries", 1)
		r.add("items", int(out.ScannedCount))
	}
	return out, err
}

func (r *reading) BatchGetItem(ctx context.Context, in *dynamodb.BatchGetItemInput, o ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error) {
	out, err := r.API.BatchGetItem(ctx, in, o...)
	if err == nil {
		r.add("batches", 1)
		for _, list := range out.Responses {
			r.add("items", len(list))
		}
	}
	return out, err
}

func (r *reading) GetItem(ctx context.Context, in *dynamodb.GetItemInput, o ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	r.add("gets", 1)
	return r.API.GetItem(ctx, in, o...)
}

// TestWhatASearchReadsDoesNotGrow searches a catalog and another that has ten times as many backups, of ten times as many
// days: what is found, the requests and the items that they look at are the same.
func TestWhatASearchReadsDoesNotGrow(t *testing.T) {
	t.Parallel()
	const perDay, few, many = 5, 175, 1750
	backup := func(i int) *salvor.Backup {
		b := newBackup(fmt.Sprint("cluster-", i%10), fmt.Sprint("b-", i), noon.AddDate(0, 0, -i/perDay).Add(-time.Duration(i%perDay)*time.Minute))
		b.Status.Phase, b.Status.Namespaces = salvor.PhaseCompleted, []string{"shop"}
		return b
	}
	var catalogs []*dynamo.Catalog
	var reads []*reading
	for _, size := range []int{few, many} {
		api, table := newTable(t)
		if err := dynamo.New(api, table).Bulk(t.Context(), func(yield func(*salvor.Backup) bool) {
			for i := 0; i < size && yield(backup(i)); i++ {
			}
		}); err != nil {
			t.Fatal(err)
		}
		r := &reading{API: api}
		c := dynamo.New(r, table)
		c.Now = func() time.Time { return noon.AddDate(0, 1, 0) }
		catalogs, reads = append(catalogs, c), append(reads, r)
	}
	day := noon.Truncate(24*time.Hour).AddDate(0, 0, -20)
	var bounds []time.Time
	for d := range 31 {
		bounds = append(bounds, day.AddDate(0, 0, d-10))
	}
	search := func(q catalog.Query) func(catalog.Catalog) (string, error) {
		return func(c catalog.Catalog) (string, error) {
			found, q := "", q
			for range 2 { // and the page after the first
				page, err := c.Search(t.Context(), q)
				if err != nil {
					return "", err
				}
				for _, b := range page.Backups {
					found += b.ID().String() + " "
				}
				if q.Cursor = page.Next; q.Cursor == "" {
					break
				}
			}
			return found, nil
		}
	}
	count := func(c catalog.Catalog) (string, error) {
		tallies, err := c.Count(t.Context(), catalog.Query{}, bounds)
		return fmt.Sprint(tallies), err
	}
	for _, k := range []struct {
		name string
		run  func(catalog.Catalog) (string, error)
	}{
		{"a day", search(catalog.Query{From: day, To: day.AddDate(0, 0, 1)})},
		{"a page of a month", search(catalog.Query{From: day.AddDate(0, 0, -10), To: day.AddDate(0, 0, 20), Limit: 10})},
		{"a namespace, a page of a month", search(catalog.Query{Namespace: "shop", From: day.AddDate(0, 0, -10), To: day.AddDate(0, 0, 20), Limit: 10})},
		{"a cluster, a month", search(catalog.Query{ClusterID: "cluster-3", From: day.AddDate(0, 0, -10), To: day.AddDate(0, 0, 20)})},
		{"a schedule, a day", search(catalog.Query{Schedule: "nightly", From: day, To: day.AddDate(0, 0, 1)})},
		{"a name", search(catalog.Query{Name: "b-77"})},
		{"as of a date", func(c catalog.Catalog) (string, error) {
			b, err := c.NewestGood(t.Context(), "cluster-3", "shop", day)
			if err != nil {
				return "", err
			}
			return b.ID().String(), nil
		}},
		{"a calendar that nobody has counted", count},
		{"a calendar of days that are over", count},
	} {
		var found, cost [2]string
		for j, c := range catalogs {
			reads[j].take()
			var err error
			if found[j], err = k.run(c); err != nil || found[j] == "" {
				t.Fatalf("%s: found %q, %v", k.name, found[j], err)
			}
			_, cost[j] = reads[j].take()
		}
		if found[0] != found[1] {
			t.Errorf("%s: found %s among few and %s among many", k.name, found[0], found[1])
		}
		if cost[0] != cost[1] {
			t.Errorf("%s: costs %s among %d backups and %s among %d", k.name, cost[0], few, cost[1], many)
		}
	}
}
