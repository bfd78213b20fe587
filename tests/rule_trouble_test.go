package tests

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/shared/rule"
	"salvor.io/salvor/shared/salvor"
)

func within(d time.Duration) metav1.Duration { return metav1.Duration{Duration: d} }

// log is what the commands of a rule wrote into the pod's own file, on one line.
func (l lab) log(t testing.TB, namespace, pod string) string {
	t.Helper()
	return strings.Join(strings.Fields(l.sh(t, namespace, pod, "cat /tmp/log 2>/dev/null || :")), " ")
}

func TestRuleCommandThatHangs(t *testing.T) {
	t.Parallel()
	overEach(t, source(t), func(t *testing.T, l lab) {
		ns := l.namespace(t)
		l.pod(t, ns, "p", []string{"app=x"})
		l.ready(t, ns)
		began := time.Now()
		_, err := runIn(t, ruleEngine(l), []string{ns}, labelled("app", "x"),
			salvor.Action{Shell: "echo began >>/tmp/log; sleep 4321 & sleep 4321; echo ended >>/tmp/log", Timeout: within(3 * time.Second)},
			salvor.Action{Shell: "echo next >>/tmp/log"})
		if took := time.Since(began); !salvor.Is(err, salvor.DeadlineExceeded) || !strings.Contains(err.Error(), "told to end") || took > time.Minute {
			t.Errorf("got %v after %v", err, took)
		}
		eventually(t, "nothing of the line runs", func() bool { return !strings.Contains(l.sh(t, ns, "p", "ps -o args"), "sleep 4321") })
		if got := l.log(t, ns, "p"); got != "began" {
			t.Errorf("the pod's log is %q", got)
		}
	})
}

func TestRulePodThatVanishes(t *testing.T) {
	t.Parallel()
	overEach(t, source(t), func(t *testing.T, l lab) {
		ns := l.namespace(t)
		l.pod(t, ns, "gone", []string{"app=x"})
		l.ready(t, ns)
		done := make(chan error, 1)
		var report rule.Report
		go func() {
			var err error
			report, err = runIn(t, ruleEngine(l), []string{ns}, labelled("app", "x"), salvor.Action{Shell: "touch /tmp/began; sleep 100"})
			done <- err
		}()
		eventually(t, "the command runs", func() bool {
			err := l.Exec(t.Context(), execIn(ns, "gone", "ls", "/tmp/began"))
			return err == nil
		})
		began := time.Now()
		if err := l.Delete(t.Context(), podKind, ns, "gone", kube.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		err := <-done
		if took := time.Since(began); err == nil || !strings.Contains(err.Error(), ns+"/gone") || took > time.Minute {
			t.Errorf("got %v after %v", err, took)
		}
		t.Logf("the error is: %v", err)
		if p := report.SubRules[0].Actions[0].Pods[0]; p.Pod != "gone" || p.Error == "" {
			t.Errorf("got %+v", p)
		}
	})
}

// A container that restarts takes its commands with it. Afterwards the thaw reaches the new one.
func TestRuleContainerThatRestarts(t *testing.T) {
	t.Parallel()
	overEach(t, source(t), func(t *testing.T, l lab) {
		ns := l.namespace(t)
		l.podOf(t, ns, "p", []string{"app=x"}, object{"volumes": []object{{"name": "tmp", "emptyDir": object{}}}},
			object{"command": []string{"sh", "-c", `trap "exit 1" TERM; while :; do sleep 0.1; done`}, "volumeMounts": []object{{"name": "tmp", "mountPath": "/tmp"}}})
		l.ready(t, ns)
		began := time.Now()
		_, err := runIn(t, ruleEngine(l), []string{ns}, labelled("app", "x"), salvor.Action{Shell: "echo frozen >>/tmp/log; kill 1; sleep 100; echo late >>/tmp/log"})
		if took := time.Since(began); err == nil || errors.Is(err, cluster.ErrNotStarted) || !strings.Contains(err.Error(), ns+"/p") || took > time.Minute {
			t.Errorf("got %v after %v", err, took)
		}
		t.Logf("the error is: %v", err)
		eventually(t, "the container runs again", func() bool {
			return l.Exec(t.Context(), execIn(ns, "p", "true")) == nil
		})
		thaw := salvor.RuleSpec{SubRules: []salvor.SubRule{{PodSelectors: []metav1.LabelSelector{labelled("app", "x")}, Actions: []salvor.Action{{Shell: "echo thawed >>/tmp/log"}}}}}
		eventually(t, "the thaw reaches the container", func() bool {
			report, err := ruleEngine(l).Run(t.Context(), thaw, []string{ns}, rule.PostExec)
			return err == nil && len(report.Warnings) == 0 // it may still be called not running
		})
		if got := l.log(t, ns, "p"); got != "frozen thawed" {
			t.Errorf("the pod's log is %q", got)
		}
	})
}

func TestRuleProgramThatIsNotThere(t *testing.T) {
	t.Parallel()
	l := source(t)
	ns := l.namespace(t)
	l.pod(t, ns, "p", []string{"app=x"})
	l.ready(t, ns)
	overEach(t, l, func(t *testing.T, l lab) {
		report, err := runIn(t, ruleEngine(l), []string{ns}, labelled("app", "x"), salvor.Action{Command: []string{"no-such-program"}})
		if p := report.SubRules[0].Actions[0].Pods[0]; !errors.Is(err, cluster.ErrNotStarted) || !strings.Contains(err.Error(), "no-such-program") || p.ExitCode != nil {
			t.Errorf("got %v, %+v", err, p)
		}
		report, err = runIn(t, ruleEngine(l), []string{ns}, labelled("app", "x"), salvor.Action{Shell: "no-such-program"})
		if p := report.SubRules[0].Actions[0].Pods[0]; err == nil || p.ExitCode == nil || *p.ExitCode != 127 || !strings.Contains(p.Stderr, "no-such-program") {
			t.Errorf("got %v, %+v", err, p)
		}
	})
}

// Every exit code there is, of programs and of lines, is reported as it is.
func TestRuleExitCodes(t *testing.T) {
	t.Parallel()
	l := source(t)
	ns := l.namespace(t)
	l.pod(t, ns, "p", []string{"app=x"})
	l.ready(t, ns)
	var actions []salvor.Action
	for code := 1; code <= 255; code++ {
		a := salvor.Action{Command: []string{"sh", "-c", fmt.Sprintf("exit %d", code)}, OnError: salvor.OnErrorContinue}
		if code%8 == 1 {
			a.Shell, a.Command = a.Command[2], nil
		}
		actions = append(actions, a)
	}
	overEach(t, l, func(t *testing.T, l lab) {
		t.Parallel()
		report, err := runIn(t, ruleEngine(l), []string{ns}, labelled("app", "x"), actions...)
		if err != nil || len(report.SubRules[0].Actions) != 255 {
			t.Fatalf("after %d actions: %v", len(report.SubRules[0].Actions), err)
		}
		for i, a := range report.SubRules[0].Actions {
			if p := a.Pods[0]; p.ExitCode == nil || *p.ExitCode != i+1 || !strings.Contains(p.Error, fmt.Sprintf("exit code %d", i+1)) {
				t.Errorf("a command that ended with code %d is reported as %+v", i+1, p)
			}
		}
	})
}

func TestRuleOutputIsBounded(t *testing.T) {
	l := source(t)
	ns := l.namespace(t)
	l.pod(t, ns, "p", []string{"app=x"})
	l.ready(t, ns)
	overEach(t, l, func(t *testing.T, l lab) {
		most := watchHeap(t)
		began := time.Now()
		report, err := runIn(t, ruleEngine(l), []string{ns}, labelled("app", "x"), salvor.Action{Shell: "yes 0123456789 | head -c 67108864; echo end"})
		took, grown := time.Since(began), most()
		p := report.SubRules[0].Actions[0].Pods[0]
		if err != nil || p.StdoutBytes != 64<<20+4 || len(p.Stdout) > rule.TailBytes || !strings.HasSuffix(p.Stdout, "end\n") {
			t.Errorf("got %v, %d bytes of %d", err, len(p.Stdout), p.StdoutBytes)
		}
		if grown > 32<<20 || took > 60*time.Second {
			t.Errorf("64 MiB took %d MiB of memory and %v", grown>>20, took)
		}
		t.Logf("64 MiB took %.1f MiB of memory and %v", float64(grown)/(1<<20), took)
	})
}

// watchHeap returns what says by how much the heap has grown at most.
func watchHeap(t *testing.T) (most func() uint64) {
	read := func() uint64 {
		s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(s)
		return s[0].Value.Uint64()
	}
	runtime.GC()
	before, peak := read(), uint64(0)
	stop, stopped := make(chan bool), make(chan bool)
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Millisecond):
				peak = max(peak, read())
			}
		}
	}()
	return func() uint64 {
		close(stop)
		<-stopped
		return max(peak, before) - before
	}
}
