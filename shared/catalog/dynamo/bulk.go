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
	noted := map[string]bool{}
	at := number(1)
	for b := range backups {
		k, gen := backupKey(b.ID()), text("bulk")
		own, err := record(k, b, "1")
		if err != nil {
			return err
		}
		own[attrGen] = gen
		keep := keeps(b, own)
		if keep {
			own[attrKept] = &types.AttributeValueMemberBOOL{Value: true}
		}
		items = append(items, own)
		for _, k := range indexOf(b) {
			i := k.item()
			if i[attrGen], i[attrAt] = gen, at; keep {
				i = copyAt(k, own, gen, at)
			}
			items = append(items, i)
		}
		if day := dayOfBackup(b); !noted[day] {
			noted[day] = true
			i := key{pkDays, day}.item()
			i[attrAt] = at
			items = append(items, i)
		}
		if len(items) >= bulk {
			if err := c.batchPut(ctx, items); err != nil {
				return err
			}
			items = items[:0]
		}
	}
	return c.batchPut(ctx, items)
}
