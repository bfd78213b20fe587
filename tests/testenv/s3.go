package testenv

import "testing"

// S3Server is a running S3 server that enforces signatures and checksums. Its
// keys are made up for this process.
type S3Server struct {
	Endpoint  string `json:"endpoint"` // http://127.0.0.1:port
	AccessKey string `json:"accessKey"`
	SecretKey string `json:"secretKey"`
	Region    string `json:"region"`
	Bucket    string `json:"bucket"` // exists already
}

// S3 returns this process's S3 server.
func S3(t testing.TB) S3Server {
	t.Helper()
	s := start[S3Server](t, "s3", append([]string{"s3", "up", "--name", serverName("")}, watch()...)...)
	if s.Endpoint == "" || s.Bucket == "" {
		t.Fatalf("starting a server for the test: tools/run s3 up named no endpoint or no bucket: endpoint %q, bucket %q", s.Endpoint, s.Bucket)
	}
	return s
}
