package cloud

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"salvor.io/salvor/tests/openapi"
)

var errNotAllowed = errors.New("the credentials are not those of a caller who may call this API")

// Answer is what the API said.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Call sends a signed request, and holds the exchange against infra/openapi.yaml; headers are name and value in turn.
func (a *API) Call(method, path, body string, headers ...string) Answer {
	a.c.t.Helper()
	req, err := http.NewRequestWithContext(a.c.t.Context(), method, a.URL+path, strings.NewReader(body))
	if err != nil {
		a.c.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	if err := a.Sign(a.c.t.Context(), req, []byte(body)); err != nil {
		a.c.t.Fatal(err)
	}
	answer := a.Send(req)
	if answer.Status != http.StatusForbidden { // which is API Gateway's own
		doc, err := openapi.Load()
		if err == nil {
			err = doc.Check(req, []byte(body), answer.Status, answer.Header, answer.Body)
		}
		if err != nil {
			a.c.t.Error(err)
		}
	}
	return answer
}

// Sign signs a request with the caller's credentials.
func (a *API) Sign(ctx context.Context, req *http.Request, body []byte) error {
	sum := sha256.Sum256(body)
	return v4.NewSigner().SignHTTP(ctx, aws.Credentials{AccessKeyID: a.AccessKey, SecretAccessKey: a.SecretKey}, req, hex.EncodeToString(sum[:]), "execute-api", Region, time.Now())
}

// Send sends a request as it is.
func (a *API) Send(req *http.Request) Answer {
	a.c.t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		a.c.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		a.c.t.Fatal(err)
	}
	return Answer{resp.StatusCode, resp.Header, bytes.TrimSpace(data)}
}
