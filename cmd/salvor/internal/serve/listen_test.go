package serve_test

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"salvor.io/salvor/cmd/salvor/internal/remote"
	"salvor.io/salvor/cmd/salvor/internal/serve"
	"salvor.io/salvor/shared/catalog/sqlite"
	"salvor.io/salvor/shared/httpapi"
	"salvor.io/salvor/shared/salvor"
)

// listening serves an empty catalog at the address.
func listening(t *testing.T, address, home string) (string, error) {
	t.Helper()
	c, err := sqlite.Open(filepath.Join(t.TempDir(), "catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	api := &httpapi.Server{Catalog: c, Now: time.Now, Log: slog.New(slog.DiscardHandler)}
	return serve.Listen(t.Context(), address, home, "me", api.Handler())
}

func search(t *testing.T, url, token string) error {
	t.Helper()
	c, err := remote.Open(t.Context(), remote.Options{URL: url, Token: token, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = c.List(t.Context(), salvor.KindRestore, "", 1)
	if salvor.Is(err, salvor.NotFound) { // a server that only searches has no restores, but has answered
		return nil
	}
	return err
}

func TestASocketIsForThisUserAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "api.sock")
	for range 2 { // also in place of one that a killed server left behind
		ctx, cancel := context.WithCancel(t.Context())
		where, err := serve.Listen(ctx, "unix:"+path, "", "me", http.NotFoundHandler())
		if err != nil || where != "unix:"+path {
			t.Fatalf("it listens on %q, %v", where, err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the socket is %v, %v", info.Mode(), err)
		}
		if _, err := serve.Listen(ctx, "unix:"+path, "", "me", http.NotFoundHandler()); !salvor.Is(err, salvor.Conflict) {
			t.Errorf("a second server is answered %v", err)
		}
		cancel()
		for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
			if _, err := os.Stat(path); os.IsNotExist(err) {
				break
			}
			if time.Now().After(end) {
				t.Fatal("the socket stays")
			}
		}
	}
	where, err := listening(t, "unix:"+path, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := search(t, where, ""); err != nil {
		t.Error(err)
	}
}

func TestTheTokenIsAskedFor(t *testing.T) {
	home := t.TempDir()
	where, err := listening(t, "127.0.0.1:0", home)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(home, "api-token")
	token, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the token's file is %v, %v", info.Mode(), err)
	}
	if err := search(t, where, strings.TrimSpace(string(token))); err != nil {
		t.Error(err)
	}
	if err := search(t, where, "another"); !salvor.Is(err, salvor.Forbidden) {
		t.Errorf("another token is answered %v", err)
	}
	// A page in a browser, under a name that was made to resolve to this machine.
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, where+"/v1/backups", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "evil.example.org"
	r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("another host's name is answered %d", resp.StatusCode)
	}
}

func TestOtherMachinesAreNotServed(t *testing.T) {
	for _, address := range []string{":7979", "0.0.0.0:7979", "192.0.2.1:80", "example.org:80", "7979"} {
		if _, err := listening(t, address, t.TempDir()); !salvor.Is(err, salvor.Invalid) {
			t.Errorf("--listen %s is answered %v", address, err)
		}
	}
	for _, url := range []string{"http://example.org", "ftp://x", "x", "https://user:secret@example.org"} {
		if _, err := remote.Open(t.Context(), remote.Options{URL: url, Token: "t", Now: time.Now}); !salvor.Is(err, salvor.Invalid) {
			t.Errorf("--api %s is answered %v", url, err)
		}
	}
}
