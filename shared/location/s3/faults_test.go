package s3_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

// faults is a network between the location and the real server on which things
// go wrong.
type faults struct {
	// see is called with every request.
	see func(*http.Request)
	// fault is asked for each request, the n-th beginning with 1, what becomes of
	// it; nil lets it through.
	fault func(n int, r *http.Request) fault

	mu sync.Mutex
	n  int
}

// fault does with a request what goes wrong. send passes it to the server.
type fault func(r *http.Request, send func(*http.Request) (*http.Response, error)) (*http.Response, error)

func (f *faults) RoundTrip(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	f.n++
	n := f.n
	if f.see != nil {
		f.see(r)
	}
	f.mu.Unlock()
	if f.fault != nil {
		if fault := f.fault(n, r); fault != nil {
			return fault(r, http.DefaultTransport.RoundTrip)
		}
	}
	return http.DefaultTransport.RoundTrip(r)
}

func (f *faults) seen() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return int64(f.n)
}

var errDropped = errors.New("connection reset by peer")

// dropBefore breaks the connection before the server gets the request.
func dropBefore(*http.Request, func(*http.Request) (*http.Response, error)) (*http.Response, error) {
	return nil, errDropped
}

// dropAfter lets the server do what was asked, and loses its answer.
func dropAfter(r *http.Request, send func(*http.Request) (*http.Response, error)) (*http.Response, error) {
	answer, err := send(r)
	if err != nil {
		return nil, err
	}
	io.Copy(io.Discard, answer.Body)
	answer.Body.Close()
	return nil, errDropped
}

// answer answers in the server's place, as S3 does for that code.
func answer(status int, code string) fault {
	return func(r *http.Request, _ func(*http.Request) (*http.Response, error)) (*http.Response, error) {
		body := fmt.Sprintf("<Error><Code>%s</Code><Message>as the test wants</Message><RequestId>1</RequestId></Error>", code)
		if r.Method == http.MethodHead {
			body = "" // has never one
		}
		if r.Body != nil {
			io.Copy(io.Discard, r.Body)
			r.Body.Close()
		}
		return &http.Response{
			StatusCode: status, Status: fmt.Sprint(status), Request: r, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: http.Header{"Content-Type": {"application/xml"}}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
		}, nil
	}
}

// cutBody breaks the connection after n bytes of the answer's body.
func cutBody(n int64) fault {
	return changeBody(func(b []byte) io.Reader {
		return io.MultiReader(bytes.NewReader(b[:min(n, int64(len(b)))]), failingReader{})
	})
}

// flipBit changes one bit of the answer's body.
func flipBit(at int) fault {
	return changeBody(func(b []byte) io.Reader {
		b[at] ^= 4
		return bytes.NewReader(b)
	})
}

func changeBody(change func([]byte) io.Reader) fault {
	return func(r *http.Request, send func(*http.Request) (*http.Response, error)) (*http.Response, error) {
		answer, err := send(r)
		if err != nil {
			return nil, err
		}
		b, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil {
			return nil, err
		}
		answer.Body = io.NopCloser(change(b))
		return answer, nil
	}
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// first returns a fault for the first n requests of the method only.
func first(n int, method string, what fault) func(int, *http.Request) fault {
	var mu sync.Mutex
	return func(_ int, r *http.Request) fault {
		mu.Lock()
		defer mu.Unlock()
		if r.Method != method || n == 0 {
			return nil
		}
		n--
		return what
	}
}

const always = 1 << 30
