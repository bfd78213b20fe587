// Package openapi holds requests and answers against infra/openapi.yaml.
package openapi

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"salvor.io/salvor/tests/testenv"
)

// Document is the description of the API.
type Document struct {
	*openapi3.T
	router routers.Router

	mu   sync.Mutex
	seen map[string]bool // operation and status
}

// Load reads and checks the document.
var Load = sync.OnceValues(func() (*Document, error) {
	openapi3.SchemaErrorDetailsDisabled = true
	root, err := testenv.Root()
	if err != nil {
		return nil, err
	}
	t, err := openapi3.NewLoader().LoadFromFile(filepath.Join(root, "infra", "openapi.yaml"))
	if err != nil {
		return nil, fmt.Errorf("reading infra/openapi.yaml: %w", err)
	}
	if err := t.Validate(context.Background()); err != nil {
		return nil, fmt.Errorf("infra/openapi.yaml: %w", err)
	}
	t.Servers = nil // paths alone count here
	router, err := gorillamux.NewRouter(t)
	if err != nil {
		return nil, fmt.Errorf("infra/openapi.yaml: %w", err)
	}
	return &Document{T: t, router: router, seen: map[string]bool{}}, nil
})

// Check returns what of an exchange the document does not allow. A request that is answered by 400 or 413 may be wrong; an
// answer never.
func (d *Document) Check(r *http.Request, body []byte, status int, header http.Header, answer []byte) error {
	req := r.Clone(context.Background())
	req.URL.Scheme, req.URL.Host, req.Host = "", "", ""
	req.Body = io.NopCloser(bytes.NewReader(body))
	if len(body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	route, parameters, err := d.router.FindRoute(req)
	if err != nil {
		if status == http.StatusNotFound || status == http.StatusMethodNotAllowed {
			return nil
		}
		return fmt.Errorf("%s %s is answered %d and not described: %w", r.Method, r.URL.Path, status, err)
	}
	options := &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true}
	in := &openapi3filter.RequestValidationInput{Request: req, PathParams: parameters, Route: route, Options: options}
	if err := openapi3filter.ValidateRequest(context.Background(), in); err != nil && status != http.StatusBadRequest && status != http.StatusRequestEntityTooLarge {
		return fmt.Errorf("%s %s is not as described, and answered %d: %w", r.Method, r.URL.Path, status, err)
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: status, Header: header, Options: options}
	out.SetBodyBytes(answer)
	if err := openapi3filter.ValidateResponse(context.Background(), out); err != nil {
		return fmt.Errorf("the answer %d to %s %s is not as described: %w", status, r.Method, r.URL.Path, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen[fmt.Sprintf("%s %d", route.Operation.OperationID, status)] = true
	return nil
}

// Seen reports whether an operation was answered with the status so far.
func (d *Document) Seen(operation string, status int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.seen[fmt.Sprintf("%s %d", operation, status)]
}
