package rule_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/rule"
	"salvor.io/salvor/shared/salvor"
)

// shown is an explanation in short: targets, then what was left out and why.
func shown(x rule.SubRuleExplanation) (lines []string) {
	for _, l := range x.LeftOut {
		lines = append(lines, "- "+l.Pod+": "+l.Reason)
	}
	for _, a := range x.Actions {
		for _, t := range a.Targets {
			lines = append(lines, a.Name+" "+t.Pod+"/"+t.Container)
		}
		for _, l := range a.LeftOut {
			lines = append(lines, a.Name+" - "+l.Pod+": "+l.Reason)
		}
	}
	return lines
}

func TestExplainSaysWhereAndWhyNot(t *testing.T) {
	deleted := set("metadata", "deletionTimestamp", "2026-01-01T00:00:00Z")
	labelled := func(role string) func(map[string]any) {
		return set("metadata", "labels", map[string]string{"app": "db", "role": role})
	}
	f := &fake{pods: []map[string]any{
		pod("db-0", "db", containers("main", "side"), labelled("replica")), pod("db-1", "db", containers("main", "side"), labelled("primary")),
		pod("db-2", "db", set("status", "phase", "Pending")), pod("db-3", "db", deleted), pod("db-4", "db", containers("main"), waiting),
		pod("web-0", "web"), pod("web-1", "web"),
	}}
	probe := &salvor.Probe{Shell: "true"}
	for name, tt := range map[string]struct {
		action salvor.Action
		want   []string
		err    string
	}{
		"a container that not all have": {salvor.Action{Shell: "x", Container: "main"},
			[]string{"1 db-0/main", "1 db-1/main", "1 - db-4: its container main is not running (CrashLoopBackOff)"}, ""},
		"a container that can't be told": {salvor.Action{Shell: "x"},
			[]string{"1 - db-0: the action has to name a container; it has main, side", "1 - db-1: the action has to name a container; it has main, side",
				"1 - db-4: its container main is not running (CrashLoopBackOff)"}, "has to name a container"},
		"a single pod": {salvor.Action{Shell: "x", Container: "main", RunInSinglePod: true},
			[]string{"1 db-0/main", "1 - db-1: the action runs in a single pod", "1 - db-4: its container main is not running (CrashLoopBackOff)"}, ""},
		"a single pod by its label": {salvor.Action{Shell: "x", Container: "main", RunInSinglePod: true, SinglePod: &salvor.SinglePod{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"role": "primary"}}}},
			[]string{"1 db-1/main", "1 - db-0: singlePod.selector does not select it", "1 - db-4: singlePod.selector does not select it"}, ""},
		"a leader": {salvor.Action{Shell: "x", Container: "main", RunInSinglePod: true, SinglePod: &salvor.SinglePod{Leader: probe}},
			[]string{"1 db-0/main", "1 db-1/main", "1 - db-4: its container main is not running (CrashLoopBackOff)"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := rule.Engine{Cluster: f, Now: time.Now}
			x, err := e.Explain(t.Context(), rule.Request{Spec: spec(sub(app("db"), tt.action)), Namespaces: []string{"shop"}})
			if tt.err == "" != (err == nil) || err != nil && (!strings.Contains(err.Error(), tt.err) || x.SubRules[0].Error != err.Error()) {
				t.Errorf("got %v, %q", err, x.SubRules[0].Error)
			}
			want := append([]string{"- db-2: it is Pending, not Running", "- db-3: it is being deleted"}, tt.want...)
			if diff := cmp.Diff(want, shown(x.SubRules[0])); diff != "" {
				t.Error(diff)
			}
			if x.Pods != 7 || x.SubRules[0].NotSelected != 2 || x.SubRules[0].Actions[0].Leader != (name == "a leader") {
				t.Errorf("got %+v", x)
			}
			// What is shown is what a run would choose.
			choices, _ := e.Check(t.Context(), spec(sub(app("db"), tt.action)), []string{"shop"})
			if diff := cmp.Diff(choices[0].Actions[0], x.SubRules[0].Actions[0].Targets); diff != "" {
				t.Error(diff)
			}
		})
	}
	if len(f.calls) > 0 {
		t.Errorf("commands were run: %v", f.calls)
	}
}

func TestExplainSaysThatThereIsNone(t *testing.T) {
	e := rule.Engine{Cluster: &fake{pods: []map[string]any{pod("web-0", "web")}}, Now: time.Now}
	none := sub(app("db"), sh("x"))
	x, err := e.Explain(t.Context(), rule.Request{Spec: spec(none), Namespaces: []string{"shop"}})
	if want := []string{`sub-rule "1": its selectors choose no running pod`}; err != nil || cmp.Diff(want, x.SubRules[0].Warnings) != "" {
		t.Errorf("got %v, %+v", err, x)
	}
	none.OnNoPods = salvor.OnNoPodsFail
	if _, err := e.Explain(t.Context(), rule.Request{Spec: spec(none), Namespaces: []string{"shop"}}); !salvor.Is(err, salvor.NotFound) {
		t.Errorf("got %v", err)
	}
}

func TestExplainShowsHooks(t *testing.T) {
	hooks := func(pairs ...string) func(map[string]any) {
		a := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			a[pairs[i]] = pairs[i+1]
		}
		return set("metadata", "annotations", a)
	}
	e := rule.Engine{Cluster: &fake{pods: []map[string]any{
		pod("db-0", "db", hooks("pre.hook.backup.velero.io/command", `["fsfreeze","-f","/data"]`, "post.hook.backup.velero.io/command", `["fsfreeze","-u","/data"]`)),
		pod("web-0", "web", hooks("post.hook.backup.velero.io/command", "/bin/go", "post.hook.backup.velero.io/timeout", "300")), pod("web-1", "web"),
	}}, Now: time.Now}
	x, err := e.Explain(t.Context(), rule.Request{Namespaces: []string{"shop"}, Hooks: []metav1.LabelSelector{{}}})
	if !salvor.Is(err, salvor.Invalid) || !strings.Contains(err.Error(), `velero post hooks: pod shop/web-0: its annotation post.hook.backup.velero.io/timeout is "300"`) {
		t.Errorf("got %v", err)
	}
	for i, want := range []string{"fsfreeze -f /data", "fsfreeze -u /data"} {
		if s := x.SubRules[i]; len(s.Actions) != 1 || s.Actions[0].Runs != want || s.Actions[0].Targets[0].Pod != "db-0" {
			t.Errorf("got %+v", s)
		}
	}
}
