package awslocal_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"salvor.io/salvor/tools/internal/awslocal"
)

const (
	userARN    = "arn:aws:iam::111122223333:user/ada"
	roleARN    = "arn:aws:iam::444455556666:role/ops/reader"
	clusterARN = "arn:aws:eks:eu-central-1:444455556666:cluster/prod"
)

var ada = aws.Credentials{AccessKeyID: "AKIAADA", SecretAccessKey: "secret-of-ada"}

func serve(t *testing.T) *httptest.Server {
	t.Helper()
	file := filepath.Join(t.TempDir(), "accounts.json")
	accounts := awslocal.Accounts{
		Users: []awslocal.User{{ARN: userARN, AccessKey: ada.AccessKeyID, SecretKey: ada.SecretAccessKey}},
		Roles: []awslocal.Role{{ARN: roleARN,
			Trust: awslocal.Policy{Statements: []awslocal.Statement{{Effect: "Allow", Principal: map[string]awslocal.Texts{"AWS": {userARN}}, Action: awslocal.Texts{"sts:AssumeRole"},
				Condition: map[string]map[string]awslocal.Texts{"StringEquals": {"sts:ExternalId": {"the-external-id"}}}}}},
			Permissions: []awslocal.Policy{{Statements: []awslocal.Statement{{Effect: "Allow", Action: awslocal.Texts{"eks:DescribeCluster"}, Resource: awslocal.Texts{clusterARN}}}}}}},
		Clusters: []awslocal.Cluster{{ARN: clusterARN, Endpoint: "https://e"}, {ARN: clusterARN + "2"}},
	}
	if err := accounts.Save(file); err != nil {
		t.Fatal(err)
	}
	s := &awslocal.Server{Accounts: file, Now: time.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	s.Init()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return server
}

// request is one that is signed: its parts can be changed before and after.
type request struct {
	who             aws.Credentials
	service, region string
	at              time.Time
	path            string
	form            url.Values
	tamper          func(*http.Request)
}

func (r request) send(t *testing.T, server *httptest.Server) (int, string) {
	t.Helper()
	method, body := http.MethodGet, ""
	if r.form != nil {
		method, body = http.MethodPost, r.form.Encode()
	}
	req, err := http.NewRequest(method, server.URL+r.path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if r.form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	sum := sha256.Sum256([]byte(body))
	if r.at.IsZero() {
		r.at = time.Now()
	}
	if err := v4.NewSigner().SignHTTP(context.Background(), r.who, req, hex.EncodeToString(sum[:]), r.service, r.region, r.at); err != nil {
		t.Fatal(err)
	}
	if r.tamper != nil {
		r.tamper(req)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	out, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(out)
}

func who() url.Values { return url.Values{"Action": {"GetCallerIdentity"}, "Version": {"2011-06-15"}} }

func assume(id string) url.Values {
	return url.Values{"Action": {"AssumeRole"}, "RoleArn": {roleARN}, "RoleSessionName": {"s"}, "DurationSeconds": {"900"}, "ExternalId": {id}}
}

func TestSignatures(t *testing.T) {
	server := serve(t)
	good := request{who: ada, service: "sts", region: "us-east-1", path: "/", form: who()}
	for name, tt := range map[string]struct {
		change func(*request)
		status int
		says   string
	}{
		"as it should be":             {func(*request) {}, 200, userARN},
		"another region":              {func(r *request) { r.region = "ap-south-1" }, 200, userARN},
		"a wrong secret":              {func(r *request) { r.who.SecretAccessKey += "x" }, 403, "SignatureDoesNotMatch"},
		"an unknown key":              {func(r *request) { r.who.AccessKeyID += "x" }, 403, "InvalidClientTokenId"},
		"a token that no user has":    {func(r *request) { r.who.SessionToken = "x" }, 403, "InvalidClientTokenId"},
		"a date that is too old":      {func(r *request) { r.at = time.Now().Add(-16 * time.Minute) }, 403, "SignatureDoesNotMatch"},
		"a date that is to come":      {func(r *request) { r.at = time.Now().Add(16 * time.Minute) }, 403, "SignatureDoesNotMatch"},
		"signed for another service":  {func(r *request) { r.service = "eks" }, 403, "SignatureDoesNotMatch"},
		"no signature":                {func(r *request) { r.tamper = func(q *http.Request) { q.Header.Del("Authorization") } }, 403, "MissingAuthenticationToken"},
		"another date than is signed": {func(r *request) { r.tamper = func(q *http.Request) { q.Header.Set("X-Amz-Date", "20200101T000000Z") } }, 403, "MissingAuthenticationToken"},
		"another path than is signed": {func(r *request) { r.tamper = func(q *http.Request) { q.URL.RawQuery = "a=b" } }, 403, "SignatureDoesNotMatch"},
		"another body than is signed": {func(r *request) { r.tamper = body(assume("the-external-id").Encode()) }, 403, "SignatureDoesNotMatch"},
		"a header that is signed, anew": {func(r *request) {
			r.tamper = func(q *http.Request) { q.Header.Set("Content-Type", "application/x-www-form-urlencoded ;") }
		}, 403, "SignatureDoesNotMatch"},
		"an action that is not answered": {func(r *request) { r.form = url.Values{"Action": {"GetFederationToken"}} }, 400, "InvalidAction"},
	} {
		t.Run(name, func(t *testing.T) {
			r := good
			tt.change(&r)
			if status, said := r.send(t, server); status != tt.status || !strings.Contains(said, tt.says) {
				t.Errorf("status %d, want %d with %q: %s", status, tt.status, tt.says, said)
			}
		})
	}
}

func body(s string) func(*http.Request) {
	return func(r *http.Request) {
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader([]byte(s))), int64(len(s))
	}
}

// The request inside of a cluster's token: the cluster's id is a signed header.
func TestPresigned(t *testing.T) {
	server := serve(t)
	ask := func(signedFor, sentFor string, tamper func(string) string) int {
		t.Helper()
		req, err := http.NewRequest(http.MethodGet, server.URL+"/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Expires=60", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-K8s-Aws-Id", signedFor)
		empty := sha256.Sum256(nil)
		signed, _, err := v4.NewSigner().PresignHTTP(t.Context(), ada, req, hex.EncodeToString(empty[:]), "sts", "eu-central-1", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		again, err := http.NewRequest(http.MethodGet, tamper(signed), nil)
		if err != nil {
			t.Fatal(err)
		}
		again.Header.Set("X-K8s-Aws-Id", sentFor)
		resp, err := http.DefaultClient.Do(again)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	same := func(s string) string { return s }
	if got := ask("prod", "prod", same); got != 200 {
		t.Errorf("as it should be: status %d", got)
	}
	if got := ask("prod", "test", same); got != 403 {
		t.Errorf("for another cluster: status %d", got)
	}
	longer := func(s string) string { return strings.Replace(s, "X-Amz-Expires=60", "X-Amz-Expires=900", 1) }
	if got := ask("prod", "prod", longer); got != 403 {
		t.Errorf("with another query: status %d", got)
	}
}

func TestRoles(t *testing.T) {
	server := serve(t)
	sts := func(form url.Values) (int, string) {
		return request{who: ada, service: "sts", region: "us-east-1", path: "/", form: form}.send(t, server)
	}
	for _, id := range []string{"", "another-id"} {
		if status, said := sts(assume(id)); status != 403 || !strings.Contains(said, "AccessDenied") {
			t.Errorf("with the external id %q: status %d, %s", id, status, said)
		}
	}
	status, said := sts(assume("the-external-id"))
	if status != 200 {
		t.Fatalf("status %d: %s", status, said)
	}
	part := func(name string) string {
		m := regexp.MustCompile("<" + name + ">([^<]+)<").FindStringSubmatch(said)
		if m == nil {
			t.Fatalf("no %s in %s", name, said)
		}
		return m[1]
	}
	role := aws.Credentials{AccessKeyID: part("AccessKeyId"), SecretAccessKey: part("SecretAccessKey"), SessionToken: part("SessionToken")}
	stolen := role
	stolen.SessionToken = "another"
	eks := func(who aws.Credentials, region, path string) (int, string) {
		return request{who: who, service: "eks", region: region, path: path}.send(t, server)
	}
	for _, tt := range []struct {
		what, region, path string
		who                aws.Credentials
		status             int
		says               string
	}{
		{"its cluster", "eu-central-1", "/clusters/prod", role, 200, `"endpoint":"https://e"`},
		{"another cluster, which it may not describe", "eu-central-1", "/clusters/prod2", role, 403, "not authorized"},
		{"all clusters, which it may not list", "eu-central-1", "/clusters", role, 403, "eks:ListClusters"},
		{"with another session's token", "eu-central-1", "/clusters/prod", stolen, 403, "invalid"},
		{"the cluster of another account", "eu-central-1", "/clusters/prod", ada, 404, "No cluster found"},
		{"a cluster of another region", "us-east-1", "/clusters/prod", role, 403, "us-east-1"},
	} {
		if status, said := eks(tt.who, tt.region, tt.path); status != tt.status || !strings.Contains(said, tt.says) {
			t.Errorf("%s: status %d, want %d with %q: %s", tt.what, status, tt.status, tt.says, said)
		}
	}
}
