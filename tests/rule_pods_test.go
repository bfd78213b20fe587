package tests

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/shared/salvor"
)

// Input and variables reach lines and programs alike, in a container that is not root.
func TestRuleInputAndEnvironment(t *testing.T) {
	t.Parallel()
	l := source(t)
	ns := l.namespace(t)
	l.podOf(t, ns, "p", []string{"app=x"}, nil, object{"securityContext": object{"runAsUser": 1000, "runAsNonRoot": true}, "env": []object{{"name": "OWN", "value": "own"}}})
	l.ready(t, ns)
	env := []salvor.EnvVar{{Name: "A", Value: `it's "a" $x`}, {Name: "B"}}
	const script = `id -u; echo "$OWN/$A/$B"; cat`
	overEach(t, l, func(t *testing.T, l lab) {
		report, err := runIn(t, ruleEngine(l), []string{ns}, labelled("app", "x"),
			salvor.Action{Shell: script, Stdin: "select 1;\n  'x'", Env: env},
			salvor.Action{Command: []string{"sh", "-c", script}, Stdin: "select 1;\n  'x'", Env: env})
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range report.SubRules[0].Actions {
			if diff := cmp.Diff("1000\nown/it's \"a\" $x/\nselect 1;\n  'x'\n", a.Pods[0].Stdout); diff != "" {
				t.Error(a.Name, diff)
			}
		}
	})
}

// The pod that says that it leads gets the command, and no other.
func TestRuleRunsInTheLeader(t *testing.T) {
	t.Parallel()
	l := source(t)
	ns := l.namespace(t)
	pods := []string{"db-0", "db-1", "db-2"}
	for _, p := range pods {
		l.pod(t, ns, p, []string{"app=db"})
	}
	l.ready(t, ns)
	leads := &salvor.SinglePod{Leader: &salvor.Probe{Shell: "test -e /tmp/leads"}}
	action := salvor.Action{Shell: "echo frozen >>/tmp/log", RunInSinglePod: true, SinglePod: leads}
	overEach(t, l, func(t *testing.T, l lab) {
		if _, err := runIn(t, ruleEngine(l), []string{ns}, labelled("app", "db"), action); !salvor.Is(err, salvor.NotFound) {
			t.Errorf("without a leader: got %v", err)
		}
		for _, leader := range []string{"db-1", "db-2"} {
			l.sh(t, ns, leader, "touch /tmp/leads")
			report, err := runIn(t, ruleEngine(l), []string{ns}, labelled("app", "db"), action)
			if err != nil || len(report.SubRules[0].Actions[0].Pods) != 1 {
				t.Errorf("got %v, %+v", err, report)
			}
			for _, p := range pods {
				want := ""
				if p == leader {
					want = "frozen"
				}
				if got := l.log(t, ns, p); got != want {
					t.Errorf("%s leads, and the log of %s is %q", leader, p, got)
				}
			}
			l.sh(t, ns, leader, "rm /tmp/leads /tmp/log")
		}
	})
}
