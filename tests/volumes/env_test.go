// Package volumes_test backs up and restores the data of volumes, by snapshots of a real CSI driver on a real Kubernetes.
// Applications run in pods and write all the time. Salvor is the command line, a process that can be killed.
package volumes_test

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/semaphore"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/shared/cluster/kubeconfig"
	"salvor.io/salvor/shared/location/dir"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/tests/testenv"
)

// world is the cluster that all tests of this package share, and a home of one test: a catalog and a location of its own.
type world struct {
	testenv.KubeServer
	client  *kube.Client
	program string // salvor
	home    string
}

// turns are taken by tests while they run: more at once, on two processors, would hold applications for longer than they check.
var turns = semaphore.NewWeighted(5)

var taken sync.Map // of names of tests

// takeTurns waits until n turns are free, and keeps them until the test ends. A test that has some waits for no more.
func takeTurns(t *testing.T, n int64) {
	t.Helper()
	if _, has := taken.LoadOrStore(t.Name(), true); has {
		return
	}
	if err := turns.Acquire(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { turns.Release(n) })
}

// newWorld adds the cluster as "here", a directory as "disk", and the rules hold and go-on for applications of app_test.go.
func newWorld(t *testing.T) *world {
	t.Helper()
	return newHome(t, testenv.Kube(t, testenv.KubeOptions{Name: "volumes", Node: true, Snapshots: true}))
}

// newHome is newWorld on a cluster of the caller's.
func newHome(t *testing.T, k testenv.KubeServer) *world {
	t.Helper()
	takeTurns(t, 1)
	w := &world{KubeServer: k, client: connect(t, k.Kubeconfig), program: testenv.Salvor(t), home: t.TempDir()}
	w.salvor(t, "cluster", "add", "here", "--kubeconfig", k.Kubeconfig)
	w.salvor(t, "location", "add", "disk", "--dir", filepath.Join(w.home, "backups"))
	w.apply(t, rules)
	return w
}

// secondCluster is a cluster beside that of newWorld which shares its storage, as the clusters of one AWS account do.
func secondCluster(t *testing.T, first testenv.KubeServer) testenv.KubeServer {
	t.Helper()
	return testenv.Kube(t, testenv.KubeOptions{Name: "second", Node: true, Snapshots: true, Storage: first.Storage})
}

func connect(t *testing.T, path string) *kube.Client {
	t.Helper()
	config, err := kubeconfig.Config(salvor.KubeconfigCluster{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	c, err := kube.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// salvor runs a command in the home, which has to succeed, and returns what it printed.
func (w *world) salvor(t *testing.T, args ...string) string {
	t.Helper()
	out, err := w.try(t, args...)
	if err != nil {
		t.Fatalf("salvor %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// try is salvor for what may fail.
func (w *world) try(t *testing.T, args ...string) (string, error) {
	out, err := w.command(t, args...).CombinedOutput()
	return string(out), err
}

func (w *world) command(t *testing.T, args ...string) *exec.Cmd {
	return exec.CommandContext(t.Context(), w.program, append([]string{"--home", w.home}, args...)...)
}

// apply stores documents of Salvor.
func (w *world) apply(t *testing.T, documents string) {
	t.Helper()
	cmd := w.command(t, "apply", "-f", "-")
	cmd.Stdin = strings.NewReader(documents)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("salvor apply: %v\n%s", err, out)
	}
}

// backup is what the catalog knows of a backup.
func (w *world) backup(t *testing.T, name string) *salvor.Backup {
	t.Helper()
	b := &salvor.Backup{}
	if err := json.Unmarshal([]byte(w.salvor(t, "get", "backup", name, "-o", "json")), b); err != nil {
		t.Fatal(err)
	}
	return b
}

// stored is what the location knows of a backup: its manifest, and what became of it.
func (w *world) stored(t *testing.T, name string) (*archive.Manifest, archive.State) {
	t.Helper()
	files, err := dir.Open(t.Context(), filepath.Join(w.home, "backups"), dir.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	r := repository.New(files, w.backup(t, name).Status.ClusterID)
	m, _, err := r.Manifest(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	events, err := r.Events(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return m, archive.Fold(m, events)
}

// serve runs `salvor serve` until the test ends, and shows what it said if the test fails.
func (w *world) serve(t *testing.T) {
	t.Helper()
	var said bytes.Buffer
	cmd := exec.Command(w.program, "--home", w.home, "serve", "--poll", "500ms", "--parallel", "9")
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("salvor serve said:\n%s", said.String())
		}
	})
}

// eventually calls done until it is, for as long as it may take. Any goroutine may call it.
func eventually(t *testing.T, within time.Duration, what string, done func() bool) bool {
	t.Helper()
	for end := time.Now().Add(within); !done(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Errorf("after %s still not: %s", within, what)
			return false
		}
	}
	return true
}
