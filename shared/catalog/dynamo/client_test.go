package dynamo_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"salvor.io/salvor/shared/catalog/dynamo"
)

// slow is a connection of a process that gets little of a processor: between what it sends it does nothing for a while.
type slow struct{ net.Conn }

func (s slow) Write(p []byte) (int, error) {
	n, err := s.Conn.Write(p)
	time.Sleep(200 * time.Millisecond)
	return n, err
}

// A long answer that begins before the process has seen that its request was sent is read to its end.
func TestALongAnswerToASlowProcess(t *testing.T) {
	const long = 1 << 20
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		io.WriteString(w, `{"Item":{"text":{"S":"`)
		w.(http.Flusher).Flush()
		time.Sleep(500 * time.Millisecond)
		io.WriteString(w, strings.Repeat("x", long)+`"}}}`)
	}))
	defer server.Close()
	client := awshttp.NewBuildableClient().WithTransportOptions(func(tr *http.Transport) {
		tr.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := (&net.Dialer{}).DialContext(ctx, network, address)
			return slow{c}, err
		}
	})
	api := dynamo.NewClient(aws.Config{Region: "eu-central-1", Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
		BaseEndpoint: &server.URL, HTTPClient: client}, func(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} })
	key := map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "one"}}
	out, err := api.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String("t"), Key: key})
	if err != nil {
		t.Fatal(err)
	}
	if text, ok := out.Item["text"].(*types.AttributeValueMemberS); !ok || len(text.Value) != long {
		t.Errorf("got %T of %d bytes", out.Item["text"], len(text.Value))
	}
}
