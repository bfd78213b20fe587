package awslocal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// freshness is for how long STS takes a signature before and after its date.
const freshness = 15 * time.Minute

// signature is what a request says about how it was signed.
type signature struct {
	accessKey, region, service string
	at                         time.Time
	headers                    []string
	sum                        string
	// token is that of a session.
	token string
	// query: presigned, as the request inside of a cluster's token.
	query bool
}

var (
	authorization = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=([^/,]+)/(\d{8})/([^/,]+)/([^/,]+)/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$`)
	credential    = regexp.MustCompile(`^([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request$`)
)

// parseSignature reads the signature of a request; nil if it has none that is well formed.
func parseSignature(r *http.Request) *signature {
	q := r.URL.Query()
	var s signature
	var day, date string
	if q.Get("X-Amz-Signature") != "" {
		m := credential.FindStringSubmatch(q.Get("X-Amz-Credential"))
		if m == nil || q.Get("X-Amz-Algorithm") != "AWS4-HMAC-SHA256" {
			return nil
		}
		day, date = m[2], q.Get("X-Amz-Date")
		s = signature{accessKey: m[1], region: m[3], service: m[4], query: true, token: q.Get("X-Amz-Security-Token"),
			headers: strings.Split(q.Get("X-Amz-SignedHeaders"), ";"), sum: q.Get("X-Amz-Signature")}
	} else {
		m := authorization.FindStringSubmatch(r.Header.Get("Authorization"))
		if m == nil {
			return nil
		}
		day, date = m[2], r.Header.Get("X-Amz-Date")
		s = signature{accessKey: m[1], region: m[3], service: m[4], token: r.Header.Get("X-Amz-Security-Token"),
			headers: strings.Split(m[5], ";"), sum: m[6]}
	}
	at, err := time.Parse("20060102T150405Z", date)
	if err != nil || !strings.HasPrefix(date, day) {
		return nil
	}
	s.at = at
	return &s
}

// fresh tells whether the signature is of about now.
func (s *signature) fresh(now time.Time) bool {
	return now.Sub(s.at) < freshness && s.at.Sub(now) < freshness
}

// matches signs the request again with the secret, as AWS's SDK does, and compares.
func (s *signature) matches(ctx context.Context, r *http.Request, body []byte, secret string) bool {
	again, err := s.unsigned(r)
	if err != nil {
		return false
	}
	hash := sha256.Sum256(body)
	signer := v4.NewSigner()
	creds := aws.Credentials{AccessKeyID: s.accessKey, SecretAccessKey: secret, SessionToken: s.token}
	var sum string
	if s.query {
		signed, _, err := signer.PresignHTTP(ctx, creds, again, hex.EncodeToString(hash[:]), s.service, s.region, s.at)
		if err != nil {
			return false
		}
		u, err := url.Parse(signed)
		if err != nil {
			return false
		}
		sum = u.Query().Get("X-Amz-Signature")
	} else {
		if err := signer.SignHTTP(ctx, creds, again, hex.EncodeToString(hash[:]), s.service, s.region, s.at); err != nil {
			return false
		}
		_, sum, _ = strings.Cut(again.Header.Get("Authorization"), "Signature=")
	}
	return subtle.ConstantTimeCompare([]byte(sum), []byte(s.sum)) == 1
}

// unsigned rebuilds the request as it was before it was signed: with the signed headers and no others.
func (s *signature) unsigned(r *http.Request) (*http.Request, error) {
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
	for _, name := range s.headers {
		switch name {
		case "host":
		case "content-length":
			if again.ContentLength, err = strconv.ParseInt(r.Header.Get("Content-Length"), 10, 64); err != nil {
				again.ContentLength = r.ContentLength
			}
		default:
			again.Header[http.CanonicalHeaderKey(name)] = r.Header.Values(name)
		}
	}
	return again, nil
}

// readBody reads a small body, and leaves it to be read again.
func readBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	r.Body = io.NopCloser(bytes.NewReader(body))
	return body, err
}
