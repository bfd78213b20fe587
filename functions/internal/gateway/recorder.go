package gateway

import (
	"bytes"
	"net/http"
)

// recorder keeps an answer until it is whole: API Gateway takes it in one piece.
type recorder struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func newRecorder() *recorder { return &recorder{status: http.StatusOK, header: http.Header{}} }

// Header returns the headers, for the handler to fill in.
func (r *recorder) Header() http.Header { return r.header }

// WriteHeader notes the status.
func (r *recorder) WriteHeader(status int) { r.status = status }

// Write appends to the body.
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }
