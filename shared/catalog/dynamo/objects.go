package dynamo

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

// Create stores a new object.
func (c *Catalog) Create(ctx context.Context, o salvor.Object) error {
	return c.save(ctx, "creating", o, c.insert)
}

// Update replaces an object.
func (c *Catalog) Update(ctx context.Context, o salvor.Object) error {
	was := o.Meta().ResourceVersion
	return c.save(ctx, "updating", o, func(ctx context.Context, k key, i item) error { return c.replace(ctx, k, i, was) })
}

// save stores the object under its next version with put, and only then lets the caller's object carry it.
func (c *Catalog) save(ctx context.Context, doing string, o salvor.Object, put func(context.Context, key, item) error) error {
	if err := catalog.CheckObject(o); err != nil {
		return err
	}
	what := fmt.Sprintf("%s %s %q", doing, o.GetKind(), o.Meta().Name)
	k := objectKey(o.GetKind(), o.Meta().Name)
	version := c.Token()
	i, err := record(k, o, version)
	if err != nil {
		return wrap(what, err)
	}
	if err := put(ctx, k, i); err != nil {
		return wrap(what, err)
	}
	o.Meta().ResourceVersion = version
	return nil
}

// Get returns an object.
func (c *Catalog) Get(ctx context.Context, kind, name string) (salvor.Object, error) {
	if err := catalog.CheckKind(kind); err != nil {
		return nil, err
	}
	notFound := salvor.Errorf(salvor.NotFound, "%s %q not found", kind, name)
	if name == "" {
		return nil, notFound // DynamoDB refuses an empty key.
	}
	i, err := c.get(ctx, objectKey(kind, name))
	if err != nil {
		return nil, wrap(fmt.Sprintf("reading %s %q", kind, name), err)
	}
	if i == nil {
		return nil, notFound
	}
	return objectOf(kind, i)
}

func objectOf(kind string, i item) (salvor.Object, error) {
	body, err := bodyOf(i)
	if err != nil {
		return nil, err
	}
	return catalog.Decode(kind, textOf(i, attrSK), body)
}

// List returns the objects of a kind.
func (c *Catalog) List(ctx context.Context, kind, cursor string, limit int) ([]salvor.Object, string, error) {
	if err := catalog.CheckKind(kind); err != nil {
		return nil, "", err
	}
	limit, err := catalog.CheckLimit(limit)
	if err != nil {
		return nil, "", err
	}
	after, err := catalog.ListAfter(kind, cursor)
	if err != nil {
		return nil, "", err
	}
	in := &dynamodb.QueryInput{
		TableName:                 &c.table,
		ConsistentRead:            aws.Bool(true),
		KeyConditionExpression:    aws.String("pk = :pk"),
		ExpressionAttributeValues: item{":pk": text(objectKey(kind, "").pk)},
		Limit:                     aws.Int32(int32(limit) + 1),
	}
	if after != "" {
		in.KeyConditionExpression = aws.String("pk = :pk AND sk > :after")
		in.ExpressionAttributeValues[":after"] = text(after)
	}
	var items []salvor.Object
	for i, err := range c.query(ctx, in) {
		if err != nil {
			return nil, "", wrap("listing "+kind, err)
		}
		if len(items) == limit {
			return items, catalog.ListCursor(kind, items[limit-1].Meta().Name), nil
		}
		o, err := objectOf(kind, i)
		if err != nil {
			return nil, "", err
		}
		items = append(items, o)
	}
	return items, "", nil
}

// Delete removes an object.
func (c *Catalog) Delete(ctx context.Context, kind, name, resourceVersion string) error {
	if err := catalog.CheckKind(kind); err != nil {
		return err
	}
	if name == "" {
		return salvor.Errorf(salvor.NotFound, "%s %q not found", kind, name)
	}
	_, err := c.remove(ctx, objectKey(kind, name), resourceVersion)
	return wrap(fmt.Sprintf("deleting %s %q", kind, name), err)
}
