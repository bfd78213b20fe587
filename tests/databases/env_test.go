// Package databases_test proves the rules of infra/rules on the servers that they are for, as Debian has them. Each runs in
// a pod, and a client beside it writes all the time, in sessions that stay open; it logs when a write began and when it was
// acknowledged, by the pod's own clock. Salvor is the command line, a process that can be killed.
package databases_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/tests/testenv"
)

// lab is a cluster in which the databases run.
type lab struct {
	testenv.KubeServer
	client *kube.Client
	root   string
	// salvor is the program.
	salvor string
}

func newLab(t *testing.T) *lab {
	t.Helper()
	root, err := testenv.Root()
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{root: root, salvor: testenv.Salvor(t)}
	l.KubeServer = testenv.Kube(t, testenv.KubeOptions{Name: "databases", Node: true, Snapshots: true, Images: []string{testenv.DatabaseImage(t)}})
	config, err := clientcmd.BuildConfigFromFlags("", l.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	if l.client, err = kube.New(config); err != nil {
		t.Fatal(err)
	}
	return l
}

// deploy starts the databases and waits until all clients write.
func (l *lab) deploy(t *testing.T) {
	t.Helper()
	pods := filepath.Join(l.root, "tests", "databases", "pods")
	var err error
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		// A new namespace lacks its service account for a moment.
		if _, err = l.TryKubectl(t.Context(), "apply", "-f", pods); err == nil {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for _, d := range databases {
		wait.Go(func() {
			if _, err := l.TryKubectl(t.Context(), "wait", "--for=condition=Ready", "pod/db", "-n", d.namespace, "--timeout=2m"); err != nil {
				said, _ := l.TryKubectl(t.Context(), "logs", "db", "-n", d.namespace, "--all-containers", "--tail=30")
				t.Errorf("%v\n%s", err, said)
			}
		})
	}
	wait.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// sh runs a line in a container of a database's pod, and returns what it printed.
func (l *lab) sh(t *testing.T, namespace, container, line string) string {
	t.Helper()
	out, err := l.try(t, namespace, container, line)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// try is sh for what may fail.
func (l *lab) try(t *testing.T, namespace, container, line string) (string, error) {
	var out, errs bytes.Buffer
	err := l.client.Exec(t.Context(), cluster.ExecRequest{Namespace: namespace, Pod: "db", Container: container,
		Command: []string{"sh", "-c", line}, Stdout: &out, Stderr: &errs})
	if err != nil {
		err = fmt.Errorf("%s/%s: %s: %w\n%s%s", namespace, container, line, err, &out, &errs)
	}
	return strings.TrimSpace(out.String()), err
}

// ready returns a ready-made rule.
func (l *lab) ready(t *testing.T, name string) *salvor.Rule {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(l.root, "infra", "rules", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		objects, err := salvor.Load(data, file)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range objects {
			if r, ok := o.(*salvor.Rule); ok && r.Name == name {
				return r
			}
		}
	}
	t.Fatalf("there is no rule %s in infra/rules", name)
	return nil
}

// home is a salvor of its own, which knows the cluster and some rules.
type home struct {
	*testing.T
	*lab
	dir string
}

func (l *lab) home(t *testing.T, rules ...*salvor.Rule) home {
	t.Helper()
	h := home{t, l, t.TempDir()}
	documents := fmt.Appendf(nil, `apiVersion: salvor.io/v1
kind: Cluster
metadata: {name: here}
spec: {kubeconfig: {path: %q}}
---
apiVersion: salvor.io/v1
kind: BackupLocation
metadata: {name: disk}
spec: {directory: {path: %q}}
`, l.Kubeconfig, filepath.Join(h.dir, "backups"))
	for _, r := range rules {
		text, err := salvor.Encode(r, salvor.FormatYAML)
		if err != nil {
			t.Fatal(err)
		}
		documents = append(append(documents, "---\n"...), text...)
	}
	file := filepath.Join(h.dir, "objects.yaml")
	if err := os.WriteFile(file, documents, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(h.dir, "backups"), 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := h.run("apply", "-f", file); err != nil {
		t.Fatalf("applying: %v\n%s", err, out)
	}
	return h
}

func (h home) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(h.Context(), h.salvor, args...)
	cmd.Env = append(os.Environ(), "SALVOR_HOME="+filepath.Join(h.dir, "home"))
	return cmd
}

// run returns all that the command prints.
func (h home) run(args ...string) (string, error) {
	out, err := h.command(args...).CombinedOutput()
	return string(out), err
}

// backUp is the command line of a backup of a database with rules; an empty one is none.
func backUp(name, namespace, pre, post string) []string {
	args := []string{"backup", "create", name, "-n", namespace, "--kinds", "configmaps"}
	if pre != "" {
		args = append(args, "--pre-exec-rule", pre)
	}
	if post != "" {
		args = append(args, "--post-exec-rule", post)
	}
	return args
}

// report is what came of the rules of a backup.
func (h home) report(name string) string {
	h.Helper()
	out, err := h.run("describe", "backup", name, "--report")
	if err != nil {
		h.Fatalf("%v\n%s", err, out)
	}
	return out
}
