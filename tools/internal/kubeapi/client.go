// Package kubeapi asks a Kubernetes API server a few plain questions. It knows
// no Kubernetes types, so that the tool which starts clusters stays small.
package kubeapi

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"salvor.io/salvor/tools/internal/pki"
)

// Client speaks to one API server as one user.
type Client struct {
	server string
	http   *http.Client
}

// StatusError is an answer other than 2xx.
type StatusError struct {
	Code int
	Body string
}

func (e *StatusError) Error() string { return fmt.Sprintf("HTTP %d: %s", e.Code, e.Body) }

// New returns a client that trusts caPEM and signs in as id.
func New(server string, caPEM []byte, id pki.Identity) (*Client, error) {
	cert, err := tls.X509KeyPair(id.CertPEM, id.KeyPEM)
	if err != nil {
		return nil, fmt.Errorf("reading the client certificate: %w", err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(caPEM)
	config := &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{cert}}
	return &Client{server: server, http: &http.Client{
		Transport: &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true},
		Timeout:   30 * time.Second,
	}}, nil
}

// do sends body and decodes the answer into out unless that is nil. An answer
// other than 2xx is a *StatusError.
func (c *Client) do(ctx context.Context, method, path, contentType string, body []byte, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, c.server+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("asking %s: %w", path, err)
	}
	req.Header.Set("Content-Type", contentType)
	resp, err := c.http.Do(req)
	if err != nil {
		return err // names the method and the address already
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("reading the answer of %s: %w", path, err)
	}
	if resp.StatusCode/100 != 2 {
		return &StatusError{Code: resp.StatusCode, Body: string(raw)}
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("decoding the answer of %s: %w", path, err)
	}
	return nil
}

func (c *Client) send(ctx context.Context, method, path, contentType string, body, out any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encoding the body for %s: %w", path, err)
	}
	return c.do(ctx, method, path, contentType, raw, out)
}

// Get reads path into out, which may be nil.
func (c *Client) Get(ctx context.Context, path string, out any) error {
	return c.do(ctx, http.MethodGet, path, "application/json", nil, out)
}

// Post sends body as JSON and reads the answer into out, which may be nil.
func (c *Client) Post(ctx context.Context, path string, body, out any) error {
	return c.send(ctx, http.MethodPost, path, "application/json", body, out)
}

// PostYAML sends one object that is YAML already.
func (c *Client) PostYAML(ctx context.Context, path string, body []byte) error {
	return c.do(ctx, http.MethodPost, path, "application/yaml", body, nil)
}

// Patch sends body as a JSON merge patch.
func (c *Client) Patch(ctx context.Context, path string, body, out any) error {
	return c.send(ctx, http.MethodPatch, path, "application/merge-patch+json", body, out)
}

// Succeeds returns a question for child.Poll: does a GET of path succeed?
func (c *Client) Succeeds(path string) func(context.Context) (bool, error) {
	return func(ctx context.Context) (bool, error) {
		err := c.Get(ctx, path, nil)
		return err == nil, err
	}
}
