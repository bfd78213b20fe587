package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

// Leftover and Patience are the times of the index.
const (
	Leftover = leftover
	Patience = patience
)

// Place, ParsePlace, Escape and Unescape are the parts of a key.
var (
	Place      = place
	ParsePlace = parsePlace
	Escape     = escape
	Unescape   = unescape
	Wrap       = wrap
)

// Fill stores many backups at once, with no more of their index than their days.
func Fill(ctx context.Context, c *Catalog, n int, backup func(i int) *salvor.Backup) error {
	var items []item
	for j := range n {
		b := backup(j)
		i, err := record(backupKey(b.ID()), b, "1")
		if err != nil {
			return err
		}
		i[attrGen] = text("1")
		day := indexKeys(b, false)[0].item()
		day[attrGen], day[attrAt] = text("1"), number(1)
		items = append(items, i, day)
		if err := c.noteDay(ctx, dayOf(catalog.PositionOf(b).Micro)); err != nil {
			return err
		}
	}
	return c.batchPut(ctx, items)
}

// RecordSize returns the size of a packed body.
func RecordSize(b *salvor.Backup) (int, error) {
	i, err := record(backupKey(b.ID()), b, "1")
	if err != nil {
		return 0, err
	}
	return len(i[attrBody].(*types.AttributeValueMemberB).Value), nil
}
