package freeze_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"salvor.io/salvor/shared/catalog/sqlite"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/shared/cluster/kubeconfig"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/tests/testenv"
)

var (
	namespaceKind = cluster.Resource{Version: "v1", Name: "namespaces", Kind: "Namespace"}
	podKind       = cluster.Resource{Version: "v1", Name: "pods", Kind: "Pod", Namespaced: true}
)

// world is a cluster, and a home of the one-machine kind whose thaws `salvor serve` pays.
type world struct {
	cluster *kube.Client
	catalog *sqlite.Catalog
	home    string
	program string // salvor
}

// newWorld starts the cluster and the watchdog, which is a process of its own until the test ends.
func newWorld(t *testing.T) *world {
	t.Helper()
	k := testenv.Kube(t, testenv.KubeOptions{Name: "freeze", Node: true})
	w := &world{home: t.TempDir(), program: testenv.Salvor(t)}
	var err error
	if w.cluster, err = connect(k.Kubeconfig); err != nil {
		t.Fatal(err)
	}
	w.salvor(t, "cluster", "add", "here", "--kubeconfig", k.Kubeconfig)
	w.salvor(t, "location", "add", "disk", "--dir", filepath.Join(w.home, "backups"))
	w.salvor(t, "apply", "-f", "testdata/rules.yaml")
	if w.catalog, err = sqlite.Open(filepath.Join(w.home, "catalog.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.catalog.Close() })
	w.watch(t)
	return w
}

func connect(path string) (*kube.Client, error) {
	config, err := kubeconfig.Config(salvor.KubeconfigCluster{Path: path})
	if err != nil {
		return nil, err
	}
	return kube.New(config)
}

// salvor runs a command in the home, which has to succeed.
func (w *world) salvor(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), w.program, append([]string{"--home", w.home}, args...)...).CombinedOutput(); err != nil {
		t.Fatalf("salvor %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// watch runs `salvor serve` until the test ends, and shows what it said if the test fails.
func (w *world) watch(t *testing.T) {
	t.Helper()
	var said bytes.Buffer
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, w.program, "--home", w.home, "serve", "--poll", "500ms", "--parallel", strconv.Itoa(lanes))
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("salvor serve said:\n%s", said.String())
		}
	})
}

// application is a pod in a namespace of its own, which keeps a log of what is done to it.
type application struct {
	*world
	namespace string
}

func (w *world) application(t *testing.T) *application {
	t.Helper()
	a := &application{w, "t-" + testenv.Unique()}
	w.create(t, namespaceKind, "", map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": a.namespace}})
	w.create(t, podKind, a.namespace, map[string]any{"apiVersion": "v1", "kind": "Pod",
		"metadata": map[string]any{"name": "db", "labels": map[string]string{"app": "db"}},
		"spec": map[string]any{"terminationGracePeriodSeconds": 0, "containers": []any{map[string]any{"name": "main",
			"image": "localhost/salvor/busybox:1", "imagePullPolicy": "IfNotPresent", "command": []string{"sh", "-c", ">/tmp/log; sleep 100000"}}}}})
	return a
}

// create writes an object. A new namespace lacks its service account for a moment.
func (w *world) create(t *testing.T, r cluster.Resource, namespace string, o map[string]any) {
	t.Helper()
	body, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, "creating "+r.String(), func() bool {
		_, err = w.cluster.Create(t.Context(), r, namespace, body)
		if apierrors.IsForbidden(err) && strings.Contains(err.Error(), "serviceaccount") {
			return false
		}
		if err != nil {
			t.Fatal(err)
		}
		return true
	})
}

// log is what the application has noted so far, a word for each thing that was done to it.
func (a *application) log(t *testing.T) (words []string) {
	t.Helper()
	eventually(t, time.Minute, "reading the log", func() (ok bool) { // beside so much else it may take more than one try
		var err error
		words, err = a.read(t.Context())
		return err == nil
	})
	return words
}

func (a *application) read(ctx context.Context) ([]string, error) {
	var out bytes.Buffer
	err := a.cluster.Exec(ctx, cluster.ExecRequest{Namespace: a.namespace, Pod: "db", Container: "main", Command: []string{"cat", "/tmp/log"}, Stdout: &out})
	return strings.Fields(out.String()), err
}

// eventually calls done until it is, for as long as it may take, and returns how long it took. Any goroutine may call it.
func eventually(t *testing.T, within time.Duration, what string, done func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for ; !done(); time.Sleep(100 * time.Millisecond) {
		if time.Since(began) > within {
			t.Errorf("after %s still not: %s", within, what)
			break
		}
	}
	return time.Since(began)
}
