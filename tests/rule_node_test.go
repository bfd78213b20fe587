package tests

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/shared/rule"
	"salvor.io/salvor/shared/salvor"
)

// hang stops a program of the node, so that it answers no more; the function makes it go on.
func (l lab) hang(t *testing.T, program string) (goOn func()) {
	t.Helper()
	pid := pidOf(t, program, l.Dir)
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	goOn = func() { syscall.Kill(pid, syscall.SIGCONT) }
	t.Cleanup(goOn)
	eventually(t, program+" has stopped", func() bool { return stopped(t, pid) }) // its threads run on until each has seen the signal
	return goOn
}

// stopped reports whether all threads of a process have stopped.
func stopped(t *testing.T, pid int) bool {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil || len(threads) == 0 {
		t.Fatalf("process %d has no threads: %v", pid, err)
	}
	for _, thread := range threads {
		stat, err := os.ReadFile(thread)
		if err == nil && !strings.HasPrefix(string(stat[bytes.LastIndexByte(stat, ')')+1:]), " T ") {
			return false
		}
	}
	return true
}

// A node that stops answering while an application is held: everything ends in time, the application's thaw stays owed,
// and it is paid as soon as the node answers.
func TestNodeThatStopsAnswering(t *testing.T) {
	l, c := source(t), newCLI(t)
	ns := l.namespace(t)
	l.pod(t, ns, "p", []string{"app=x"})
	l.pod(t, ns, "q", []string{"app=y"})
	l.ready(t, ns)
	c.expect(0, "cluster", "add", "here", "--kubeconfig", l.Kubeconfig)
	c.expect(0, "location", "add", "disk", "--dir", filepath.Join(c.dir, "backups"))
	c.expect(0, "apply", "-f", c.file("rules.yaml", `
apiVersion: salvor.io/v1
kind: Rule
metadata: {name: freeze}
spec: {subRules: [{podSelectors: [{matchLabels: {app: x}}], actions: [{shell: "echo frozen >>/tmp/log", name: mark}, {shell: sleep 4321, timeout: 8s}]}]}
---
apiVersion: salvor.io/v1
kind: Rule
metadata: {name: thaw}
spec: {subRules: [{podSelectors: [{matchLabels: {app: x}}], actions: [{shell: "echo thawed >>/tmp/log", timeout: 3s}]}]}
`))
	ended := make(chan ending, 1)
	began := time.Now()
	go func() {
		ended <- c.run("backup", "create", "b", "-n", ns, "--pre-exec-rule", "freeze", "--post-exec-rule", "thaw")
	}()
	running := func(pod string) bool { return strings.Contains(l.sh(t, ns, pod, "ps -o args"), "sleep 4321") }
	eventually(t, "the application is held", func() bool { return running("p") })
	other := make(chan error, 1)
	go func() {
		_, err := runIn(t, ruleEngine(lab{l.KubeServer, l.ExecBy(kube.WebSocket)}), []string{ns}, labelled("app", "y"), salvor.Action{Shell: "sleep 4321", Timeout: within(3 * time.Second)})
		other <- err
	}()
	eventually(t, "another runs a command over WebSocket", func() bool { return running("q") })
	goOn := l.hang(t, "kubelet")
	e := <-ended
	if took := time.Since(began); e.code == 0 || took > 45*time.Second {
		t.Errorf("it ended with %d after %v:\n%s%s", e.code, took, e.stdout, e.stderr)
	}
	if err := <-other; !salvor.Is(err, salvor.DeadlineExceeded) || time.Since(began) > 45*time.Second {
		t.Errorf("over WebSocket: got %v after %v", err, time.Since(began))
	}
	b := c.backup("b")
	if b.Status.Phase != salvor.PhaseFailed || !strings.Contains(b.Status.Message, "timed out after 8s") {
		t.Errorf("the backup is %s: %s", b.Status.Phase, b.Status.Message)
	}
	if owed := c.expect(0, "get", "thaws").stdout; !strings.Contains(owed, "b") || !strings.Contains(owed, ns) {
		t.Errorf("no thaw is owed:\n%s", owed)
	}
	goOn()
	eventually(t, "the thaw is paid", func() bool {
		c.run("backup", "resume", "b")
		return !strings.Contains(c.expect(0, "get", "thaws").stdout, ns)
	})
	eventually(t, "nothing runs that was given up", func() bool { return !running("p") && !running("q") })
	if log := l.log(t, ns, "p"); !strings.HasPrefix(log, "frozen thawed") {
		t.Errorf("the pod's log is %q", log)
	}
}

// What was given up because the node did not answer does not begin when it does, wherever it was on its way: nobody would
// thaw it.
func TestNodeThatAnswersLateBeginsNothing(t *testing.T) {
	l := source(t)
	ns := l.namespace(t)
	l.pod(t, ns, "p", []string{"app=x"})
	l.ready(t, ns)
	for when, stdin := range map[string]func(in io.Reader, do func()) io.Reader{
		"it hangs before":                            nil,
		"it hangs when the connection is there":      func(in io.Reader, do func()) io.Reader { return &moment{Reader: in, before: do} },
		"it hangs when the command is told to go on": func(in io.Reader, do func()) io.Reader { return &moment{Reader: in, after: do} },
	} {
		t.Run(when, func(t *testing.T) {
			overEach(t, l, func(t *testing.T, l lab) {
				l.sh(t, ns, "p", ">/tmp/log")
				goOn := func() {}
				hang := sync.OnceFunc(func() { goOn = l.hang(t, "containerd") })
				if stdin == nil {
					hang()
				}
				e := ruleEngine(l)
				e.Cluster = inputs{e.Cluster, func(in io.Reader) io.Reader {
					if stdin == nil {
						return in
					}
					return stdin(in, hang)
				}}
				freeze := salvor.RuleSpec{SubRules: []salvor.SubRule{in("app=x", salvor.Action{Shell: "echo frozen >>/tmp/log", Timeout: within(3 * time.Second)})}}
				began := time.Now()
				_, err := e.Run(t.Context(), freeze, []string{ns}, rule.PostExec) // which asks nothing before
				if took := time.Since(began); !salvor.Is(err, salvor.DeadlineExceeded) || took > 45*time.Second {
					t.Errorf("got %v after %v", err, took)
				}
				hang() // or wait until it does
				goOn()
				eventually(t, "the node answers", func() bool { return l.Exec(t.Context(), execIn(ns, "p", "true")) == nil })
				time.Sleep(time.Second)
				if log := l.log(t, ns, "p"); log != "" {
					t.Errorf("it began after all: the pod's log is %q", log)
				}
			})
		})
	}
}

// moment is an input that calls a function before it is read first, or when something of it is about to be passed on.
type moment struct {
	io.Reader
	before, after func()
}

func (m *moment) Read(p []byte) (int, error) {
	if m.before != nil {
		m.before()
	}
	n, err := m.Reader.Read(p)
	if m.after != nil && n > 0 {
		m.after()
	}
	return n, err
}

// inputs is a cluster whose commands get other inputs.
type inputs struct {
	rule.Cluster
	of func(io.Reader) io.Reader
}

func (i inputs) Exec(ctx context.Context, r cluster.ExecRequest) error {
	r.Stdin = i.of(r.Stdin)
	return i.Cluster.Exec(ctx, r)
}
