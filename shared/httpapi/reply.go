package httpapi

import (
	"encoding/json"
	"net/http"

	"salvor.io/salvor/shared/salvor"
)

// reply is an answer that is not a problem.
type reply struct {
	status int
	body   any
	// version is the object's, for the ETag.
	version string
	// location is where to look for what was begun.
	location string
}

// maxAnswer is the largest answer in bytes. Lambda allows 6 MB, of which base64 or JSON in JSON takes a part.
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const maxAnswer = 4 << 20

// answer makes a handler of a function that returns its reply or an error.
func (s *Server) answer(f func(*http.Request) (*reply, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, err := f(r)
		if err != nil {
			s.problem(w, r, err)
			return
		}
		s.write(w, r, a)
	})
}

func (s *Server) write(w http.ResponseWriter, r *http.Request, a *reply) {
	h := w.Header()
	if a.version != "" {
		h.Set("ETag", etag(a.version))
		if r.Method == http.MethodGet && matches(r.Header.Get("If-None-Match"), a.version) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	if a.location != "" {
		h.Set("Location", a.location)
	}
	if a.body == nil {
		w.WriteHeader(a.status)
		return
	}
	data, err := json.Marshal(a.body)
	if err == nil && len(data) > maxAnswer {
		err = salvor.Errorf(salvor.Internal, "the answer is larger than %d bytes", maxAnswer)
	}
	if err != nil {
		s.problem(w, r, err)
		return
	}
	h.Set("Content-Type", "application/json")
	w.WriteHeader(a.status)
	_, _ = w.Write(append(data, '\n')) // who has gone needs no answer
}
