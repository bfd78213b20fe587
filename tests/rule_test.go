package tests

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/rule"
	"salvor.io/salvor/shared/salvor"
)

func ruleEngine(l lab) *rule.Engine { return &rule.Engine{Cluster: l.Client, Now: time.Now} }

// run runs a rule of one sub-rule before a cut.
func runIn(t *testing.T, e *rule.Engine, namespaces []string, s metav1.LabelSelector, actions ...salvor.Action) (rule.Report, error) {
	t.Helper()
	return e.Run(t.Context(), salvor.RuleSpec{SubRules: []salvor.SubRule{{PodSelectors: []metav1.LabelSelector{s}, Actions: actions}}}, namespaces, rule.PreExec)
}

func labelled(key, value string) metav1.LabelSelector {
	return metav1.LabelSelector{MatchLabels: map[string]string{key: value}}
}

// Two sub-rules of two actions each, in pods of two namespaces of the backup; a third namespace is not part of it.
func TestRuleChoosesPodsAndKeepsOrder(t *testing.T) {
	t.Parallel()
	l := source(t)
	ns, more, elsewhere := l.namespace(t), l.namespace(t), l.namespace(t)
	l.pod(t, ns, "db-0", []string{"app=db"})
	l.pod(t, ns, "web-0", []string{"app=web"})
	l.pod(t, ns, "bare", nil)
	l.pod(t, more, "web-1", []string{"app=web", "tier=front"})
	l.pod(t, elsewhere, "web-2", []string{"app=web", "tier=front"})
	for _, n := range []string{ns, more, elsewhere} {
		l.ready(t, n)
	}
	e := ruleEngine(l)
	inBackup := []string{ns, more}
	pods := map[string]string{"db-0": ns, "web-0": ns, "bare": ns, "web-1": more, "web-2": elsewhere}

	expressions := map[string]struct {
		selector metav1.LabelSelectorRequirement
		want     []string
	}{
		"in":           {metav1.LabelSelectorRequirement{Key: "app", Operator: "In", Values: []string{"db", "web"}}, []string{"db-0", "web-0", "web-1"}},
		"notin":        {metav1.LabelSelectorRequirement{Key: "app", Operator: "NotIn", Values: []string{"db"}}, []string{"bare", "web-0", "web-1"}},
		"exists":       {metav1.LabelSelectorRequirement{Key: "tier", Operator: "Exists"}, []string{"web-1"}},
		"doesnotexist": {metav1.LabelSelectorRequirement{Key: "app", Operator: "DoesNotExist"}, []string{"bare"}},
	}
	for name, tt := range expressions {
		t.Run(name, func(t *testing.T) {
			s := metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{tt.selector}}
			if _, err := runIn(t, e, inBackup, s, salvor.Action{Command: []string{"touch", "/tmp/" + name}}); err != nil {
				t.Fatal(err)
			}
			var got []string
			for pod, n := range pods {
				if strings.TrimSpace(l.sh(t, n, pod, "ls /tmp/"+name+" 2>/dev/null || true")) != "" {
					got = append(got, pod)
				}
			}
			slices.Sort(got)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("order", func(t *testing.T) {
		// Each action notes when it began and ended, on the node's one clock.
		note := func(name string) salvor.Action {
			return salvor.Action{Name: name, Shell: "set -e; read -r a x </proc/uptime; sleep 0.2; read -r b x </proc/uptime; echo $a $b"}
		}
		report, err := e.Run(t.Context(), salvor.RuleSpec{SubRules: []salvor.SubRule{
			{Name: "db", PodSelectors: []metav1.LabelSelector{labelled("app", "db")}, Actions: []salvor.Action{note("flush"), note("freeze")}},
			{Name: "web", PodSelectors: []metav1.LabelSelector{labelled("tier", "front"), labelled("app", "web")}, Actions: []salvor.Action{note("1"), note("2")}},
		}}, inBackup, rule.PreExec)
		if err != nil {
			t.Fatal(err)
		}
		var ended float64
		for i, want := range [][]string{{ns + "/db-0"}, {ns + "/web-0", more + "/web-1"}} {
			slices.Sort(want)
			if diff := cmp.Diff(want, report.SubRules[i].Pods); diff != "" {
				t.Error(diff)
			}
			for _, a := range report.SubRules[i].Actions {
				began, end := times(t, a)
				if began[0] < ended {
					t.Errorf("%s/%s began at %v, before what comes first ended at %v", report.SubRules[i].Name, a.Name, began[0], ended)
				}
				ended = end[len(end)-1]
			}
		}
	})
}

// times reads what the pods of an action wrote: when it began and when it ended, each sorted.
func times(t *testing.T, a rule.ActionReport) (began, ended []float64) {
	t.Helper()
	for _, p := range a.Pods {
		var from, to float64
		if _, err := fmt.Sscan(p.Stdout, &from, &to); err != nil {
			t.Fatalf("%s printed %q: %v", p.Pod, p.Stdout, err)
		}
		began, ended = append(began, from), append(ended, to)
	}
	slices.Sort(began)
	slices.Sort(ended)
	return began, ended
}

func TestRuleRunsInParallelButBounded(t *testing.T) {
	t.Parallel()
	l := source(t)
	ns := l.namespace(t)
	for i := range 5 {
		l.pod(t, ns, fmt.Sprintf("p-%d", i), []string{"app=x"})
	}
	l.ready(t, ns)
	e := ruleEngine(l)
	e.Parallel = 2
	report, err := runIn(t, e, []string{ns}, labelled("app", "x"),
		salvor.Action{Shell: "read -r a x </proc/uptime; sleep 2; read -r b x </proc/uptime; echo $a $b"})
	if err != nil {
		t.Fatal(err)
	}
	began, ended := times(t, report.SubRules[0].Actions[0])
	most := 0
	for i, b := range began { // so many had begun, so many of them had ended
		over, _ := slices.BinarySearch(ended, b)
		most = max(most, i+1-over)
	}
	if most != 2 {
		t.Errorf("%d ran at once: began %v, ended %v", most, began, ended)
	}
}

func TestRuleFailures(t *testing.T) {
	t.Parallel()
	l := source(t)
	ns := l.namespace(t)
	l.pod(t, ns, "a", []string{"app=a"})
	l.pod(t, ns, "two", []string{"app=two"}, "side")
	l.ready(t, ns)
	e := ruleEngine(l)
	here := []string{ns}
	running := func(what string) bool {
		return strings.Contains(l.sh(t, ns, "a", "ps -o args"), what)
	}

	t.Run("exit code and output", func(t *testing.T) {
		report, err := runIn(t, e, here, labelled("app", "a"), salvor.Action{Shell: "echo password=hunter2; echo tables locked >&2; exit 3"})
		if exit := (*cluster.ExitError)(nil); !errors.As(err, &exit) || exit.Code != 3 || !strings.Contains(err.Error(), ns+"/a") || !strings.Contains(err.Error(), "tables locked") {
			t.Errorf("got %v", err)
		}
		p := report.SubRules[0].Actions[0].Pods[0]
		if *p.ExitCode != 3 || p.Stdout != "password=[masked]\n" || p.Stderr != "tables locked\n" || p.UID == "" || p.Container != "main" {
			t.Errorf("got %+v", p)
		}
	})
	t.Run("an argv goes on, and the error says so", func(t *testing.T) {
		_, err := runIn(t, e, here, labelled("app", "a"), salvor.Action{Command: []string{"sleep", "8765"}, Timeout: metav1.Duration{Duration: 2 * time.Second}})
		if !salvor.Is(err, salvor.DeadlineExceeded) || !strings.Contains(err.Error(), "may go on") {
			t.Errorf("got %v", err)
		}
		if !running("sleep 8765") {
			t.Error("it was ended: the error need not say that it may go on")
		}
	})
	t.Run("a container has to be named, before anything runs", func(t *testing.T) {
		spec := salvor.RuleSpec{SubRules: []salvor.SubRule{
			{PodSelectors: []metav1.LabelSelector{labelled("app", "a")}, Actions: []salvor.Action{{Shell: "touch /tmp/began"}}},
			{PodSelectors: []metav1.LabelSelector{labelled("app", "two")}, Actions: []salvor.Action{{Shell: "true"}, {Shell: "true", Container: "sdie"}}},
		}}
		_, err := e.Run(t.Context(), spec, here, rule.PreExec)
		for _, says := range []string{"it has main, side", `there is no container "sdie"`} {
			if !salvor.Is(err, salvor.Invalid) || !strings.Contains(err.Error(), says) {
				t.Errorf("%v does not say %s", err, says)
			}
		}
		if l.sh(t, ns, "a", "ls /tmp") != "" {
			t.Error("the first sub-rule ran")
		}
		spec.SubRules[1].Actions = []salvor.Action{{Shell: "true", Container: "side"}}
		if report, err := e.Run(t.Context(), spec, here, rule.PreExec); err != nil || report.SubRules[1].Actions[0].Pods[0].Container != "side" {
			t.Errorf("got %v, %+v", err, report)
		}
	})
}

// A process of Salvor that dies leaves nothing behind: its connections end, and with them the shell lines.
func TestRuleShellEndsWithTheConnection(t *testing.T) {
	t.Parallel()
	l := source(t)
	ns := l.namespace(t)
	l.pod(t, ns, "p", []string{"app=x"})
	l.ready(t, ns)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		s := salvor.RuleSpec{SubRules: []salvor.SubRule{{PodSelectors: []metav1.LabelSelector{labelled("app", "x")}, Actions: []salvor.Action{{Shell: "sleep 5432"}}}}}
		_, err := ruleEngine(l).Run(ctx, s, []string{ns}, rule.PreExec)
		done <- err
	}()
	running := func() bool { return strings.Contains(l.sh(t, ns, "p", "ps -o args"), "sleep 5432") }
	eventually(t, "the line runs", running)
	cancel()
	if err := <-done; !salvor.Is(err, salvor.Canceled) {
		t.Errorf("got %v", err)
	}
	eventually(t, "the line has ended", func() bool { return !running() })
}
