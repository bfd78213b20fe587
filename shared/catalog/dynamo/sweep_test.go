package dynamo_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/catalog/catalogtest"
	"salvor.io/salvor/shared/catalog/dynamo"
	"salvor.io/salvor/shared/salvor"
)

// scan returns the sort keys of a partition, as they are.
func scan(t *testing.T, api dynamo.API, table, pk string) (sks []string) {
	t.Helper()
	out, err := api.Query(t.Context(), &dynamodb.QueryInput{TableName: &table, ConsistentRead: aws.Bool(true),
		KeyConditionExpression:    aws.String("pk = :pk"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":pk": &types.AttributeValueMemberS{Value: pk}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range out.Items {
		sks = append(sks, i["sk"].(*types.AttributeValueMemberS).Value)
	}
	return sks
}

const today = "day#2026-11-20"

// leave leaves the index of a backup behind that was never put: its writer died.
func leave(t *testing.T, api dynamo.API, table string, now time.Time, b *salvor.Backup) {
	t.Helper()
	f, died := crash(api, 5, false) // get, look for the day, note it, write the index, put
	dead := dynamo.New(f, table)
	dead.Now = func() time.Time { return now }
	if err := dead.CreateBackup(t.Context(), b); err == nil || !died() {
		t.Fatalf("the writer lived: %v", err)
	}
	if len(scan(t, api, table, today)) != 1 {
		t.Fatal("the writer left no index behind")
	}
}

func TestSweep(t *testing.T) {
	for _, k := range []struct {
		name     string
		age      time.Duration
		readOnly bool
		left     int
	}{
		{"what a writer may still rely on stays", dynamo.Leftover - time.Minute, false, 1},
		{"what is older goes", dynamo.Leftover + time.Minute, false, 0},
		{"unless the role may only read", dynamo.Leftover + time.Minute, true, 1},
	} {
		t.Run(k.name, func(t *testing.T) {
			api, table := newTable(t)
			leave(t, api, table, noon, newBackup("prod", "one", noon))
			c := dynamo.New(api, table)
			c.Now = func() time.Time { return noon.Add(k.age) }
			c.ReadOnly = k.readOnly
			page, err := c.Search(t.Context(), catalog.Query{})
			if err != nil || len(page.Backups) > 0 {
				t.Errorf("found %v, %v", page.Backups, err)
			}
			if left := scan(t, api, table, today); len(left) != k.left {
				t.Errorf("%d index items are left, want %d", len(left), k.left)
			}
		})
	}
}

// TestSweepYieldsToWriter lets a writer put the backup between the search that finds its old index untrue and the
// removal of it.
func TestSweepYieldsToWriter(t *testing.T) {
	api, table := newTable(t)
	b := newBackup("prod", "one", noon)
	leave(t, api, table, noon, newBackup("prod", "one", noon))
	later := noon.Add(2 * dynamo.Leftover)
	writer := dynamo.New(api, table)
	writer.Now = func() time.Time { return later }
	once := false
	reader := dynamo.New(&faulty{API: api, before: func(name string) error {
		if name == "DeleteItem" && !once {
			once = true
			create(t, writer, b)
		}
		return nil
	}}, table)
	reader.Now = writer.Now
	if _, err := reader.Search(t.Context(), catalog.Query{}); err != nil {
		t.Fatal(err)
	}
	if !once {
		t.Fatal("the search removed nothing")
	}
	catalogtest.Audit(t, writer, b.ID())
}

// TestDropYieldsToWriter lets a writer move a backup back to its old date, or create it anew there, before the one that
// moved or deleted it removes the old index.
func TestDropYieldsToWriter(t *testing.T) {
	for name, k := range map[string]struct {
		own              int // DeleteItems before those of the index
		first, meanwhile func(context.Context, catalog.Catalog, *salvor.Backup) error
	}{
		"moved and moved back": {0,
			func(ctx context.Context, c catalog.Catalog, b *salvor.Backup) error {
				_, err := catalog.MutateBackup(ctx, c, b.ID(), moveTo(noon.Add(time.Hour)))
				return err
			},
			func(ctx context.Context, c catalog.Catalog, b *salvor.Backup) error {
				_, err := catalog.MutateBackup(ctx, c, b.ID(), moveTo(time.Time{}))
				return err
			},
		},
		"deleted and made again": {1,
			func(ctx context.Context, c catalog.Catalog, b *salvor.Backup) error {
				return c.DeleteBackup(ctx, b.ID(), "")
			},
			func(ctx context.Context, c catalog.Catalog, b *salvor.Backup) error {
				return c.CreateBackup(ctx, newBackup("prod", "one", noon))
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			api, table := newTable(t)
			c := dynamo.New(api, table)
			b := create(t, c, newBackup("prod", "one", noon))
			var mu sync.Mutex // The items of an index are removed in parallel.
			n := 0
			slow := dynamo.New(&faulty{API: api, before: func(name string) error {
				mu.Lock()
				defer mu.Unlock()
				if name != "DeleteItem" {
					return nil
				}
				if n++; n != k.own+1 {
					return nil
				}
				return k.meanwhile(t.Context(), c, b)
			}}, table)
			if err := k.first(t.Context(), slow, b); err != nil {
				t.Fatal(err)
			}
			if n <= k.own {
				t.Fatal("no index was removed")
			}
			catalogtest.Audit(t, c, b.ID())
			if page, err := c.Search(t.Context(), catalog.Query{Namespace: "bank"}); err != nil || len(page.Backups) != 1 {
				t.Errorf("found %v, %v", page.Backups, err)
			}
		})
	}
}

// TestSlowWriterIsRefused lets the clock jump between the writing of the index and the backup: a machine that slept, a
// function that was frozen. Its index may be gone, so it must not put the backup.
func TestSlowWriterIsRefused(t *testing.T) {
	api, table := newTable(t)
	now := noon
	c := dynamo.New(&faulty{API: api, after: func(name string) error {
		if name == "BatchWriteItem" {
			now = now.Add(dynamo.Patience + time.Second)
		}
		return nil
	}}, table)
	c.Now = func() time.Time { return now }
	b := newBackup("prod", "one", noon)
	if err := c.CreateBackup(t.Context(), b); !salvor.Is(err, salvor.Unavailable) {
		t.Errorf("got %v", err)
	}
	if _, err := c.GetBackup(t.Context(), b.ID()); !salvor.Is(err, salvor.NotFound) {
		t.Errorf("it was put all the same: %v", err)
	}
}
