package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"salvor.io/salvor/shared/salvor"
)

// Problem is the body of every error (RFC 9457).
type Problem struct {
	// Type is a URI that names the code; Title says it in words.
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	// Detail says what happened to what, Hint what to do.
	Detail string `json:"detail"`
	Hint   string `json:"hint,omitempty"`
	// Code is for programs.
	Code salvor.Code `json:"code"`
	// Problems are all mistakes in the object that was sent.
	Problems []salvor.Problem `json:"problems,omitempty"`
}

// statuses says which HTTP status an error's code has. Who asks is known before: Forbidden and Unauthorized are about
// Salvor's own identity, at a cluster or a bucket.
var statuses = map[salvor.Code]int{
	salvor.Invalid:          http.StatusBadRequest,
	salvor.NotFound:         http.StatusNotFound,
	salvor.Exists:           http.StatusConflict,
	salvor.Conflict:         http.StatusConflict,
	salvor.Fenced:           http.StatusConflict,
	salvor.Gone:             http.StatusGone,
	salvor.Forbidden:        http.StatusBadGateway,
	salvor.Unauthorized:     http.StatusBadGateway,
	salvor.Unavailable:      http.StatusServiceUnavailable,
	salvor.Canceled:         http.StatusServiceUnavailable,
	salvor.Suspended:        http.StatusServiceUnavailable,
	salvor.DeadlineExceeded: http.StatusGatewayTimeout,
}

// statusError is an error that has a status of its own.
type statusError struct {
	err    *salvor.Error
	status int
}

// Error is the error's, without its status.
func (e *statusError) Error() string { return e.err.Error() }

// Unwrap returns the error without its status.
func (e *statusError) Unwrap() error { return e.err }

func withStatus(status int, err *salvor.Error) error { return &statusError{err, status} }

// problem answers with an error. What nobody foresaw is logged and not told: it may hold what callers must not see.
func (s *Server) problem(w http.ResponseWriter, r *http.Request, err error) {
	p := Problem{Code: salvor.CodeOf(err), Detail: detail(err)}
	var own *statusError
	switch status, known := statuses[p.Code]; {
	case errors.As(err, &own):
		p.Status = own.status
	case known:
		p.Status = status
	default:
		p.Status, p.Detail = http.StatusInternalServerError, "an error that nobody foresaw; the log has it"
		s.Log.ErrorContext(r.Context(), "request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	if p.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
	}
	p.Type, p.Title = "https://salvor.io/problems/"+string(p.Code), http.StatusText(p.Status)
	var e *salvor.Error
	if p.Status != http.StatusInternalServerError && errors.As(err, &e) {
		p.Hint = e.Hint
	}
	var mistakes salvor.Problems
	if errors.As(err, &mistakes) {
		p.Problems = mistakes
	}
	data, _ := json.Marshal(p) // strings and numbers
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Del("ETag")
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(data, '\n'))
}

// detail is the error without its hint, which has a field of its own.
func detail(err error) string {
	var e *salvor.Error
	if errors.As(err, &e) && e.Hint != "" {
		return strings.TrimSuffix(err.Error(), "; "+e.Hint)
	}
	return err.Error()
}

// retryAfter is when to ask again, in seconds, after 503.
const retryAfter = 2
