// Package signed checks AWS Signature Version 4, by signing a request again with the SDK's own signer.
package signed

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// Scope is what a signature says of itself.
type Scope struct {
	AccessKey, Region, Service string

	at      time.Time
	headers []string
	sum     string
	token   string
	query   bool // presigned
}

var (
	authorization = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=([^/,]+)/(\d{8})/([^/,]+)/([^/,]+)/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$`)
	credential    = regexp.MustCompile(`^([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request$`)
)

// Parse reads what a request says of its signature. The error is for who sent it.
func Parse(r *http.Request) (*Scope, error) {
	s, date := parse(r)
	if s == nil {
		return nil, errors.New("missing authentication token")
	}
	at, err := time.Parse("20060102T150405Z", date)
	if err != nil {
		return nil, fmt.Errorf("the date of the signature is malformed: %w", err)
	}
	s.at = at
	return s, nil
}

func parse(r *http.Request) (s *Scope, date string) {
	if q := r.URL.Query(); q.Get("X-Amz-Signature") != "" {
		m := credential.FindStringSubmatch(q.Get("X-Amz-Credential"))
		if m == nil {
			return nil, ""
		}
		return &Scope{AccessKey: m[1], Region: m[3], Service: m[4], query: true, token: q.Get("X-Amz-Security-Token"),
			headers: strings.Split(q.Get("X-Amz-SignedHeaders"), ";"), sum: q.Get("X-Amz-Signature")}, q.Get("X-Amz-Date")
	}
	m := authorization.FindStringSubmatch(r.Header.Get("Authorization"))
	if m == nil {
		return nil, ""
	}
	return &Scope{AccessKey: m[1], Region: m[3], Service: m[4], token: r.Header.Get("X-Amz-Security-Token"),
		headers: strings.Split(m[5], ";"), sum: m[6]}, r.Header.Get("X-Amz-Date")
}

// Check reports whether the request was signed with the secret, for about now.
func (s *Scope) Check(ctx context.Context, r *http.Request, body []byte, secret string) error {
	if age := time.Since(s.at); age > 5*time.Minute || age < -5*time.Minute {
		return fmt.Errorf("the signature is expired: it is of %s", s.at)
	}
	again, err := s.unsigned(r)
	if err != nil {
		return err
	}
	hash := r.Header.Get("X-Amz-Content-Sha256")
	sum := sha256.Sum256(body)
	switch {
	case hash == "" || s.Service != "s3":
		hash = hex.EncodeToString(sum[:])
	case hash != hex.EncodeToString(sum[:]):
		return fmt.Errorf("the body is not the one that was signed (%s)", hash)
	}
	creds := aws.Credentials{AccessKeyID: s.AccessKey, SecretAccessKey: secret, SessionToken: s.token}
	signature, err := s.sign(ctx, creds, again, hash)
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare([]byte(signature), []byte(s.sum)) != 1 {
		return errors.New("the request signature we calculated does not match the signature you provided")
	}
	return nil
}

func (s *Scope) sign(ctx context.Context, creds aws.Credentials, r *http.Request, hash string) (string, error) {
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = s.Service == "s3" })
	if !s.query {
		err := signer.SignHTTP(ctx, creds, r, hash, s.Service, s.Region, s.at)
		_, sum, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
		return sum, err
	}
	presigned, _, err := signer.PresignHTTP(ctx, creds, r, hash, s.Service, s.Region, s.at)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(presigned)
	if err != nil {
		return "", err
	}
	return u.Query().Get("X-Amz-Signature"), nil
}

// unsigned is the request as it was before it was signed: with the signed headers and no others.
func (s *Scope) unsigned(r *http.Request) (*http.Request, error) {
	u := *r.URL
	u.Scheme, u.Host = "http", r.Host
	if s.query {
		q := u.Query()
		q.Del("X-Amz-Signature")
		u.RawQuery = q.Encode()
	}
	again, err := http.NewRequest(r.Method, u.String(), nil)
	if err != nil {
		return nil, err
	}
	again.URL.Opaque, again.URL.RawPath = "", r.URL.RawPath
	for _, name := range s.headers {
		switch name {
		case "host":
		case "content-length":
			again.ContentLength = r.ContentLength
		default:
			again.Header[http.CanonicalHeaderKey(name)] = r.Header.Values(name)
		}
	}
	return again, nil
}

// Again signs the request with other credentials, for a server that knows only those.
func (s *Scope) Again(ctx context.Context, r *http.Request, key, secret, region string) error {
	hash := r.Header.Get("X-Amz-Content-Sha256")
	for _, name := range []string{"Authorization", "X-Amz-Security-Token", "X-Amz-Date"} {
		r.Header.Del(name)
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = s.Service == "s3" })
	return signer.SignHTTP(ctx, aws.Credentials{AccessKeyID: key, SecretAccessKey: secret}, r, hash, s.Service, region, time.Now())
}
