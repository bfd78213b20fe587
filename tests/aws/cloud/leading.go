package cloud

import (
	"encoding/json"
	"fmt"

	"salvor.io/salvor/tests/aws/stack"
)

// partitioned is an item, or the key of one, as far as policies see it.
type partitioned struct {
	PK struct{ S string } `json:"pk"`
}

// batch are the items of one table that a request reads, or puts and deletes. The SDK sends the one as an object, the other
// as a list.
type batch []partitioned

func (b *batch) UnmarshalJSON(data []byte) error {
	if data[0] == '{' {
		var read struct{ Keys []partitioned }
		err := json.Unmarshal(data, &read)
		*b = read.Keys
		return err
	}
	var written []struct {
		PutRequest    struct{ Item partitioned }
		DeleteRequest struct{ Key partitioned }
	}
	err := json.Unmarshal(data, &written)
	for _, w := range written {
		*b = append(*b, w.PutRequest.Item, w.DeleteRequest.Key)
	}
	return err
}

// dynamoRequest tells which action a call to DynamoDB is, and on which partitions.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
func (c *Cloud) dynamoRequest(operation string, body []byte) (stack.Request, error) {
	var in struct {
		TableName                 string
		RequestItems              map[string]batch
		Key, Item                 partitioned
		ExpressionAttributeValues map[string]struct{ S string }
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return stack.Request{}, err
	}
	items := batch{in.Key, in.Item}
	for name, b := range in.RequestItems { // of one table only
		in.TableName, items = name, b
	}
	var keys []string
	for _, i := range items {
		if i.PK.S != "" {
			keys = append(keys, i.PK.S)
		}
	}
	if pk := in.ExpressionAttributeValues[":pk"].S; operation == "Query" && pk != "" {
		keys = append(keys, pk)
	}
	out := stack.Request{Action: "dynamodb:" + operation, Resource: fmt.Sprintf("arn:aws:dynamodb:%s:%s:table/%s", Region, Account, in.TableName)}
	if len(keys) > 0 {
		out.Context = map[string][]string{"dynamodb:LeadingKeys": keys}
	}
	return out, nil
}
