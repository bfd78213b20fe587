package function

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"sync"

	"github.com/google/uuid"
)

// api is the Runtime API of one process.
func (p *process) api() http.Handler {
	mux := http.NewServeMux()
	var mu sync.Mutex
	var current invocation
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", func(w http.ResponseWriter, r *http.Request) {
		select {
		case p.ready <- struct{}{}:
		default:
		}
		select {
		case i := <-p.work:
			mu.Lock()
			current = i
			mu.Unlock()
			p.hand(w, i)
		case <-r.Context().Done():
		}
	})
	answer := func(w http.ResponseWriter, r *http.Request, result func([]byte) Result) {
		body, err := io.ReadAll(r.Body)
		mu.Lock()
		i := current
		mu.Unlock()
		if err != nil || i.answer == nil || r.PathValue("id") != i.RequestID {
			http.Error(w, `{"errorType":"InvalidRequestID"}`, http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusAccepted)
		i.answer <- result(body)
	}
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, func(body []byte) Result { return Result{Payload: body} })
	})
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, func(body []byte) Result { return Result{Payload: body, Error: errorType(body)} })
	})
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
		p.failed <- string(body)
	})
	return mux
}

func errorType(body []byte) string {
	var e struct {
		ErrorType string `json:"errorType"`
	}
	if err := json.Unmarshal(body, &e); err != nil || e.ErrorType == "" {
		return "Unhandled"
	}
	return e.ErrorType
}

// hand sends the invocation to the process.
func (p *process) hand(w http.ResponseWriter, i invocation) {
	h := w.Header()
	h.Set("Lambda-Runtime-Aws-Request-Id", i.RequestID)
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(i.deadline.UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", p.f.ARN)
	h.Set("Lambda-Runtime-Trace-Id", "Root=1-67891234-"+uuid.NewString()[:8]+"0123456789abcdef;Parent=0123456789abcdef;Sampled=1")
	h.Set("Content-Type", "application/json")
	_, _ = w.Write(i.payload)
}
