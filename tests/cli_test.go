package tests

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/tests/testenv"
)

// The whole way of a user: name, back up with rules, find by date, lose, restore the set as of that date, verify.
func TestTheCommandLineFromApplyToVerify(t *testing.T) {
	t.Parallel()
	l, c := source(t), newCLI(t)
	one, two := l.namespace(t, "app=shop"), l.namespace(t, "app=shop")
	for _, ns := range []string{one, two} {
		l.configMap(t, ns, "settings", "before")
		l.deployment(t, ns, "db", []string{"app=db"})
		l.settled(t, ns)
	}
	c.rules("app=db")
	c.expect(0, "cluster", "add", "here", "--kubeconfig", l.Kubeconfig)
	c.expect(0, "location", "add", "disk", "--dir", filepath.Join(c.dir, "backups"))

	dry := c.expect(0, "backup", "create", "b1", "-n", one+","+two, "--pre-exec-rule", "freeze", "--post-exec-rule", "thaw", "--dry-run")
	if !strings.Contains(dry.stdout, "pre-exec freeze") || !strings.Contains(dry.stdout, one+"/"+l.pods(t, one)[0]+" (main)") {
		t.Errorf("the dry run does not name the pod:\n%s", dry.stdout)
	}
	made := c.expect(0, "backup", "create", "b1", "-n", one+","+two, "--pre-exec-rule", "freeze", "--post-exec-rule", "thaw", "--labels", "app=shop")
	if !strings.Contains(made.stdout, "backup/here/b1 Completed") || !strings.Contains(made.stdout, "frozen") {
		t.Errorf("the summary is\n%s%s", made.stdout, made.stderr)
	}
	if pod := l.pods(t, one)[0]; l.has(t, one, pod, "/tmp/frozen") || !l.has(t, one, pod, "/tmp/thawed") {
		t.Error("the application was not frozen and thawed")
	}
	b := c.backup("b1")
	cut := b.Status.CutAt.UTC().Format(time.RFC3339Nano)
	time.Sleep(10 * time.Millisecond) // the next backup has to be of a later moment

	l.configMap(t, one, "newer", "after")
	again := c.expect(0, "backup", "create", "b2", "--namespace-selector", "app=shop", "--kinds", "configmaps")
	if b2 := c.backup("b2"); b2.Status.Progress.SegmentsUploaded >= b2.Status.Progress.Segments {
		t.Errorf("nothing was reused: %s", again.stdout)
	}
	for args, want := range map[string]string{
		"-l app=shop":                  "backup/here/b1\n",
		"-n " + two + " --on today":    "backup/here/b2\nbackup/here/b1\n",
		"--as-of " + cut:               "backup/here/b1\n",
		"--phase Completed --last 1h ": "backup/here/b2\nbackup/here/b1\n",
		"--name nothing":               "",
	} {
		if got := c.expect(0, append([]string{"backups", "-o", "name"}, strings.Fields(args)...)...).stdout; got != want {
			t.Errorf("salvor backups %s finds %q, want %q", args, got, want)
		}
	}
	if got := c.expect(0, "describe", "backup", "b1", "--report").stdout; !strings.Contains(got, `"phase": "post-exec"`) {
		t.Errorf("the report is\n%s", got)
	}

	l.drop(t, one)
	back := c.expect(0, "restore", "--as-of", cut, "-n", one+","+two, "--name", "r1", "--yes")
	if !strings.Contains(back.stdout, "restore/r1 Completed") || !strings.Contains(back.stderr, "from b1 of") {
		t.Errorf("the restore says\n%s%s", back.stdout, back.stderr)
	}
	if _, err := l.Get(t.Context(), configMapKind, one, "settings"); err != nil {
		t.Errorf("what was lost is not back: %v", err)
	}
	if _, err := l.Get(t.Context(), configMapKind, one, "newer"); !apierrors.IsNotFound(err) {
		t.Errorf("what is newer than the date came back, too: %v", err)
	}
	outcomes := c.expect(0, "describe", "restore", "r1", "--outcomes").stdout
	if !strings.Contains(outcomes, `"namespace":"`+one+`","name":"settings","backup":"b1","outcome":"Created"`) {
		t.Errorf("the outcomes are\n%s", outcomes)
	}
	c.expect(0, "verify", "b1")
	c.damage("here/segments")
	c.expect(7, "verify", "b1")
	if e := c.expect(7, "restore", "b1", "--yes"); !strings.Contains(e.stderr, "damaged") {
		t.Errorf("restoring what is damaged says %s", e.stderr)
	}
}

func TestTheCommandLineSaysWhatFailed(t *testing.T) {
	t.Parallel()
	l, c := source(t), newCLI(t)
	ns := l.namespace(t)
	l.configMap(t, ns, "settings", "before")
	l.pod(t, ns, "db", []string{"app=db"})
	l.settled(t, ns)
	c.rules("app=db")
	c.expect(0, "location", "add", "disk", "--dir", filepath.Join(c.dir, "backups"))
	c.expect(0, "cluster", "add", "here", "--kubeconfig", l.Kubeconfig)

	// A plain name that does not exist is a failure, and what is there is backed up.
	partial := c.expect(5, "backup", "create", "partial", "--cluster", "here", "-n", ns+",no-such-namespace")
	if !strings.Contains(partial.stdout, `namespace "no-such-namespace" does not exist`) || !strings.Contains(partial.stderr, "PartiallyFailed") {
		t.Errorf("it says\n%s%s", partial.stdout, partial.stderr)
	}
	if e := c.expect(2, "restore", "partial"); !strings.Contains(e.stderr, "--allow-partial") {
		t.Errorf("it says %s", e.stderr)
	}
	c.expect(0, "restore", "partial", "--yes", "--allow-partial", "--map", ns+"="+ns+"-copy", "--kinds", "configmaps")
	t.Cleanup(func() {
		if err := l.Delete(context.Background(), namespaceKind, "", ns+"-copy", kube.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})

	c.expect(0, "cluster", "add", "nobody", "--kubeconfig", l.User(t, "cli-nobody"))
	if e := c.expect(6, "backup", "create", "--cluster", "nobody", "-n", ns); !strings.Contains(e.stdout, "cli-nobody") {
		t.Errorf("it does not name who may not list:\n%s%s", e.stdout, e.stderr)
	}

	failed := c.expect(1, "backup", "create", "failed", "--cluster", "here", "-n", ns, "--pre-exec-rule", "broken", "--post-exec-rule", "thaw")
	if !strings.Contains(failed.stdout, "backup/here/failed Failed") || !strings.Contains(failed.stderr, "exit code 3") {
		t.Errorf("it says\n%s%s", failed.stdout, failed.stderr)
	}
	c.expect(4, "backup", "create", "partial", "--cluster", "here", "-n", ns)

	change := []byte(`{"data":{"v":"changed"}}`)
	if _, err := l.Patch(t.Context(), configMapKind, ns, "settings", types.MergePatchType, change); err != nil {
		t.Fatal(err)
	}
	if e := c.expect(4, "restore", "partial", "--yes", "--allow-partial", "--on-conflict", "fail"); !strings.Contains(e.stdout, "configmaps") {
		t.Errorf("it does not name what differs:\n%s%s", e.stdout, e.stderr)
	}
	if e := c.expect(0, "restore", "partial", "--yes", "--allow-partial", "--on-conflict", "update"); !strings.Contains(e.stdout, "1 updated") {
		t.Errorf("it says\n%s%s", e.stdout, e.stderr)
	}
}

func TestTheCommandLineOnABucket(t *testing.T) {
	t.Parallel()
	l, c, s3 := source(t), newCLI(t), testenv.S3(t)
	right := []string{"AWS_ACCESS_KEY_ID=" + s3.AccessKey, "AWS_SECRET_ACCESS_KEY=" + s3.SecretKey}
	c.env = right
	ns := l.namespace(t)
	l.configMap(t, ns, "settings", "before")
	c.expect(0, "cluster", "add", "here", "--kubeconfig", l.Kubeconfig)
	bucket := []string{"location", "add", "s3", "--s3-bucket", s3.Bucket, "--s3-prefix", testenv.Unique(), "--s3-region", s3.Region, "--s3-endpoint", s3.Endpoint}
	c.expect(0, bucket...)
	c.expect(0, "backup", "create", "b1", "-n", ns)
	c.expect(0, "verify", "b1")
	if e := c.expect(0, "restore", "b1", "--yes"); !strings.Contains(e.stdout, "unchanged") {
		t.Errorf("it says\n%s", e.stdout)
	}
	c.env = append(right, "AWS_SECRET_ACCESS_KEY=wrong")
	if e := c.expect(6, "verify", "b1"); strings.Contains(e.stderr, "wrong") {
		t.Errorf("the key is in the message: %s", e.stderr)
	}
	c.expect(6, bucket...)
	c.env = right
	c.expect(0, "delete", "backup", "b1", "--yes")
	c.expect(3, "verify", "b1")
}

// A freeze that takes longer than it may is over: no cut, and what hung ends before the application is let go on.
func TestTheCommandLineEndsAFreezeThatTakesTooLong(t *testing.T) {
	t.Parallel()
	l, c := source(t), newCLI(t)
	ns := l.namespace(t)
	l.pod(t, ns, "db", []string{"app=db"})
	l.settled(t, ns)
	c.rules("app=db")
	c.expect(0, "location", "add", "disk", "--dir", filepath.Join(c.dir, "backups"))
	c.expect(0, "cluster", "add", "here", "--kubeconfig", l.Kubeconfig)
	c.expect(8, "backup", "create", "b1", "-n", ns, "--pre-exec-rule", "slow-freeze", "--post-exec-rule", "thaw", "--max-freeze", "2s")
	if l.has(t, ns, "db", "/tmp/frozen") || !l.has(t, ns, "db", "/tmp/thawed") || strings.Contains(l.sh(t, ns, "db", "ps -o args"), "sleep 60") {
		t.Error("it was not let go on")
	}
	s := c.backup("b1").Status
	if s.Phase != salvor.PhaseFailed || !strings.Contains(s.Message, "held for longer than maxFreeze, 2s") || s.Thaw != nil {
		t.Errorf("it is recorded as %s: %s", s.Phase, s.Message)
	}
	if s.FrozenFor.Duration < 2*time.Second || s.FrozenFor.Duration > 30*time.Second {
		t.Errorf("it was held for %s", s.FrozenFor.Duration)
	}
	if got := c.expect(0, "describe", "backup", "b1").stdout; !strings.Contains(got, "not cut") {
		t.Errorf("described:\n%s", got)
	}
}

// The first Ctrl-C thaws and records; a killed process's thaw is paid by whoever takes over.
func TestTheCommandLineNeverLeavesAnApplicationFrozen(t *testing.T) {
	t.Parallel() // it waits for a lease to expire
	l, c := source(t), newCLI(t)
	ns := l.namespace(t)
	l.pod(t, ns, "db", []string{"app=db"})
	l.settled(t, ns)
	c.rules("app=db")
	c.expect(0, "location", "add", "disk", "--dir", filepath.Join(c.dir, "backups"))
	c.expect(0, "cluster", "add", "here", "--kubeconfig", l.Kubeconfig)

	var stderr bytes.Buffer
	cmd := c.command("backup", "create", "b1", "-n", ns, "--pre-exec-rule", "slow-freeze", "--post-exec-rule", "thaw")
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the application is frozen", func() bool { return l.has(t, ns, "db", "/tmp/frozen") })
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 {
		t.Errorf("ended with %d: %s", code, &stderr)
	}
	if l.has(t, ns, "db", "/tmp/frozen") {
		t.Error("the application is still frozen after Ctrl-C")
	}
	if b := c.backup("b1"); b.Status.Phase != salvor.PhaseCanceled || b.Status.Thaw != nil {
		t.Errorf("it is recorded as %s, owing %v", b.Status.Phase, b.Status.Thaw)
	}

	killed := c.command("backup", "create", "b2", "-n", ns, "--pre-exec-rule", "slow-freeze", "--post-exec-rule", "thaw")
	if err := killed.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the application is frozen again", func() bool { return l.has(t, ns, "db", "/tmp/frozen") })
	if err := killed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = killed.Wait()
	if !l.has(t, ns, "db", "/tmp/frozen") {
		t.Fatal("a killed process thawed")
	}
	c.expect(4, "backup", "resume", "b2") // the lease holds for a minute
	c.thawedByServe(l, ns)
}

// thawedByServe lets a server find the killed process's lease expired.
func (c *salvorCLI) thawedByServe(l lab, ns string) {
	c.t.Helper()
	var log bytes.Buffer
	server := c.command("serve", "--grace", "1s")
	server.Stderr = &log
	if err := server.Start(); err != nil {
		c.t.Fatal(err)
	}
	for end := time.Now().Add(3 * time.Minute); l.has(c.t, ns, "db", "/tmp/frozen"); time.Sleep(time.Second) {
		if time.Now().After(end) {
			c.t.Error("nobody thawed the application")
			break
		}
	}
	if err := server.Process.Signal(syscall.SIGTERM); err != nil {
		c.t.Fatal(err)
	}
	_ = server.Wait()
	if code := server.ProcessState.ExitCode(); code != 0 || !strings.Contains(log.String(), "left unfinished") {
		c.t.Errorf("the server ended with %d: %s", code, &log)
	}
	if b := c.backup("b2"); b.Status.Thaw != nil {
		c.t.Errorf("the thaw is still owed: %v", b.Status.Thaw)
	}
}
