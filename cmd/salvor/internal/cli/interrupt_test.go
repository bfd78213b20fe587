package cli_test

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"salvor.io/salvor/cmd/salvor/internal/cli"
)

// output is a buffer that can be looked at while a command writes to it.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// silent is the address of a server that takes connections and never answers. It tells when one has come.
func silent(t *testing.T) (address string, connected <-chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	came := make(chan struct{}, 100)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { c.Close() })
			came <- struct{}{}
		}
	}()
	return l.Addr().String(), came
}

func TestAnInterruptCancelsABackup(t *testing.T) {
	s := newShell(t)
	s.settings()
	address, connected := silent(t)
	kubeconfig, err := os.ReadFile(s.deadKubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	s.file("kubeconfig", strings.Replace(string(kubeconfig), "127.0.0.1:1", address, 1))
	interrupt := make(chan os.Signal, 2)
	var stdout, stderr output
	sys := s.system(nil, nil)
	sys.Stdout, sys.Stderr, sys.Interrupt = &stdout, &stderr, interrupt
	done := make(chan int)
	go func() { done <- cli.Exec(t.Context(), sys, []string{"backup", "create", "b1", "-n", "shop"}) }()
	<-connected
	interrupt <- os.Interrupt
	if code := <-done; code != 130 {
		t.Errorf("ended with %d", code)
	}
	if !strings.Contains(stdout.String(), "backup/prod/b1 Canceled") || !strings.Contains(stderr.String(), "once more Ctrl-C") {
		t.Errorf("it says\n%s%s", &stdout, &stderr)
	}
	if got := s.must("backups", "--phase", "Canceled", "-o", "name"); got != "backup/prod/b1\n" {
		t.Errorf("canceled is %q", got)
	}
}

func TestServeEndsCleanly(t *testing.T) {
	s := newShell(t)
	s.settings()
	s.stored("b1", noon)
	api := "unix:" + filepath.Join(s.dir, "api")
	interrupt := make(chan os.Signal, 2)
	var stdout, stderr output
	sys := s.system(nil, nil)
	sys.Stdout, sys.Stderr, sys.Interrupt = &stdout, &stderr, interrupt
	done := make(chan int)
	go func() { done <- cli.Exec(t.Context(), sys, []string{"serve", "--listen", api}) }()
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(stderr.String(), "msg=serving"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it does not serve: %s", &stderr)
		}
	}
	if got := newShell(t).must("__complete", "--api", api, "verify", ""); !strings.HasPrefix(got, "b1\tCompleted") {
		t.Errorf("by way of the API a backup is completed to %q", got)
	}
	interrupt <- os.Interrupt
	if code := <-done; code != 0 || !strings.Contains(stderr.String(), "msg=stopped") {
		t.Errorf("ended with %d: %s", code, &stderr)
	}
}
