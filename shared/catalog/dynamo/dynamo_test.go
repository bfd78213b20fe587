package dynamo_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/catalog/catalogtest"
	"salvor.io/salvor/shared/catalog/dynamo"
	"salvor.io/salvor/tests/testenv"
)

func TestConformance(t *testing.T) {
	catalogtest.Run(t, func(t *testing.T) catalog.Catalog {
		api, table := newTable(t)
		return dynamo.New(api, table)
	})
}

// TestFindingInPieces runs the searches of the suite on answers that come in the smallest pieces.
func TestFindingInPieces(t *testing.T) {
	catalogtest.RunFinding(t, func(t *testing.T) catalog.Catalog {
		api, table := newTable(t)
		return dynamo.New(stingy{api}, table)
	})
}

// config is how to reach the DynamoDB server of the tests.
func config(t testing.TB) aws.Config {
	return aws.Config{
		Region:       "eu-central-1",
		Credentials:  credentials.NewStaticCredentialsProvider("test", "test", ""),
		BaseEndpoint: aws.String(testenv.Dynamo(t)),
	}
}

// newTable makes an empty table that is this test's alone.
func newTable(t testing.TB) (*dynamodb.Client, string) {
	t.Helper()
	api, table := dynamo.NewClient(config(t)), "t-"+testenv.Unique()
	if err := dynamo.CreateTable(t.Context(), api, table); err != nil {
		t.Fatal(err)
	}
	return api, table
}
