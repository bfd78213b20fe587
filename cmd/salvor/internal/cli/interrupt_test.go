package cli_test

import (
	"bytes"
	"database/sql"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"salvor.io/salvor/cmd/salvor/internal/cli"
	"salvor.io/salvor/shared/salvor"
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

// Whoever is interrupted between the record of a backup and its begin doesn't want it made later.
func TestABackupThatIsInterruptedBeforeItBeginsIsNotMade(t *testing.T) {
	s := newShell(t)
	s.settings()
	interrupt := make(chan os.Signal, 1)
	var stdout, stderr output
	sys := s.system(nil, nil)
	sys.Stdout, sys.Stderr, sys.Interrupt = &stdout, &stderr, interrupt
	now := sys.Now
	var once sync.Once
	sys.Now = func() time.Time {
		if r := s.run("get", "backup", "b1"); r.code == 0 {
			once.Do(func() {
				interrupt <- os.Interrupt
				for !strings.Contains(stderr.String(), "once more Ctrl-C") {
					time.Sleep(time.Millisecond)
				}
			})
		}
		return now()
	}
	if code := cli.Exec(t.Context(), sys, []string{"backup", "create", "b1", "-n", "shop"}); code != 130 {
		t.Errorf("ended with %d", code)
	}
	if !strings.Contains(stderr.String(), "backup prod/b1 was canceled before it began") {
		t.Errorf("it says\n%s%s", &stdout, &stderr)
	}
	if got := s.must("backups", "--phase", "Canceled", "-o", "name"); got != "backup/prod/b1\n" {
		t.Errorf("canceled is %q", got)
	}
}

// The second interrupt of a restore says that it is not done, and what it has left scaled down.
func TestASecondInterruptSaysWhatARestoreOwes(t *testing.T) {
	for _, down := range []bool{false, true} {
		s := newShell(t)
		s.settings()
		s.stored("b1", noon)
		address, connected := silent(t)
		s.file("kubeconfig", strings.Replace(kubeconfig, "127.0.0.1:1", address, 1))
		interrupt := make(chan os.Signal, 2)
		var stdout, stderr output
		sys := s.system(nil, nil)
		sys.Stdout, sys.Stderr, sys.Interrupt = &stdout, &stderr, interrupt
		done := make(chan int)
		go func() { done <- cli.Exec(t.Context(), sys, []string{"restore", "b1", "--yes", "--name", "r1"}) }()
		<-connected
		want := "restore r1 is unfinished; the same with --name r1"
		if down {
			s.scaleDown("r1")
			want = "deployments.apps shop/web may be scaled down until it is not; the same with --name r1"
		}
		letGo := s.holdCatalog() // or it may be done before the second
		interrupt <- os.Interrupt
		interrupt <- os.Interrupt
		code := <-done
		letGo()
		if code != 130 || !strings.Contains(stderr.String(), want) {
			t.Errorf("ended with %d: %s", code, &stderr)
		}
	}
}

// holdCatalog lets nobody write to the catalog until it is let go.
func (s *shell) holdCatalog() (letGo func()) {
	s.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(s.env["SALVOR_HOME"], "catalog.db"))
	if err != nil {
		s.t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	for { // others may just write
		if _, err = db.Exec("BEGIN IMMEDIATE"); err == nil || !strings.Contains(err.Error(), "locked") {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return func() { _ = db.Close() }
}

// scaleDown records that a restore has scaled down a workload.
func (s *shell) scaleDown(name string) {
	s.t.Helper()
	c := s.home().Catalog
	o, err := c.Get(s.t.Context(), salvor.KindRestore, name)
	if err == nil {
		o.(*salvor.Restore).Status.ScaledDown = []salvor.ScaledWorkload{{Kind: "deployments.apps", Namespace: "shop", Name: "web", Replicas: 2}}
		err = c.Update(s.t.Context(), o)
	}
	if err != nil {
		s.t.Fatal(err)
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
	for deadline := time.Now().Add(time.Minute); !strings.Contains(stderr.String(), "msg=serving"); time.Sleep(10 * time.Millisecond) {
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
