package dynamo_test

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"salvor.io/salvor/shared/catalog/dynamo"
)

// faulty stands between the catalog and the server, and misbehaves as told.
type faulty struct {
	dynamo.API
	// before and after are called around every request, with its name; an error of theirs is the request's. With
	// after the request has been carried out all the same.
	before, after func(name string) error
}

var errCrash = errors.New("the wire was cut")

func around[In, Out any](f *faulty, name string, do func(context.Context, *In, ...func(*dynamodb.Options)) (*Out, error),
	ctx context.Context, in *In, opts []func(*dynamodb.Options)) (*Out, error) {
	if f.before != nil {
		if err := f.before(name); err != nil {
			return nil, err
		}
	}
	out, err := do(ctx, in, opts...)
	if err == nil && f.after != nil {
		err = f.after(name)
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (f *faulty) GetItem(ctx context.Context, in *dynamodb.GetItemInput, o ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	return around(f, "GetItem", f.API.GetItem, ctx, in, o)
}

func (f *faulty) BatchGetItem(ctx context.Context, in *dynamodb.BatchGetItemInput, o ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error) {
	return around(f, "BatchGetItem", f.API.BatchGetItem, ctx, in, o)
}

func (f *faulty) Query(ctx context.Context, in *dynamodb.QueryInput, o ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	return around(f, "Query", f.API.Query, ctx, in, o)
}

func (f *faulty) PutItem(ctx context.Context, in *dynamodb.PutItemInput, o ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	return around(f, "PutItem", f.API.PutItem, ctx, in, o)
}

func (f *faulty) DeleteItem(ctx context.Context, in *dynamodb.DeleteItemInput, o ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error) {
	return around(f, "DeleteItem", f.API.DeleteItem, ctx, in, o)
}

func (f *faulty) BatchWriteItem(ctx context.Context, in *dynamodb.BatchWriteItemInput, o ...func(*dynamodb.Options)) (*dynamodb.BatchWriteItemOutput, error) {
	return around(f, "BatchWriteItem", f.API.BatchWriteItem, ctx, in, o)
}

// counter counts requests, or something else, by name.
type counter struct {
	sync.Mutex
	n map[string]int
}

func (c *counter) count(name string) error {
	c.add(name, 1)
	return nil
}

func (c *counter) add(name string, n int) {
	c.Lock()
	defer c.Unlock()
	if c.n == nil {
		c.n = map[string]int{}
	}
	c.n[name] += n
}

// take returns what was counted, and begins again.
func (c *counter) take() (total int, s string) {
	c.Lock()
	defer c.Unlock()
	for _, n := range c.n {
		total += n
	}
	s = fmt.Sprint(c.n)
	c.n = nil
	return total, s
}

// crash makes the nth request fail, and all after it: the process is dead. It fails either before it is sent or after
// it was carried out. died tells whether it came to that.
func crash(api dynamo.API, nth int, carriedOut bool) (f *faulty, died func() bool) {
	var mu sync.Mutex
	n := 0
	f = &faulty{API: api}
	f.before = func(string) error {
		mu.Lock()
		defer mu.Unlock()
		if n++; n > nth || n == nth && !carriedOut {
			return errCrash
		}
		return nil
	}
	f.after = func(string) error {
		mu.Lock()
		defer mu.Unlock()
		if n >= nth {
			return errCrash
		}
		return nil
	}
	return f, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return n >= nth
	}
}

// stingy gives less than is asked for, as DynamoDB may: pages of 3 items, and of every batch only the first half.
type stingy struct{ dynamo.API }

func (s stingy) Query(ctx context.Context, in *dynamodb.QueryInput, o ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	little := *in
	little.Limit = aws.Int32(3)
	if in.Limit != nil {
		little.Limit = aws.Int32(min(3, *in.Limit))
	}
	return s.API.Query(ctx, &little, o...)
}

func (s stingy) BatchGetItem(ctx context.Context, in *dynamodb.BatchGetItemInput, o ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error) {
	now, later := map[string]types.KeysAndAttributes{}, map[string]types.KeysAndAttributes{}
	for table, want := range in.RequestItems {
		first, rest := want, want
		first.Keys = want.Keys[:(len(want.Keys)+1)/2]
		now[table] = first
		if rest.Keys = want.Keys[len(first.Keys):]; len(rest.Keys) > 0 {
			later[table] = rest
		}
	}
	out, err := s.API.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: now}, o...)
	if err == nil {
		out.UnprocessedKeys = later
	}
	return out, err
}

func (s stingy) BatchWriteItem(ctx context.Context, in *dynamodb.BatchWriteItemInput, o ...func(*dynamodb.Options)) (*dynamodb.BatchWriteItemOutput, error) {
	now, later := map[string][]types.WriteRequest{}, map[string][]types.WriteRequest{}
	for table, want := range in.RequestItems {
		now[table] = want[:(len(want)+1)/2]
		if rest := want[len(now[table]):]; len(rest) > 0 {
			later[table] = rest
		}
	}
	out, err := s.API.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: now}, o...)
	if err == nil {
		out.UnprocessedItems = later
	}
	return out, err
}

// twice sends every single write two times and returns the second answer.
type twice struct{ dynamo.API }

func (w twice) PutItem(ctx context.Context, in *dynamodb.PutItemInput, o ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	if _, err := w.API.PutItem(ctx, in, o...); err != nil {
		return nil, err
	}
	return w.API.PutItem(ctx, in, o...)
}

func (w twice) DeleteItem(ctx context.Context, in *dynamodb.DeleteItemInput, o ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error) {
	if _, err := w.API.DeleteItem(ctx, in, o...); err != nil {
		return nil, err
	}
	return w.API.DeleteItem(ctx, in, o...)
}
