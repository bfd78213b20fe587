package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"salvor.io/salvor/shared/salvor"
)

// get reads one item; nil when it is not there.
func (c *Catalog) get(ctx context.Context, k key) (item, error) {
	out, err := c.api.GetItem(ctx, &dynamodb.GetItemInput{TableName: &c.table, Key: k.item(), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return nil, err
	}
	return out.Item, nil
}

// insert puts a record that must not be there yet. Exists.
func (c *Catalog) insert(ctx context.Context, k key, i item) error {
	return c.put(ctx, k, i, &dynamodb.PutItemInput{ConditionExpression: aws.String("attribute_not_exists(pk)")},
		salvor.Errorf(salvor.Exists, "it exists"))
}

// replace puts a record in place of the one whose version is was. Conflict.
func (c *Catalog) replace(ctx context.Context, k key, i item, was string) error {
	if was == "" {
		return conflict() // No record has an empty version.
	}
	return c.put(ctx, k, i, &dynamodb.PutItemInput{ConditionExpression: aws.String("v = :was"),
		ExpressionAttributeValues: item{":was": text(was)}}, conflict())
}

// put puts a record under a condition, and returns other when the condition does not hold because of somebody else. It
// may also not hold because the SDK sent the request twice, the first answer being lost: then the record is ours.
func (c *Catalog) put(ctx context.Context, k key, i item, in *dynamodb.PutItemInput, other error) error {
	in.TableName, in.Item = &c.table, i
	_, err := c.api.PutItem(ctx, in)
	if !refused(err) {
		return err
	}
	stored, err := c.get(ctx, k)
	if err != nil {
		return err
	}
	if textOf(stored, attrV) == textOf(i, attrV) {
		return nil
	}
	return other
}

// remove deletes a record and returns what it was. NotFound. With a version other than "", Conflict when the stored
// one differs.
func (c *Catalog) remove(ctx context.Context, k key, version string) (item, error) {
	for {
		i, err := c.get(ctx, k)
		if err != nil {
			return nil, err
		}
		if i == nil {
			return nil, salvor.Errorf(salvor.NotFound, "not found")
		}
		stored := textOf(i, attrV)
		if version != "" && stored != version {
			return nil, conflict()
		}
		_, err = c.api.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &c.table, Key: k.item(),
			ConditionExpression: aws.String("v = :was"), ExpressionAttributeValues: item{":was": text(stored)}})
		if err == nil {
			return i, nil
		}
		if !refused(err) {
			return nil, err
		}
		// Changed or deleted between the two requests, or deleted by the first of two sendings of the second.
		if now, err := c.get(ctx, k); err != nil || now == nil {
			return i, err
		}
	}
}
