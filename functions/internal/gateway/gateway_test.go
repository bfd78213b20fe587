package gateway_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"salvor.io/salvor/functions/internal/gateway"
	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/catalog/sqlite"
	"salvor.io/salvor/shared/httpapi"
	"salvor.io/salvor/shared/restore"
)

const rule = `{"apiVersion":"salvor.io/v1","kind":"Rule","metadata":{"name":"freeze"},"spec":{"subRules":[{"podSelectors":[{}],"actions":[{"shell":"sync"}]}]}}`

// ask sends events to the API on a catalog of its own.
func newAPI(t *testing.T) func(event string) events.APIGatewayV2HTTPResponse {
	t.Helper()
	c, err := sqlite.Open(filepath.Join(t.TempDir(), "catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	log := slog.New(slog.NewJSONHandler(io.Discard, nil))
	server := &httpapi.Server{Catalog: c, Now: time.Now, Log: log,
		Backups: &backup.Engine{Catalog: c, Now: time.Now}, Restores: &restore.Engine{Catalog: c, Now: time.Now}}
	handle := gateway.Handler(server.Handler(), log)
	return func(event string) events.APIGatewayV2HTTPResponse {
		t.Helper()
		out, err := handle(t.Context(), json.RawMessage(event))
		if err != nil {
			t.Fatal(err)
		}
		return out.(events.APIGatewayV2HTTPResponse)
	}
}

// The console's Test button sends any JSON.
func TestParametersOfTheConsole(t *testing.T) {
	var asked string
	handle := gateway.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.String()
		_, _ = io.WriteString(w, "{}")
	}), slog.New(slog.DiscardHandler))
	for event, want := range map[string]string{
		`{}`:                                "/v1/backups?",
		`{"namespace":"shop","limit":1000}`: "/v1/backups?limit=1000&namespace=shop",
		`{"namespace":null,"phase":["Failed","Completed"]}`:      "/v1/backups?phase=Failed&phase=Completed",
		`{"calendar":true,"from":"2026-11-20","zone":"Etc/UTC"}`: "/v1/calendar?from=2026-11-20&zone=Etc%2FUTC",
		`{"calendar":false,"on":"yesterday"}`:                    "/v1/backups?on=yesterday",
	} {
		if _, err := handle(t.Context(), json.RawMessage(event)); err != nil || asked != want {
			t.Errorf("%s asks for %s, %v, want %s", event, asked, err, want)
		}
	}
}

// event is what API Gateway sends; more is what is in it besides.
func event(method, path, context, more string) string {
	return `{"version":"2.0","rawPath":"` + path + `","rawQueryString":"","requestContext":{"http":{"method":"` + method + `","path":"` + path + `"}` + context + `},"isBase64Encoded":false` + more + `}`
}

func quoted(s string) string {
	data, _ := json.Marshal(s)
	return string(data)
}

// With a JWT authorizer the caller is the token's subject; with IAM it is the identity's ARN.
func TestWhoAsksIsWrittenDown(t *testing.T) {
	for authorizer, want := range map[string]string{
		`{"jwt":{"claims":{"sub":"ada","aud":"salvor","iss":"https://issuer.example.org"},"scopes":null}}`: "jwt/ada",
		`{"iam":{"userArn":"arn:aws:sts::444455556666:assumed-role/ops/ada","accountId":"444455556666"}}`:  "arn:aws:sts::444455556666:assumed-role/ops/ada",
	} {
		ask := newAPI(t)
		r := ask(event("POST", "/v1/rules", `,"stage":"$default","authorizer":`+authorizer, `,"headers":{"content-type":"application/json"},"body":`+quoted(rule)))
		if r.StatusCode != 201 || !strings.Contains(r.Body, `"requestedBy":"`+want+`"`) {
			t.Errorf("asked by %s it answers %d %s", want, r.StatusCode, r.Body)
		}
	}
}

// What API Gateway does to a request on its way is undone: the stage in the path, base64, headers in small letters.
func TestRequestsArriveAsTheyWereSent(t *testing.T) {
	ask := newAPI(t)
	encoded := base64.StdEncoding.EncodeToString([]byte(rule))
	made := ask(strings.Replace(event("PUT", "/live/v1/rules/freeze", `,"stage":"live"`, `,"headers":{"if-none-match":"*"},"body":`+quoted(encoded)), `"isBase64Encoded":false`, `"isBase64Encoded":true`, 1))
	tag := made.Headers["Etag"]
	if made.StatusCode != 201 || tag == "" {
		t.Fatalf("it answers %d %v %s", made.StatusCode, made.Headers, made.Body)
	}
	if r := ask(event("GET", "/v1/rules/freeze", `,"stage":"$default"`, `,"headers":{"if-none-match":`+quoted(tag)+`}`)); r.StatusCode != 304 || r.Body != "" {
		t.Errorf("asked again it answers %d %s", r.StatusCode, r.Body)
	}
	if r := ask(event("GET", "/v1/rules/none", `,"stage":"$default"`, "")); r.StatusCode != 404 || r.Headers["Content-Type"] != "application/problem+json" {
		t.Errorf("about what is not there it answers %d %v", r.StatusCode, r.Headers)
	}
}
