package dynamo_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/catalog/dynamo"
	"salvor.io/salvor/shared/salvor"
)

// noise is text of some n bytes that gzip can make no smaller than three quarters.
func noise(n int) string {
	r := rand.NewChaCha8([32]byte{1})
	b := make([]byte, n*3/4)
	_, _ = r.Read(b)
	return base64.StdEncoding.EncodeToString(b)
}

// TestPagesOfOneMegabyte lists and searches more than DynamoDB returns at once, which is 1 MB for a query and 16 MB for
// a batch.
func TestPagesOfOneMegabyte(t *testing.T) {
	api, table := newTable(t)
	var n counter
	c := dynamo.New(&faulty{API: api, before: n.count}, table)
	const each, number = 300_000, 20
	for i := range number {
		r := salvor.New(salvor.KindRule).(*salvor.Rule)
		r.Name, r.Annotations = fmt.Sprintf("r-%02d", i), map[string]string{"noise": noise(each)}
		if err := c.Create(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		b := newBackup("prod", fmt.Sprintf("b-%02d", i), noon)
		b.Status.Message = noise(each)
		create(t, c, b)
	}
	n.take()
	items, next, err := c.List(t.Context(), salvor.KindRule, "", 0)
	if err != nil || len(items) != number || next != "" {
		t.Errorf("listed %d, next %q, %v", len(items), next, err)
	}
	if total, _ := n.take(); total < 4 {
		t.Errorf("%d requests for %d MB: the test tests nothing", total, number*each*3/4/1_000_000)
	}
	page, err := c.Search(t.Context(), catalog.Query{})
	if err != nil || len(page.Backups) != number || page.Next != "" {
		t.Errorf("found %d, next %q, %v", len(page.Backups), page.Next, err)
	}
}

func TestTooLarge(t *testing.T) {
	api, table := newTable(t)
	c := dynamo.New(api, table)
	b := newBackup("prod", "one", noon)
	b.Status.Message = noise(520_000) // 390 KB packed
	create(t, c, b)
	b.Status.Message = noise(540_000)
	err := c.UpdateBackup(t.Context(), b)
	if !salvor.Is(err, salvor.Invalid) {
		t.Errorf("got %v", err)
	}
	t.Log(err)
	stored, err := c.GetBackup(t.Context(), b.ID())
	if err != nil || len(stored.Status.Message) >= 530_000 || stored.ResourceVersion != b.ResourceVersion {
		t.Errorf("a refused update changed something: %v", err)
	}
}

// TestThousandsFit holds what a record takes: as many namespaces as any cluster has, as many failures as namespaces.
func TestThousandsFit(t *testing.T) {
	b := newBackup("prod", "one", noon)
	for i := range 20_000 {
		ns := fmt.Sprintf("team-%d-%x", i%97, i*7919)
		b.Status.Namespaces = append(b.Status.Namespaces, ns)
		b.Status.Failures = append(b.Status.Failures, salvor.Failure{Kind: "secrets", Namespace: ns, Objects: -1,
			Reason: "secrets is forbidden: User \"salvor\" cannot list resource \"secrets\" in API group \"\" in the namespace \"" + ns + "\""})
	}
	size, err := dynamo.RecordSize(b)
	if err != nil {
		t.Error(err)
	}
	t.Logf("20,000 namespaces and failures take %d bytes", size)
}

func TestErrors(t *testing.T) {
	b := newBackup("prod", "one", noon)
	t.Run("there is no such table", func(t *testing.T) {
		api, _ := newTable(t)
		_, err := dynamo.New(api, "no-such-table").GetBackup(t.Context(), b.ID())
		if !salvor.Is(err, salvor.Unavailable) { // Not NotFound: that would say that there is no such backup.
			t.Errorf("got code %s: %v", salvor.CodeOf(err), err)
		}
		t.Log(err)
	})
	t.Run("the table exists", func(t *testing.T) {
		api, table := newTable(t)
		if err := dynamo.CreateTable(t.Context(), api, table); !salvor.Is(err, salvor.Exists) {
			t.Errorf("got code %s: %v", salvor.CodeOf(err), err)
		}
	})
	t.Run("nobody is there", func(t *testing.T) {
		cfg := aws.Config{Region: "eu-central-1", Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
			BaseEndpoint: aws.String("http://127.0.0.1:1"), Retryer: func() aws.Retryer { return aws.NopRetryer{} }}
		_, err := dynamo.New(dynamodb.NewFromConfig(cfg), "t").GetBackup(t.Context(), b.ID())
		if !salvor.Is(err, salvor.Unavailable) {
			t.Errorf("got code %s: %v", salvor.CodeOf(err), err)
		}
	})
	for aws, want := range map[string]salvor.Code{
		"AccessDeniedException": salvor.Forbidden, "ExpiredTokenException": salvor.Unauthorized, "ThrottlingException": salvor.Unavailable,
		"ProvisionedThroughputExceededException": salvor.Unavailable, "ValidationException": salvor.Internal,
	} {
		t.Run(aws, func(t *testing.T) {
			err := dynamo.Wrap("doing it", fmt.Errorf("sent: %w", &smithy.GenericAPIError{Code: aws, Message: "no"}))
			if salvor.CodeOf(err) != want {
				t.Errorf("got code %s, want %s", salvor.CodeOf(err), want)
			}
			var api smithy.APIError
			if !errors.As(err, &api) {
				t.Error("the cause is out of reach")
			}
		})
	}
}

// TestOpen reaches a table with the client that Open makes.
func TestOpen(t *testing.T) {
	_, table := newTable(t)
	c := dynamo.Open(config(t), table)
	create(t, c, newBackup("prod", "one", noon))
	if _, err := c.GetBackup(t.Context(), salvor.BackupID{ClusterID: "prod", Name: "one"}); err != nil {
		t.Error(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}
