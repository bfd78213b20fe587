package dynamo

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"golang.org/x/sync/errgroup"

	"salvor.io/salvor/shared/salvor"
)

// The times that keep readers and writers of the index out of each other's way; see the package's comment. patience
// is shorter than leftover by more than clocks may differ.
const (
	// leftover is the age from which an untrue index item belongs to no writer any more.
	leftover = time.Hour
	// patience is how long after its index a backup may be put.
	patience = 30 * time.Minute
)

// writeIndex puts the index items of the keys.
func (c *Catalog) writeIndex(ctx context.Context, keys []key, gen string) error {
	items := make([]item, len(keys))
	at := number(c.Now().Unix())
	for j, k := range keys {
		if len(k.sk) > maxSK {
			return salvor.Errorf(salvor.Invalid, "its cluster id and name take %d bytes of a key, of which there are %d", len(k.sk), maxSK)
		}
		items[j] = k.item()
		items[j][attrGen], items[j][attrAt] = text(gen), at
	}
	return c.batchPut(ctx, items)
}

// dropIndex removes those of the index items that still belong to the gen. It does so as far as it can: whoever finds
// one that is left sees that it is untrue.
func (c *Catalog) dropIndex(ctx context.Context, keys []key, gen string) {
	var g errgroup.Group
	g.SetLimit(parallel)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, k := range keys {
		g.Go(func() error {
			_, err := c.api.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &c.table, Key: k.item(),
				ConditionExpression: aws.String("gen = :gen"), ExpressionAttributeValues: item{":gen": text(gen)}})
			if err != nil && !refused(err) {
				cancel() // No use in trying the others.
			}
			return nil
		})
	}
	g.Wait()
}

// maxSweep is how many untrue index items one search removes at most, so that it stays quick.
const maxSweep = 25

// sweep removes untrue index items that belong to no writer any more, as far as it can.
func (c *Catalog) sweep(ctx context.Context, untrue []hit) {
	if c.ReadOnly {
		return
	}
	old := c.Now().Add(-leftover).Unix()
	var g errgroup.Group
	g.SetLimit(parallel)
	n := 0
	for _, h := range untrue {
		if h.at > old {
			continue
		}
		if n++; n > maxSweep {
			break
		}
		g.Go(func() error {
			// Not when it was written again meanwhile.
			_, _ = c.api.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &c.table, Key: h.key.item(),
				ConditionExpression:       aws.String("gen = :gen AND #at = :at"),
				ExpressionAttributeNames:  map[string]string{"#at": attrAt},
				ExpressionAttributeValues: item{":gen": text(h.gen), ":at": number(h.at)}})
			return nil
		})
	}
	g.Wait()
}
