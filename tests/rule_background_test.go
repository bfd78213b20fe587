package tests

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/rule"
	"salvor.io/salvor/shared/salvor"
)

// pause is an image of one static program, without a shell.
const pause = "localhost/salvor/pause:1"

// hold freezes as a backup does, and returns what has to be ended.
func hold(t *testing.T, l lab, ns string, subs ...salvor.SubRule) (*rule.Hold, error) {
	t.Helper()
	return ruleEngine(l).Freeze(t.Context(), rule.Request{Spec: salvor.RuleSpec{SubRules: subs}, Namespaces: []string{ns}})
}

func in(label string, actions ...salvor.Action) salvor.SubRule {
	key, value, _ := strings.Cut(label, "=")
	return salvor.SubRule{PodSelectors: []metav1.LabelSelector{labelled(key, value)}, Actions: actions}
}

func TestBackgroundCommand(t *testing.T) {
	t.Parallel()
	l := source(t)
	ns := l.namespace(t)
	l.podOf(t, ns, "nonroot", []string{"app=nonroot"}, nil, object{"securityContext": object{"runAsUser": 1000, "runAsGroup": 1000, "allowPrivilegeEscalation": false}})
	l.podOf(t, ns, "readonly", []string{"app=readonly"}, object{"volumes": []object{{"name": "log", "emptyDir": object{}}}},
		object{"securityContext": object{"readOnlyRootFilesystem": true}, "volumeMounts": []object{{"name": "log", "mountPath": "/log"}}})
	l.ready(t, ns)
	actions := map[string]salvor.Action{
		"a line says that it is ready": {Shell: "echo lock >>LOG; echo all locked; cat; echo unlocked >>LOG", Background: &salvor.Background{ReadyLine: "locked"}},
		"a probe says that it is ready": {Shell: "sleep 0.3; echo lock >>LOG; cat; echo unlocked >>LOG",
			Background: &salvor.Background{Ready: &salvor.Probe{Shell: "grep -q lock LOG"}}},
		"it reads statements": {Shell: "while read -r x; do echo $x >>LOG; echo $x is done; done; echo unlocked >>LOG", Stdin: "lock",
			Background: &salvor.Background{ReadyLine: "lock is done"}},
		// As PX-Backup's rules for MySQL have it: what is called system is run by the client, which goes on when it ends.
		"it runs ${WAIT_CMD}": {Shell: `mysql() { echo lock >>LOG; sh -c "${2#*system }"; echo unlocked >>LOG; }; mysql -Bse 'flush tables with read lock;system ${WAIT_CMD};'`,
			Background: &salvor.Background{}},
	}
	overEach(t, l, func(t *testing.T, l lab) {
		for pod, file := range map[string]string{"nonroot": "/tmp/log", "readonly": "/log/log"} {
			for what, a := range actions {
				t.Run(pod+"/"+what, func(t *testing.T) {
					a.Shell = strings.ReplaceAll(a.Shell, "LOG", file)
					b := *a.Background
					if b.Ready != nil {
						b.Ready = &salvor.Probe{Shell: strings.ReplaceAll(b.Ready.Shell, "LOG", file)}
					}
					a.Background, a.Timeout = &b, within(time.Minute)
					log := func() string {
						return strings.Join(strings.Fields(l.sh(t, ns, pod, "cat "+file)), " ")
					}
					l.sh(t, ns, pod, ": >"+file)
					h, err := hold(t, l, ns, in("app="+pod, a))
					if err == nil {
						err = h.Lost()
					}
					if err != nil {
						t.Fatal(err)
					}
					if got := log(); got != "lock" {
						t.Errorf("while it holds, the pod's log is %q", got)
					}
					report, err := h.End(t.Context())
					if err != nil {
						t.Error(err)
					}
					if got := log(); got != "lock unlocked" {
						t.Errorf("afterwards, the pod's log is %q", got)
					}
					if p := report.SubRules[0].Actions[0].Pods[0]; p.ExitCode == nil || *p.ExitCode != 0 || p.Error != "" || p.Duration.Duration > 30*time.Second {
						t.Errorf("got %+v", p)
					}
					if left := l.sh(t, ns, pod, "ls -A /tmp /dev/shm | grep salvor || :"); left != "" {
						t.Errorf("files are left: %s", left)
					}
				})
			}
		}
	})
}

func TestBackgroundCommandWithoutAShellIsRefused(t *testing.T) {
	t.Parallel()
	l := source(t)
	ns := l.namespace(t)
	l.pod(t, ns, "first", []string{"app=first"})
	l.podOf(t, ns, "distroless", []string{"app=distroless"}, nil, object{"image": pause, "command": []string{"/pause"}})
	l.ready(t, ns)
	overEach(t, l, func(t *testing.T, l lab) {
		h, err := hold(t, l, ns, in("app=first", salvor.Action{Shell: "echo frozen >>/tmp/log"}),
			in("app=distroless", salvor.Action{Shell: "sleep 60", Background: &salvor.Background{ReadyLine: "x"}}))
		if !salvor.Is(err, salvor.Invalid) || !strings.Contains(err.Error(), ns+"/distroless") {
			t.Errorf("got %v", err)
		}
		if _, err := h.End(t.Context()); err != nil {
			t.Error(err)
		}
		if log := l.log(t, ns, "first"); log != "" {
			t.Errorf("something was frozen before: the pod's log is %q", log)
		}
	})
}

// A program that is killed leaves nothing that holds on: its connections end, and the command with them. One that hangs
// keeps them, and the command ends after its lifetime.
func TestBackgroundCommandOfAProcessThatIsKilled(t *testing.T) {
	t.Parallel()
	l, c := source(t), newCLI(t)
	c.expect(0, "cluster", "add", "here", "--kubeconfig", l.Kubeconfig)
	c.expect(0, "location", "add", "disk", "--dir", filepath.Join(c.dir, "backups"))
	rule := func(name string, life time.Duration) string {
		return fmt.Sprintf(`---
apiVersion: salvor.io/v1
kind: Rule
metadata: {name: %s}
spec:
  subRules:
    - podSelectors: [{matchLabels: {app: x}}]
      actions:
        - shell: 'trap "echo unlocked >>/tmp/log; exit" TERM; echo lock >>/tmp/log; echo locked; sleep 4321 & wait'
          background: {readyLine: locked, lifetime: %v}
        - shell: touch /tmp/held; sleep 8765
`, name, life)
	}
	tests := []struct {
		name   string
		signal syscall.Signal
		life   time.Duration
	}{
		{"killed", syscall.SIGKILL, time.Minute},
		{"hung", syscall.SIGSTOP, 5 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ns := l.namespace(t)
			l.pod(t, ns, "p", []string{"app=x"})
			l.ready(t, ns)
			c.expect(0, "apply", "-f", c.file("rules.yaml", rule(tt.name, tt.life)))
			cmd := c.command("backup", "create", tt.name, "-n", ns, "--pre-exec-rule", tt.name)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer cmd.Wait()
			defer cmd.Process.Kill()
			eventually(t, "the application is held", func() bool { return l.has(t, ns, "p", "/tmp/held") })
			began := time.Now()
			if err := cmd.Process.Signal(tt.signal); err != nil {
				t.Fatal(err)
			}
			eventually(t, "it is held no more", func() bool { return l.log(t, ns, "p") == "lock unlocked" })
			if took := time.Since(began); took > 30*time.Second {
				t.Errorf("it was held for another %v", took)
			}
			eventually(t, "nothing of it runs", func() bool { return !strings.Contains(l.sh(t, ns, "p", "ps -o args"), "sleep 4321") })
		})
	}
}
