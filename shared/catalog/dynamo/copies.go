package dynamo

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

// maxCopy is the largest body in bytes, packed, that index items get copies of. Each namespace of a backup has three
// items, and its body grows with their number: so the copies of one backup are never more than some megabytes.
const maxCopy = 4000

// keeps reports whether the index items of the backup in the item get copies of it: it has ended, so that it hardly
// changes any more, and is small.
func keeps(b *salvor.Backup, i item) bool {
	body, ok := i[attrBody].(*types.AttributeValueMemberB)
	return ok && len(body.Value) <= maxCopy && b.Status.Phase.Done() && b.Status.Thaw == nil
}

// settle puts copies of the backup's own item into the index items of the keys, as far as it can, unless somebody has
// written them again meanwhile, who is about to change the backup. One without copy is confirmed by whoever reads it.
func (c *Catalog) settle(ctx context.Context, keys []key, of item) {
	var g errgroup.Group
	g.SetLimit(parallel)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	at := number(c.Now().Unix())
	for _, k := range keys {
		g.Go(func() error {
			_, err := c.api.PutItem(ctx, &dynamodb.PutItemInput{TableName: &c.table, Item: copyAt(k, of, of[attrGen], at),
				ConditionExpression: aws.String("gen = :gen"), ExpressionAttributeValues: item{":gen": of[attrGen]}})
			if err != nil && !refused(err) {
				cancel() // No use in trying the others.
			}
			return nil
		})
	}
	g.Wait()
}

// copyAt is an index item with a copy of the backup's own item.
func copyAt(k key, of item, gen, at types.AttributeValue) item {
	i := k.item()
	i[attrGen], i[attrAt], i[attrV], i[attrBody] = gen, at, of[attrV], of[attrBody]
	return i
}

// mend gives copies to index items that lack them because their writer died, as far as it can. They are older than
// leftover, so that no writer relies on them any more; and they are among those that a writer who changes the backup
// will write again.
func (c *Catalog) mend(ctx context.Context, hits []hit, own []item, backups []*salvor.Backup) {
	if c.ReadOnly {
		return
	}
	old := c.Now().Add(-leftover).Unix()
	var g errgroup.Group
	g.SetLimit(parallel)
	n := 0
	for j, h := range hits {
		if own[j] == nil || backups[j] == nil || h.at > old || !isTrue(own[j], attrKept) || !slices.Contains(indexOf(backups[j]), h.key) {
			continue
		}
		if n++; n > maxSweep {
			break
		}
		g.Go(func() error {
			_, _ = c.api.PutItem(ctx, &dynamodb.PutItemInput{TableName: &c.table,
				Item:                      copyAt(h.key, own[j], text(h.gen), number(h.at)),
				ConditionExpression:       aws.String("gen = :gen AND #at = :at"),
				ExpressionAttributeNames:  map[string]string{"#at": attrAt},
				ExpressionAttributeValues: item{":gen": text(h.gen), ":at": number(h.at)}})
			return nil
		})
	}
	g.Wait()
}

// decode returns the backups in the items, where there are items of that date.
func decode(hits []hit, items []item) ([]*salvor.Backup, error) {
	return catalog.ReadMany(len(hits), func(j int) (*salvor.Backup, error) {
		if items[j] == nil {
			return nil, nil
		}
		b, err := backupOf(items[j], hits[j].ID())
		if err != nil || catalog.PositionOf(b) != hits[j].Position {
			return nil, err
		}
		return b, nil
	})
}
