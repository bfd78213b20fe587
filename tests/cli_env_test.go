package tests

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/tests/testenv"
)

// salvorCLI runs the real program in a home of its own.
type salvorCLI struct {
	t    *testing.T
	path string
	dir  string
	env  []string // besides that of the test
}

type ending struct {
	stdout, stderr string
	code           int
}

func newCLI(t *testing.T) *salvorCLI {
	t.Helper()
	return &salvorCLI{t: t, path: testenv.Salvor(t), dir: t.TempDir()}
}

func (c *salvorCLI) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(c.t.Context(), c.path, args...)
	cmd.Env = append(os.Environ(), "SALVOR_HOME="+filepath.Join(c.dir, "home"), "SALVOR_API=", "TZ=UTC")
	cmd.Env = append(cmd.Env, c.env...)
	return cmd
}

func (c *salvorCLI) run(args ...string) ending {
	c.t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := c.command(args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if cmd.ProcessState == nil {
		c.t.Fatal(err)
	}
	return ending{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// expect runs a command that has to end with the code.
func (c *salvorCLI) expect(code int, args ...string) ending {
	c.t.Helper()
	e := c.run(args...)
	if e.code != code {
		c.t.Fatalf("salvor %s ended with %d, want %d\n%s%s", strings.Join(args, " "), e.code, code, e.stdout, e.stderr)
	}
	return e
}

func (c *salvorCLI) file(name, content string) string {
	c.t.Helper()
	path := filepath.Join(c.dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		c.t.Fatal(err)
	}
	return path
}

// backup reads a backup as the catalog has it.
func (c *salvorCLI) backup(name string) *salvor.Backup {
	c.t.Helper()
	b := &salvor.Backup{}
	if err := json.Unmarshal([]byte(c.expect(0, "get", "backup", name, "-o", "json").stdout), b); err != nil {
		c.t.Fatal(err)
	}
	return b
}

// damage flips a bit of every file in a folder of the location.
func (c *salvorCLI) damage(folder string) {
	c.t.Helper()
	files, err := filepath.Glob(filepath.Join(c.dir, "backups", folder, "*"))
	if err != nil || len(files) == 0 {
		c.t.Fatalf("no files in %s: %v", folder, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err == nil {
			data[len(data)/2] ^= 1
			err = os.WriteFile(file, data, 0o600)
		}
		if err != nil {
			c.t.Fatal(err)
		}
	}
}

func (l lab) deployment(t testing.TB, namespace, name string, labels []string) {
	t.Helper()
	l.create(t, deploymentKind, namespace, object{"apiVersion": "apps/v1", "kind": "Deployment",
		"metadata": object{"name": name},
		"spec": object{"replicas": 1, "selector": object{"matchLabels": pairs(labels)},
			"template": object{"metadata": object{"labels": pairs(labels)}, "spec": object{"terminationGracePeriodSeconds": 0,
				"containers": []object{{"name": "main", "image": busybox, "imagePullPolicy": "IfNotPresent", "command": []string{"sleep", "infinity"}}}}}}})
}

func (l lab) configMap(t testing.TB, namespace, name, value string) {
	t.Helper()
	l.create(t, configMapKind, namespace, object{"apiVersion": "v1", "kind": "ConfigMap", "metadata": object{"name": name}, "data": object{"v": value}})
}

// drop deletes a namespace and waits until it is gone.
func (l lab) drop(t testing.TB, namespace string) {
	t.Helper()
	if err := l.Delete(t.Context(), namespaceKind, "", namespace, kube.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "namespace "+namespace+" is gone", func() bool {
		_, err := l.Get(t.Context(), namespaceKind, "", namespace)
		return apierrors.IsNotFound(err)
	})
}

// rules freeze and thaw what is labelled, by a file in its container.
func (c *salvorCLI) rules(label string) {
	c.t.Helper()
	key, value, _ := strings.Cut(label, "=")
	rule := func(name, shell string) string {
		return "apiVersion: salvor.io/v1\nkind: Rule\nmetadata: {name: " + name + "}\nspec:\n  subRules:\n" +
			"  - onNoPods: Fail\n    podSelectors: [{matchLabels: {" + key + ": " + value + "}}]\n    actions: [{shell: '" + shell + "'}]\n---\n"
	}
	c.expect(0, "apply", "-f", c.file("rules.yaml", rule("freeze", "touch /tmp/frozen")+rule("thaw", "rm -f /tmp/frozen && touch /tmp/thawed")+
		rule("slow-freeze", "touch /tmp/frozen; sleep 60")+rule("broken", "exit 3")))
}

// settled tells whether the pods of the namespace run.
func (l lab) settled(t testing.TB, namespace string) {
	t.Helper()
	eventually(t, "the pods of "+namespace+" run", func() bool {
		running := 0
		_, err := l.List(t.Context(), cluster.ListRequest{Resource: podKind, Namespace: namespace}, func(i cluster.Item) error {
			if bytes.Contains(i.Raw, []byte(`"phase":"Running"`)) {
				running++
			}
			return nil
		})
		return err == nil && running > 0
	})
}

// pods names the pods of the namespace.
func (l lab) pods(t testing.TB, namespace string) []string {
	t.Helper()
	var names []string
	if _, err := l.List(t.Context(), cluster.ListRequest{Resource: podKind, Namespace: namespace}, func(i cluster.Item) error {
		names = append(names, i.Name)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return names
}

// has reports whether a file is in the pod's first container.
func (l lab) has(t testing.TB, namespace, pod, file string) bool {
	t.Helper()
	return l.Exec(t.Context(), cluster.ExecRequest{Namespace: namespace, Pod: pod, Container: "main", Command: []string{"test", "-e", file}}) == nil
}
