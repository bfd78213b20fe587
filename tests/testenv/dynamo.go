package testenv

import "testing"

// Dynamo returns the endpoint, http://127.0.0.1:port, of this process's DynamoDB
// server. It takes any credentials.
func Dynamo(t testing.TB) string {
	t.Helper()
	s := start[struct {
		Endpoint string `json:"endpoint"`
	}](t, "dynamodb", append([]string{"dynamodb", "up", "--name", serverName("")}, watch()...)...)
	if s.Endpoint == "" {
		t.Fatal("starting a server for the test: tools/run dynamodb up named no endpoint")
	}
	return s.Endpoint
}
