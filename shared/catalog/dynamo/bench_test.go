package dynamo_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/catalog/dynamo"
	"salvor.io/salvor/shared/salvor"
)

// BenchmarkSearch searches a day of 100 backups, among 500 and among 10,000, beside one bare query that returns the same
// 100 records from one partition, bodies included. The server is dynalite.
func BenchmarkSearch(b *testing.B) {
	const perDay = 100
	backup := func(i int) *salvor.Backup {
		return newBackup("prod", fmt.Sprint("b-", i), noon.AddDate(0, 0, -i/perDay).Add(time.Duration(i%perDay)*time.Minute))
	}
	day := catalog.Query{From: noon.AddDate(0, 0, -2).Truncate(24 * time.Hour), To: noon.AddDate(0, 0, -1).Truncate(24 * time.Hour)}
	for _, size := range []int{500, 10_000} {
		api, table := newTable(b)
		c := dynamo.New(api, table)
		if err := c.Bulk(b.Context(), func(yield func(*salvor.Backup) bool) {
			for i := 0; i < size && yield(backup(i)); i++ {
			}
		}); err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprint("bare query/of ", size), func(b *testing.B) {
			for b.Loop() {
				out, err := api.Query(b.Context(), &dynamodb.QueryInput{TableName: &table, ConsistentRead: aws.Bool(true), Limit: aws.Int32(perDay),
					KeyConditionExpression:    aws.String("pk = :pk"),
					ExpressionAttributeValues: map[string]types.AttributeValue{":pk": &types.AttributeValueMemberS{Value: "backup#prod"}}})
				if err != nil || len(out.Items) != perDay {
					b.Fatalf("found %d, %v", len(out.Items), err)
				}
			}
		})
		for _, limit := range []int{1, perDay} {
			day.Limit = limit
			b.Run(fmt.Sprintf("%d of a day/of %d", limit, size), func(b *testing.B) {
				for b.Loop() {
					if p, err := c.Search(b.Context(), day); err != nil || len(p.Backups) != limit {
						b.Fatalf("found %d, %v", len(p.Backups), err)
					}
				}
			})
		}
	}
}
