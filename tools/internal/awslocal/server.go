package awslocal

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"salvor.io/salvor/tools/internal/pki"
)

// Server answers for STS and EKS. It is a proxy as well: whoever connects through it to STS gets this one, by a
// certificate of the authority, so that a program which knows STS by its public name needs no change.
type Server struct {
	// Accounts is the file of accounts.
	Accounts string
	// Authority signs certificates of STS.
	Authority *pki.Authority
	Now       func() time.Time
	Log       *slog.Logger

	mu       sync.Mutex
	sessions map[string]session
}

// Init makes the server ready.
func (s *Server) Init() { s.sessions = map[string]session{} }

// stsHost is a public name of STS, in all regions of the partitions.
var stsHost = regexp.MustCompile(`^sts\.([a-z0-9-]+\.)?amazonaws\.com(\.cn)?$`)

// ServeHTTP answers a request to AWS, or connects one through.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodConnect {
		s.connect(w, r)
		return
	}
	accounts, err := Load(s.Accounts)
	if err != nil {
		s.Log.Error("accounts", "error", err)
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	ofEKS := strings.HasPrefix(r.URL.Path, "/clusters")
	c, failed := s.authenticate(r, accounts)
	switch {
	case failed != nil:
	case c.service != map[bool]string{true: "eks", false: "sts"}[ofEKS]:
		failed = &failure{http.StatusForbidden, "SignatureDoesNotMatch", "Credential should be scoped to another service: " + c.service}
	case ofEKS:
		failed = s.serveEKS(w, r, c, accounts)
	default:
		failed = s.serveSTS(w, r, c, accounts)
	}
	s.note(r, c, failed)
	switch {
	case failed == nil:
	case ofEKS:
		writeEKSError(w, failed)
	default:
		writeSTSError(w, r, failed)
	}
}

// note logs who did what. Queries and headers hold signatures and stay out.
func (s *Server) note(r *http.Request, c *caller, failed *failure) {
	what := r.Method + " " + r.URL.Path
	if action := r.FormValue("Action"); action != "" {
		what = action
	}
	attrs := []any{"call", what, "host", r.Host}
	if c != nil {
		attrs = append(attrs, "caller", c.arn, "region", c.region)
	}
	if failed != nil {
		attrs = append(attrs, "error", failed)
	}
	s.Log.Info("called", attrs...)
}

// connect takes the place of STS behind a CONNECT. No other host can be reached.
func (s *Server) connect(w http.ResponseWriter, r *http.Request) {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil || !stsHost.MatchString(host) {
		http.Error(w, "only STS is reached through here, and not "+r.Host, http.StatusForbidden)
		return
	}
	id, err := s.Authority.Issue(pki.Request{Name: host, Hosts: []string{host}}, s.Now())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	cert, err := tls.X509KeyPair(id.CertPEM, id.KeyPEM)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprint(conn, "HTTP/1.1 200 Connection established\r\n\r\n")
	l := &single{conn: tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{cert}}), done: make(chan struct{})}
	inner := &http.Server{Handler: s, ReadHeaderTimeout: time.Minute, ConnState: func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			l.Close()
		}
	}}
	go inner.Serve(l)
}

// single is a listener of one connection.
type single struct {
	given, closed sync.Once
	conn          net.Conn
	done          chan struct{}
}

// Accept returns the connection, and then waits until it is closed: the server must not think that it is over before.
func (l *single) Accept() (conn net.Conn, err error) {
	l.given.Do(func() { conn = l.conn })
	if conn != nil {
		return conn, nil
	}
	<-l.done
	return nil, net.ErrClosed
}

// Close ends Accept.
func (l *single) Close() error {
	l.closed.Do(func() { close(l.done) })
	return nil
}

// Addr is that of this end.
func (l *single) Addr() net.Addr { return l.conn.LocalAddr() }
