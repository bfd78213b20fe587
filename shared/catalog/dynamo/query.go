package dynamo

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"salvor.io/salvor/shared/salvor"
)

// query runs a query and hands out its items; it asks for the next page, of at most 1 MB, only when one is wanted.
func (c *Catalog) query(ctx context.Context, in *dynamodb.QueryInput) iter.Seq2[item, error] {
	return func(yield func(item, error) bool) {
		in := *in
		for {
			out, err := c.api.Query(ctx, &in)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, i := range out.Items {
				if !yield(i, nil) {
					return
				}
			}
			if len(out.LastEvaluatedKey) == 0 {
				return
			}
			in.ExclusiveStartKey = out.LastEvaluatedKey
		}
	}
}

// What DynamoDB takes in one request, and how many requests of one call are under way at once.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
const (
	maxBatchGet   = 100
	maxBatchWrite = 25
	parallel      = 8
)

// batchGet reads the items of the keys; what is not there is missing from the answer.
func (c *Catalog) batchGet(ctx context.Context, keys []key) (map[key]item, error) {
	keys = slices.Compact(slices.SortedFunc(slices.Values(keys), func(a, b key) int { // DynamoDB refuses duplicates.
		return cmp.Or(cmp.Compare(a.pk, b.pk), cmp.Compare(a.sk, b.sk))
	}))
	var chunks [][]item
	for len(keys) > 0 {
		n := min(maxBatchGet, len(keys))
		chunk := make([]item, n)
		for j, k := range keys[:n] {
			chunk[j] = k.item()
		}
		chunks, keys = append(chunks, chunk), keys[n:]
	}
	found := make([][]item, len(chunks))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for j, chunk := range chunks {
		g.Go(func() (err error) {
			found[j], err = c.batchGetChunk(ctx, chunk)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	items := make(map[key]item)
	for _, chunk := range found {
		for _, i := range chunk {
			items[key{textOf(i, attrPK), textOf(i, attrSK)}] = i
		}
	}
	return items, nil
}

// batchGetChunk reads up to 100 items; DynamoDB may leave some for the next request, when they are more than 16 MB or
// when it is busy.
func (c *Catalog) batchGetChunk(ctx context.Context, keys []item) (found []item, err error) {
	want := map[string]types.KeysAndAttributes{c.table: {Keys: keys, ConsistentRead: aws.Bool(true)}}
	err = drain(ctx, func() (left int, got int, err error) {
		out, err := c.api.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: want})
		if err != nil {
			return 0, 0, err
		}
		found = append(found, out.Responses[c.table]...)
		want = out.UnprocessedKeys
		return len(want[c.table].Keys), len(out.Responses[c.table]), nil
	})
	return found, err
}

// batchPut puts the items, without condition.
func (c *Catalog) batchPut(ctx context.Context, items []item) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for len(items) > 0 {
		n := min(maxBatchWrite, len(items))
		requests := make([]types.WriteRequest, n)
		for j, i := range items[:n] {
			requests[j].PutRequest = &types.PutRequest{Item: i}
		}
		items = items[n:]
		g.Go(func() error { return c.batchPutChunk(ctx, requests) })
	}
	return g.Wait()
}

func (c *Catalog) batchPutChunk(ctx context.Context, requests []types.WriteRequest) error {
	want := map[string][]types.WriteRequest{c.table: requests}
	return drain(ctx, func() (left, got int, err error) {
		before := len(want[c.table])
		out, err := c.api.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: want})
		if err != nil {
			return 0, 0, err
		}
		want = out.UnprocessedItems
		left = len(want[c.table])
		return left, before - left, nil
	})
}

// The pauses of drain.
const (
	firstPause = 20 * time.Millisecond
	lastPause  = 5 * time.Second
)

// drain repeats a batch until nothing is left. It pauses, longer each time, while DynamoDB takes or gives nothing, and
// in the end, after some 10 s, gives up. Unavailable.
func drain(ctx context.Context, step func() (left, got int, err error)) error {
	pause := firstPause
	for {
		left, got, err := step()
		if err != nil || left == 0 {
			return err
		}
		if got > 0 {
			pause = firstPause
			continue
		}
		if pause > lastPause {
			return salvor.Errorf(salvor.Unavailable, "DynamoDB leaves a batch unprocessed again and again").WithHint("try again later")
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
		pause *= 2
	}
}
