// Package remote is a catalog behind Salvor's HTTP API: that of a stack on AWS, or of `salvor serve`.
//
// Requests to API Gateway are signed with the caller's AWS credentials; those to a server of this machine bear its token,
// or go through its socket. What is work - backups and restores that are created, canceled, deleted - is begun there, and
// done there: nothing of it is done by this process.
package remote

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"

	"salvor.io/salvor/shared/salvor"
)

// Options say how to reach the API.
type Options struct {
	// URL is https://ID.execute-api.REGION.amazonaws.com, a URL of this machine, or unix:PATH of a socket.
	URL string
	// Token is borne instead of a signature, when it is not empty.
	Token string
	// Region signs requests to a host whose name tells none; empty: that of the AWS configuration in use.
	Region string
	// Now is the clock.
	Now func() time.Time
}

// Client calls the API.
type Client struct {
	options Options
	base    *url.URL
	http    *http.Client
	sign    func(ctx context.Context, r *http.Request, body []byte) error
}

var gateway = regexp.MustCompile(`\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?$`)

// Open returns a client. Invalid: the URL is none, or would send a token or a request in the clear to another machine.
func Open(ctx context.Context, o Options) (*Client, error) {
	c := &Client{options: o, http: &http.Client{Timeout: 35 * time.Second}}
	if path, ok := strings.CutPrefix(o.URL, "unix:"); ok {
		c.base = &url.URL{Scheme: "http", Host: "salvor"}
		c.http.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", strings.TrimPrefix(path, "//"))
		}}
		return c, nil
	}
	var err error
	if c.base, err = url.Parse(o.URL); err != nil || c.base.Host == "" || c.base.Scheme != "http" && c.base.Scheme != "https" || c.base.User != nil {
		return nil, salvor.Errorf(salvor.Invalid, "%q is not the URL of an API", o.URL).WithHint("such as https://ID.execute-api.REGION.amazonaws.com, or unix:PATH")
	}
	if c.base.Scheme == "http" && !loopback(c.base.Hostname()) {
		return nil, salvor.Errorf(salvor.Invalid, "%s is reached in the clear", o.URL).WithHint("use https")
	}
	if o.Token == "" {
		return c, c.withCredentials(ctx)
	}
	return c, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// withCredentials signs requests with what the AWS SDK finds.
func (c *Client) withCredentials(ctx context.Context) error {
	config, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return salvor.Errorf(salvor.Invalid, "reading the AWS configuration: %w", err)
	}
	region := c.options.Region
	if m := gateway.FindStringSubmatch(c.base.Hostname()); m != nil {
		region = m[1]
	}
	if region == "" {
		region = config.Region
	}
	c.sign = func(ctx context.Context, r *http.Request, body []byte) error {
		return c.signV4(ctx, r, body, config, region)
	}
	return nil
}

func (c *Client) signV4(ctx context.Context, r *http.Request, body []byte, config aws.Config, region string) error {
	creds, err := config.Credentials.Retrieve(ctx)
	if err != nil {
		return salvor.Errorf(salvor.Unauthorized, "there are no AWS credentials to sign the request with: %w", err).WithHint("aws configure, or aws sso login")
	}
	sum := sha256.Sum256(body)
	return v4.NewSigner().SignHTTP(ctx, creds, r, hex.EncodeToString(sum[:]), "execute-api", region, c.options.Now())
}

// call sends a request and decodes the answer into out, unless that is nil. headers are name and value in turn.
func (c *Client) call(ctx context.Context, method, path string, query url.Values, in, out any, headers ...string) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return fmt.Errorf("encoding the request: %w", err)
		}
	}
	u := *c.base
	u.Path, u.RawQuery = strings.TrimSuffix(u.Path, "/")+path, query.Encode()
	r, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("making the request: %w", err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.options.Token != "" {
		r.Header.Set("Authorization", "Bearer "+c.options.Token)
	} else if c.sign != nil {
		if err := c.sign(ctx, r, body); err != nil {
			return err
		}
	}
	return c.send(r, out)
}

func (c *Client) send(r *http.Request, out any) error {
	resp, err := c.http.Do(r)
	if err != nil {
		return salvor.Errorf(salvor.Unavailable, "calling %s: %w", c.options.URL, errors.Unwrap(err))
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return salvor.Errorf(salvor.Unavailable, "reading the answer of %s: %w", c.options.URL, err)
	}
	if resp.StatusCode >= 300 {
		return c.problem(resp.StatusCode, data)
	}
	if out == nil || len(data) == 0 {
		return nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return salvor.Errorf(salvor.Internal, "reading the answer of %s: %w", c.options.URL, err)
	}
	return nil
}

// problem is the error that the answer tells of.
func (c *Client) problem(status int, data []byte) error {
	var p struct {
		Code                  salvor.Code
		Detail, Hint, Message string
	}
	if err := json.Unmarshal(data, &p); err == nil && p.Code != "" {
		e := salvor.Errorf(p.Code, "%s", p.Detail)
		if p.Hint != "" {
			e = e.WithHint("%s", p.Hint)
		}
		return e
	}
	switch status { // API Gateway's own
	case http.StatusUnauthorized, http.StatusForbidden:
		return salvor.Errorf(salvor.Forbidden, "%s refuses the caller: %s", c.options.URL, p.Message).
			WithHint("the identity in use needs execute-api:Invoke on this API")
	case http.StatusNotFound:
		return salvor.Errorf(salvor.Invalid, "%s is no API of Salvor", c.options.URL)
	}
	return salvor.Errorf(salvor.Unavailable, "%s answers %s %s", c.options.URL, http.StatusText(status), p.Message)
}
