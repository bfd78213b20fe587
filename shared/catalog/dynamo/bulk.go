package dynamo

import (
	"context"
	"iter"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"salvor.io/salvor/shared/salvor"
)

// bulk is how many items Bulk puts at once.
const bulk = 8 * maxBatchWrite

// Bulk stores backups with their whole index, without any condition, into a table that nobody else writes to: what
// benchmarks search in.
func (c *Catalog) Bulk(ctx context.Context, backups iter.Seq[*salvor.Backup]) error {
	var items []item
	for i, err := range Items(backups) {
		if err != nil {
			return err
		}
		if items = append(items, i); len(items) >= bulk {
			if err := c.batchPut(ctx, items); err != nil {
				return err
			}
			items = items[:0]
		}
	}
	return c.batchPut(ctx, items)
}

// Items are what Bulk stores: of each backup its own item, those of its index, and that of its day.
func Items(backups iter.Seq[*salvor.Backup]) iter.Seq2[map[string]types.AttributeValue, error] {
	return func(yield func(map[string]types.AttributeValue, error) bool) {
		noted := map[string]bool{}
		for b := range backups {
			items, err := itemsOf(b)
			if err != nil {
				yield(nil, err)
				return
			}
			if day := dayOfBackup(b); !noted[day] {
				noted[day] = true
				i := key{pkDays, day}.item()
				i[attrAt] = number(1)
				items = append(items, i)
			}
			for _, i := range items {
				if !yield(i, nil) {
					return
				}
			}
		}
	}
}

// itemsOf are the backup's own item and those of its index.
func itemsOf(b *salvor.Backup) ([]item, error) {
	k, gen, at := backupKey(b.ID()), text("bulk"), number(1)
	own, err := record(k, b, "1")
	if err != nil {
		return nil, err
	}
	own[attrGen] = gen
	keep := keeps(b, own)
	if keep {
		own[attrKept] = &types.AttributeValueMemberBOOL{Value: true}
	}
	items := []item{own}
	for _, k := range indexOf(b) {
		i := k.item()
		if i[attrGen], i[attrAt] = gen, at; keep {
			i = copyAt(k, own, gen, at)
		}
		items = append(items, i)
	}
	return items, nil
}
