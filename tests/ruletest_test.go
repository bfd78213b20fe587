package tests

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"salvor.io/salvor/shared/salvor"
)

// storkHold is a rule as PX-Backup has it: a lock that lasts while WAIT_CMD runs.
const storkHold = `apiVersion: stork.libopenstorage.org/v1alpha1
kind: Rule
metadata: {name: hold, namespace: shop}
rules:
- podSelector: {app: db}
  container: main
  actions:
  - {type: command, value: touch /tmp/seen}
  - {type: command, background: true, value: "touch /tmp/frozen; ${WAIT_CMD}; rm -f /tmp/frozen; touch /tmp/thawed"}
`

// A rule is seen, tried and used: of the file it stands in, before it is stored, and by a backup.
func TestARuleIsTriedBeforeItIsUsed(t *testing.T) {
	t.Parallel()
	l, c := source(t), newCLI(t)
	ns := l.namespace(t)
	l.pod(t, ns, "db", []string{"app=db"}, "side")
	l.pod(t, ns, "web", []string{"app=web"})
	l.ready(t, ns)
	c.expect(0, "location", "add", "disk", "--dir", filepath.Join(c.dir, "backups"))
	c.expect(0, "cluster", "add", "here", "--kubeconfig", l.Kubeconfig)
	file := c.file("hold.yaml", storkHold)

	seen := c.expect(0, "rule", "test", "-f", file, "-n", ns+"*")
	for _, want := range []string{ns + "/db", "main", "(in the background)", "1 pod", "its selectors do not select them"} {
		if !strings.Contains(seen.stdout, want) {
			t.Errorf("%q is not in\n%s", want, seen.stdout)
		}
	}
	if l.has(t, ns, "db", "/tmp/seen") {
		t.Error("to see where it would run, it was run")
	}
	untold := c.file("untold.yaml", strings.Replace(storkHold, "  container: main\n", "", 1))
	if got := c.expect(2, "rule", "test", "-f", untold, "-n", ns); !strings.Contains(got.stdout, "it has main, side") || !strings.Contains(got.stderr, "the action has to name a container") {
		t.Errorf("of a container that can't be told it says\n%s%s", got.stdout, got.stderr)
	}

	var ran struct {
		Run struct {
			Freezes []salvor.FreezeTime `json:"freezes"`
		} `json:"run"`
	}
	out := c.expect(0, "rule", "test", "-f", file, "-n", ns, "--run", "--yes", "-o", "json").stdout
	if err := json.Unmarshal([]byte(out), &ran); err != nil || len(ran.Run.Freezes) != 1 || ran.Run.Freezes[0].CutAfter.Duration <= 0 || ran.Run.Freezes[0].ThawedAfter.Duration <= 0 {
		t.Errorf("%v: %s", err, out)
	}
	if l.has(t, ns, "db", "/tmp/frozen") || !l.has(t, ns, "db", "/tmp/thawed") || !l.has(t, ns, "db", "/tmp/seen") {
		t.Error("it was not held and let go on")
	}
	if got := c.expect(0, "backups", "-o", "name").stdout; got != "" {
		t.Errorf("a test left %s", got)
	}

	c.expect(0, "apply", "-f", file)
	c.expect(0, "backup", "create", "b1", "-n", ns, "--pre-exec-rule", "hold", "--max-freeze", "1m")
	got := c.expect(0, "describe", "backup", "b1").stdout
	for _, want := range []string{"maxFreeze: 1m0s", "cut after", "ready, and ended when it was told to"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	if failed := c.expect(2, "backup", "create", "b2", "-n", ns, "--post-exec-rule", "hold"); !strings.Contains(failed.stderr, "a background action has no place after the cut") {
		t.Errorf("as a post-exec rule: %s", failed.stderr)
	}
}

func TestHooksOfVeleroAreSeenAndRun(t *testing.T) {
	t.Parallel()
	l, c := source(t), newCLI(t)
	ns := l.namespace(t)
	hooks := object{"pre.hook.backup.velero.io/command": `["touch", "/tmp/frozen"]`, "post.hook.backup.velero.io/command": `["mv", "/tmp/frozen", "/tmp/thawed"]`}
	l.create(t, podKind, ns, object{"apiVersion": "v1", "kind": "Pod", "metadata": object{"name": "db", "annotations": hooks}, "spec": object{
		"terminationGracePeriodSeconds": 0, "containers": []object{{"name": "main", "image": busybox, "imagePullPolicy": "IfNotPresent", "command": []string{"sleep", "infinity"}}}}})
	l.ready(t, ns)
	c.expect(0, "location", "add", "disk", "--dir", filepath.Join(c.dir, "backups"))
	c.expect(0, "cluster", "add", "here", "--kubeconfig", l.Kubeconfig)
	if got := c.expect(0, "rule", "test", "--velero-hooks", "-n", ns).stdout; !strings.Contains(got, "touch /tmp/frozen") || !strings.Contains(got, "mv /tmp/frozen /tmp/thawed") {
		t.Errorf("seen:\n%s", got)
	}
	c.expect(0, "backup", "create", "b1", "-n", ns, "--velero-hooks", "--rule-scope", "Namespace")
	if !l.has(t, ns, "db", "/tmp/thawed") {
		t.Error("the hooks were not run")
	}
	if got := c.expect(0, "describe", "backup", "b1").stdout; !strings.Contains(got, "velero post hooks") || !strings.Contains(got, "namespace "+ns+": ") {
		t.Errorf("described:\n%s", got)
	}
}

// Trying a rule is as safe as a backup: Ctrl-C thaws, and what a killed process owes is paid, with no backup made of it.
func TestATestOfARuleThawsWhateverHappens(t *testing.T) {
	t.Parallel() // it waits for a lease to expire
	l, c := source(t), newCLI(t)
	ns := l.namespace(t)
	l.pod(t, ns, "db", []string{"app=db"})
	l.ready(t, ns)
	c.rules("app=db")
	c.expect(0, "cluster", "add", "here", "--kubeconfig", l.Kubeconfig) // and no location
	run := []string{"rule", "test", "slow-freeze", "-n", ns, "--post-exec", "thaw", "--run", "--yes"}

	var stderr bytes.Buffer
	cmd := c.command(run...)
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the application is frozen", func() bool { return l.has(t, ns, "db", "/tmp/frozen") })
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 || l.has(t, ns, "db", "/tmp/frozen") {
		t.Errorf("after Ctrl-C, which ended with %d, it is frozen: %s", code, &stderr)
	}

	killed := c.command(run...)
	if err := killed.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the application is frozen again", func() bool { return l.has(t, ns, "db", "/tmp/frozen") })
	if err := killed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = killed.Wait()
	name := strings.TrimSpace(c.expect(0, "get", "thaws", "-o", "name").stdout)
	if !strings.HasPrefix(name, "backup/here/rule-test-") {
		t.Fatalf("%q owes a thaw", name)
	}
	server := c.command("serve", "--grace", "1s")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(3 * time.Minute); l.has(t, ns, "db", "/tmp/frozen"); time.Sleep(time.Second) {
		if time.Now().After(end) {
			t.Fatal("nobody thawed the application")
		}
	}
	eventually(t, "nothing is owed", func() bool { return c.expect(0, "get", "thaws", "-o", "name").stdout == "" })
	if err := server.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = server.Wait()
	b := c.backup(strings.TrimPrefix(name, "backup/"))
	if b.Status.Phase != salvor.PhaseCanceled || b.Status.Progress.Objects > 0 {
		t.Errorf("it is %+v", b.Status)
	}
	c.expect(0, "delete", "backup", b.ID().String(), "--yes")
}
