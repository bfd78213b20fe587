package serve

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"salvor.io/salvor/shared/httpapi"
	"salvor.io/salvor/shared/salvor"
)

// tokenFile holds what requests over TCP have to bear; it is made anew each time the server starts.
const tokenFile = "api-token"

// Listen serves the API until ctx ends, and returns where: on unix:PATH, a socket that only this user may open, or on an
// address of this machine, where requests bear the token in the home's file api-token. Invalid: the address is one that other
// machines reach.
func Listen(ctx context.Context, address, home, user string, h http.Handler) (where string, err error) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(httpapi.WithCaller(r.Context(), user)))
	})
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		return address, listenUnix(ctx, strings.TrimPrefix(path, "//"), handler)
	}
	host, _, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return "", salvor.Errorf(salvor.Invalid, "--listen %q is not an address of this machine alone", address).WithHint("such as 127.0.0.1:7979, [::1]:7979 or unix:PATH")
	}
	token := rand.Text()
	path := filepath.Join(home, tokenFile)
	if err := os.WriteFile(path+".new", []byte(token+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("writing the API's token: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return "", fmt.Errorf("writing the API's token: %w", err)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return "", salvor.Errorf(salvor.Unavailable, "listening on %s: %w", address, err)
	}
	serveOn(ctx, l, guarded(l.Addr().String(), token, handler))
	return "http://" + l.Addr().String(), nil
}

// listenUnix makes the socket, in place of one that nobody listens on any more.
func listenUnix(ctx context.Context, path string, h http.Handler) error {
	if c, err := net.Dial("unix", path); err == nil {
		c.Close()
		return salvor.Errorf(salvor.Conflict, "somebody listens on %s already", path)
	}
	if info, err := os.Lstat(path); err == nil && info.Mode()&os.ModeSocket != 0 {
		_ = os.Remove(path) // listening says what is wrong
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), ".salvor-")
	if err != nil {
		return fmt.Errorf("listening on %s: %w", path, err)
	}
	defer os.RemoveAll(dir)
	// It gets its mode in a folder that nobody else may enter, and is moved to its place then.
	made := filepath.Join(dir, "s")
	l, err := net.Listen("unix", made)
	if err != nil {
		return fmt.Errorf("listening on %s: %w", path, err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(made, 0o600), os.Rename(made, path)); err != nil {
		return errors.Join(fmt.Errorf("listening on %s: %w", path, err), l.Close())
	}
	context.AfterFunc(ctx, func() { os.Remove(path) })
	serveOn(ctx, l, h)
	return nil
}

func serveOn(ctx context.Context, l net.Listener, h http.Handler) {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: time.Minute}
	context.AfterFunc(ctx, func() { server.Close() })
	go server.Serve(l) //nolint:errcheck // it ends when it is closed
}

// guarded lets requests pass that bear the token and are meant for this host: a page in a browser of this machine knows
// no token, and one that has its own name resolve to this machine says that name.
func guarded(host, token string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if r.Host != host || subtle.ConstantTimeCompare([]byte(given), []byte(token)) != 1 {
			http.Error(w, `{"message":"the request does not bear the token in the home's file api-token"}`, http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}
