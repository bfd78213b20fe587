package s3_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/location/s3"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/tests/testenv"
)

// Every error says what was done to what, what it means, and what to do next.
func TestErrors(t *testing.T) {
	for _, test := range []struct {
		name   string
		status int
		code   string
		want   error
		says   string
	}{
		{"denied", 403, "AccessDenied", location.ErrDenied, "let the identity in use do s3:PutObject on arn:aws:s3:::"},
		{"the key denied", 403, "KMS.AccessDeniedException", location.ErrDenied, "kms:GenerateDataKey"},
		{"a token expired", 400, "ExpiredToken", location.ErrCredentials, "sign in again"},
		{"a clock is wrong", 403, "RequestTimeTooSkewed", location.ErrCredentials, "clock"},
		{"no such bucket", 404, "NoSuchBucket", location.ErrAbsent, "create the bucket"},
		{"another region", 400, "AuthorizationHeaderMalformed", location.ErrSetup, "region"},
		{"a key disabled", 400, "KMS.DisabledException", location.ErrSetup, "KMS key"},
		{"throttled", 503, "SlowDown", location.ErrThrottled, "less in parallel"},
		{"out of order", 500, "InternalError", location.ErrUnavailable, "try again"},
		{"full", 507, "InsufficientStorage", location.ErrFull, "free space"},
		{"a code that nobody knows", 403, "Whatever", location.ErrDenied, "s3:PutObject"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := openThrough(t, &faults{fault: first(always, http.MethodPut, answer(test.status, test.code))})
			_, err := s.Put(t.Context(), "key", location.Bytes(nil))
			wantError(t, err, test.want, "putting "+s.String()+"/key", test.says)
			if got, want := salvor.CodeOf(err), salvor.CodeOf(test.want); got != want {
				t.Errorf("code is %s, want %s", got, want)
			}
		})
	}
}

func TestErrorsWithoutBody(t *testing.T) {
	for status, want := range map[int]error{403: location.ErrDenied, 404: location.ErrNotFound, 503: location.ErrUnavailable, 429: location.ErrThrottled} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			s := openThrough(t, &faults{fault: first(always, http.MethodHead, answer(status, ""))})
			_, err := s.Stat(t.Context(), "key")
			wantError(t, err, want)
		})
	}
}

// What passes by itself is tried again.
func TestRetries(t *testing.T) {
	for name, what := range map[string]fault{
		"throttled": answer(503, "SlowDown"), "out of order": answer(500, "InternalError"), "a broken connection": dropBefore,
	} {
		t.Run(name, func(t *testing.T) {
			f := &faults{fault: func(n int, _ *http.Request) fault {
				if n%3 != 0 {
					return what
				}
				return nil
			}}
			s := openThrough(t, f)
			if _, err := s.Put(t.Context(), "key", location.Bytes([]byte("x"))); err != nil {
				t.Fatalf("Put = %v", err)
			}
			wantBytes(t, s, "key", []byte("x"))
			for info, err := range s.List(t.Context(), "", "") {
				if err != nil || info.Key != "key" {
					t.Errorf("List has %+v, %v", info, err)
				}
			}
			if err := s.Delete(t.Context(), "key"); err != nil {
				t.Errorf("Delete = %v", err)
			}
		})
	}
}

// By default the SDK's adaptive retries are on.
func TestDefaultRetries(t *testing.T) {
	f := &faults{fault: first(1, http.MethodPut, answer(503, "SlowDown"))}
	s := open(t, s3.Options{Config: config(testenv.S3(t), f)})
	if _, err := s.Put(t.Context(), "key", location.Bytes([]byte("x"))); err != nil {
		t.Fatalf("Put = %v", err)
	}
	if f.seen() != 2 {
		t.Errorf("%d requests, want 2", f.seen())
	}
}

// The real server refuses what is wrong, and that is told as clearly.
func TestRefusals(t *testing.T) {
	server := testenv.S3(t)
	t.Run("a wrong secret", func(t *testing.T) {
		c := config(server, nil)
		c.Credentials = credentials.NewStaticCredentialsProvider(server.AccessKey, "wrong", "")
		_, err := open(t, s3.Options{Config: c}).Put(t.Context(), "key", location.Bytes(nil))
		wantError(t, err, location.ErrCredentials, "new credentials")
	})
	t.Run("an unknown access key", func(t *testing.T) {
		c := config(server, nil)
		c.Credentials = credentials.NewStaticCredentialsProvider("AKIAUNKNOWN", "wrong", "")
		_, _, err := open(t, s3.Options{Config: c}).Get(t.Context(), "key")
		wantError(t, err, location.ErrCredentials)
	})
	t.Run("no credentials", func(t *testing.T) {
		c := config(server, nil)
		c.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{}, errors.New("the SSO session has expired or is invalid")
		})
		_, err := open(t, s3.Options{Config: c}).Put(t.Context(), "key", location.Bytes(nil))
		wantError(t, err, location.ErrCredentials, "SSO session", "sign in again")
	})
	t.Run("credentials that another service refuses", func(t *testing.T) {
		c := config(server, nil)
		c.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			answer := &smithyhttp.Response{Response: &http.Response{StatusCode: http.StatusForbidden}}
			return aws.Credentials{}, &smithyhttp.ResponseError{Response: answer, Err: &smithy.GenericAPIError{Code: "AccessDenied", Message: "not allowed to assume it"}}
		})
		_, _, err := open(t, s3.Options{Config: c}).Get(t.Context(), "key")
		wantError(t, err, location.ErrCredentials, "not allowed to assume it", "which role is assumed")
	})
	t.Run("no such bucket", func(t *testing.T) {
		s := open(t, s3.Options{Bucket: "nobody-made-this"})
		_, err := s.Put(t.Context(), "key", location.Bytes(nil))
		wantError(t, err, location.ErrSetup, "create the bucket nobody-made-this")
		_, _, err = s.Get(t.Context(), "key")
		wantError(t, err, location.ErrSetup)
		for _, err := range s.List(t.Context(), "", "") {
			wantError(t, err, location.ErrSetup)
		}
	})
	t.Run("nobody there", func(t *testing.T) {
		c := config(server, nil)
		c.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
		s, err := s3.New(s3.Options{Config: c, Bucket: "b", Endpoint: "http://127.0.0.1:1"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Stat(t.Context(), "key")
		wantError(t, err, location.ErrUnavailable, "endpoint")
	})
}
