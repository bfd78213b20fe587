package tests

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// held are rules that hold an application for a while; what happens to it is in the log of its own pod.
const held = `
apiVersion: salvor.io/v1
kind: Rule
metadata: {name: hold}
spec: {subRules: [{onNoPods: Fail, podSelectors: [{matchLabels: {app: db}}], actions: [{shell: "echo freeze >>/tmp/log; sleep 2"}]}]}
---
apiVersion: salvor.io/v1
kind: Rule
metadata: {name: let-go}
spec: {subRules: [{onNoPods: Fail, podSelectors: [{matchLabels: {app: db}}], actions: [{shell: "echo thaw >>/tmp/log"}]}]}
`

// holding is a namespace with an application, and a command that knows rules to hold it.
func holding(t *testing.T) (l lab, c *salvorCLI, ns string) {
	t.Helper()
	l, c = source(t), newCLI(t)
	ns = l.namespace(t)
	l.pod(t, ns, "db", []string{"app=db"})
	l.ready(t, ns)
	c.expect(0, "apply", "-f", c.file("held.yaml", held))
	c.expect(0, "location", "add", "disk", "--dir", filepath.Join(c.dir, "backups"))
	c.expect(0, "cluster", "add", "here", "--kubeconfig", l.Kubeconfig)
	return l, c, ns
}

// Several processes back up one application at once: none lifts the freeze under another's feet.
func TestBackupsOfOneApplicationHoldItInTurn(t *testing.T) {
	t.Parallel()
	l, c, ns := holding(t)
	const backups = 3
	var wait sync.WaitGroup
	for i := range backups {
		wait.Go(func() {
			e := c.run("backup", "create", fmt.Sprintf("b%d", i), "-n", ns, "--pre-exec-rule", "hold", "--post-exec-rule", "let-go")
			if e.code != 0 {
				t.Errorf("b%d ended with %d: %s%s", i, e.code, e.stdout, e.stderr)
			}
		})
	}
	wait.Wait()
	if log := l.sh(t, ns, "db", "cat /tmp/log"); log != strings.Repeat("freeze\nthaw\n", backups) {
		t.Errorf("what happened to the application is\n%s", log)
	}
}

// A process is killed while it holds an application. Nobody serves; the next backup lets it go on before it holds it itself.
func TestTheNextBackupThawsWhatAKilledOneHeld(t *testing.T) {
	t.Parallel() // it waits for a lease to expire
	l, c, ns := holding(t)
	var said bytes.Buffer
	killed := c.command("backup", "create", "killed", "-n", ns, "--pre-exec-rule", "hold", "--post-exec-rule", "let-go")
	killed.Stderr = &said
	if err := killed.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the application is held", func() bool { return l.has(t, ns, "db", "/tmp/log") })
	if err := killed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = killed.Wait()
	c.expect(0, "backup", "create", "next", "-n", ns, "--pre-exec-rule", "hold", "--post-exec-rule", "let-go")
	if log := l.sh(t, ns, "db", "cat /tmp/log"); log != strings.Repeat("freeze\nthaw\n", 2) {
		t.Errorf("what happened to the application is\n%s%s", log, &said)
	}
	if b := c.backup("killed"); b.Status.Thaw != nil || b.Status.FrozenFor.Duration <= 0 {
		t.Errorf("the killed one is recorded as %+v", b.Status)
	}
	next := c.backup("next")
	if len(next.Status.Freezes) != 1 || !strings.Contains(strings.Join(next.Status.Warnings, " "), "until backup killed let go of namespace "+ns) {
		t.Errorf("the next one says %q, frozen %+v", next.Status.Warnings, next.Status.Freezes)
	}
}
