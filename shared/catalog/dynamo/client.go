package dynamo

import (
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// attempts is how often a request is sent at most; with the SDK's backoff the last follows some 30 s after the first.
const attempts = 8

// NewClient returns a client that slows down when DynamoDB throttles it, and does not lose long answers.
func NewClient(cfg aws.Config, more ...func(*dynamodb.Options)) *dynamodb.Client {
	ours := func(o *dynamodb.Options) {
		o.HTTPClient = plain{o.HTTPClient}
		o.Retryer = retry.NewAdaptiveMode(func(a *retry.AdaptiveModeOptions) {
			a.StandardOptions = append(a.StandardOptions, func(s *retry.StandardOptions) { s.MaxAttempts = attempts })
		})
	}
	return dynamodb.NewFromConfig(cfg, append([]func(*dynamodb.Options){ours}, more...)...)
}

// plain sends bodies that can only be read. The SDK closes the body of a request when the answer begins; a process that has
// little of a processor may be about to look for the end of it then. The SDK's WriteTo of a closed body is io.EOF, which
// net/http takes for a failure: it closes the connection under the answer, of which no more than its beginning was read
// ("use of closed network connection", https://github.com/aws/aws-sdk-go-v2/issues/2737). A Read of it is the end.
type plain struct{ dynamodb.HTTPClient }

// Do sends a request.
func (p plain) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		r.Body = struct{ io.ReadCloser }{r.Body}
	}
	return p.HTTPClient.Do(r)
}
