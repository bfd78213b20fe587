package rule_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/rule"
	"salvor.io/salvor/shared/salvor"
)

// What a container can't run is known before anything is frozen, also when it is only needed to let go on.
func TestWhatCanNotRunIsRefusedBeforeAnythingRuns(t *testing.T) {
	argv := salvor.Action{Command: []string{"freeze"}}
	passed := sh("2")
	passed.OnError = salvor.OnErrorContinue
	tests := map[string]struct {
		before, after salvor.RuleSpec
		says          string
	}{
		"a container without shell":                {before: spec(sub(app("web"), sh("1")), sub(app("db"), sh("2"))), says: `sub-rule "2", action "1": pod shop/b, container main: it can't run a shell line`},
		"one that only the rule after needs":       {before: spec(sub(app("db"), argv)), after: spec(sub(app("db"), sh("thaw"))), says: `after the cut, sub-rule "1", action "1": pod shop/b`},
		"a container that can't be told after":     {before: spec(sub(app("web"), sh("1"))), after: spec(sub(app("queue"), sh("thaw"))), says: `after the cut, sub-rule "1", action "1": pod shop/c: the action has to name a container; it has x, y`},
		"a program of its own needs no shell":      {before: spec(sub(app("db"), argv)), after: spec(sub(app("db"), argv))},
		"what may fail is not asked":               {before: spec(sub(app("db"), passed))},
		"a pod that only the rule before names":    {before: spec(sub(app("web"), sh("1"))), after: spec(sub(app("web"), sh("thaw")))},
		"a rule after that chooses nothing, fails": {before: spec(sub(app("web"), sh("1"))), after: spec(salvor.SubRule{PodSelectors: app("none"), OnNoPods: salvor.OnNoPodsFail, Actions: []salvor.Action{sh("x")}}), says: "after the cut, sub-rule \"1\": its selectors choose no running pod"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := &fake{pods: []map[string]any{pod("a", "web"), pod("b", "db"), pod("c", "queue", containers("x", "y"))},
				noShell: map[string]error{"b": fmt.Errorf("%w: exec: \"/bin/sh\": no such file or directory", cluster.ErrNotStarted)}}
			begun := false
			e := rule.Engine{Cluster: f, Now: time.Now}
			h, err := e.Freeze(t.Context(), rule.Request{Spec: tt.before, After: tt.after, Namespaces: []string{"shop"},
				Begin: func(context.Context, []salvor.PodRef, []salvor.PodRef) error { begun = true; return nil }})
			h.End(t.Context())
			switch {
			case tt.says == "" && (err != nil || !begun):
				t.Errorf("got %v", err)
			case tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says) || begun || len(f.calls) > 0):
				t.Errorf("got %v, and it ran %q", err, f.calls)
			}
		})
	}
}

// Two commands that wait in one pod do not meet.
func TestEachWaitCommandIsItsOwn(t *testing.T) {
	f := &fake{pods: []map[string]any{pod("a", "db")}, exec: lock("")}
	same := held("${WAIT_CMD}", salvor.Background{})
	if _, err := run(t, f, rule.PreExec, spec(sub(app("db"), same), sub(app("db"), same))); err != nil {
		t.Fatal(err)
	}
	lines := f.calls[1:] // the first one asks whether the pod can have them
	if len(lines) != 2 || lines[0] == lines[1] || !strings.Contains(lines[1], "/dev/shm/.salvor-") {
		t.Errorf("they ran %q", lines)
	}
}

// A pod that is being deleted is frozen until it has ended.
func TestAPodThatTerminatesIsLetGoOn(t *testing.T) {
	deleted := set("metadata", "deletionTimestamp", "2026-11-22T12:00:00Z")
	f := &fake{pods: []map[string]any{pod("a", "web", deleted), pod("b", "web", deleted), pod("c", "web")}}
	e := rule.Engine{Cluster: f, Now: time.Now}
	_, err := e.Thaw(t.Context(), rule.Request{Spec: spec(sub(app("web"), sh("thaw"))), Namespaces: []string{"shop"},
		Begun: []salvor.PodRef{{Namespace: "shop", Name: "a", UID: "uid-a"}}})
	if diff := cmp.Diff([]string{"shop/a/main: thaw", "shop/c/main: thaw"}, f.sorted()); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

// In a pod that went away while it was let go on, nothing is frozen any more; another that takes its name is another.
func TestAPodThatIsGoneOwesNothing(t *testing.T) {
	for name, rest := range map[string][]map[string]any{
		"gone":     {pod("b", "web")},
		"replaced": {pod("a", "web", set("metadata", "uid", "another")), pod("b", "web")},
		"there":    {pod("a", "web"), pod("b", "web")},
	} {
		f := &fake{pods: []map[string]any{pod("a", "web"), pod("b", "web")}}
		f.exec = func(_ context.Context, r cluster.ExecRequest, _ string) error {
			if r.Pod != "a" {
				return nil
			}
			f.pods = rest
			return cluster.ErrLost
		}
		e := rule.Engine{Cluster: f, Now: time.Now, Parallel: 1}
		report, err := e.Thaw(t.Context(), rule.Request{Spec: spec(sub(app("web"), sh("thaw"))), Namespaces: []string{"shop"}})
		if (err != nil) != (name == "there") || errors.Is(err, cluster.ErrLost) != (name == "there") {
			t.Errorf("%s: got %v", name, err)
		}
		if p := report.SubRules[0].Actions[0].Pods[0]; strings.Contains(p.Error, "is gone") == (name == "there") {
			t.Errorf("%s: it says %q", name, p.Error)
		}
	}
}

// Nothing is let go on while a command that was left behind may still freeze it.
func TestWhatWasLeftBehindIsOutlasted(t *testing.T) {
	for name, tt := range map[string]struct {
		action salvor.Action
		err    error
		waits  bool
	}{
		"a line that timed out":          {action: salvor.Action{Shell: "x", Timeout: metav1.Duration{Duration: time.Second}}, waits: true},
		"a line whose connection broke":  {action: sh("x"), err: cluster.ErrLost, waits: true},
		"a line that failed has ended":   {action: sh("x"), err: &cluster.ExitError{Code: 1}},
		"an argv can't be told to end":   {action: salvor.Action{Command: []string{"x"}, Timeout: metav1.Duration{Duration: time.Second}}},
		"a line that succeeded is ended": {action: sh("x"), err: nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fake{pods: []map[string]any{pod("a", "web")}, exec: func(ctx context.Context, _ cluster.ExecRequest, _ string) error {
					if tt.action.Timeout.Duration > 0 {
						<-ctx.Done()
						return context.Cause(ctx)
					}
					return tt.err
				}}
				h, _ := freeze(t, f, spec(sub(app("web"), tt.action)))
				began := time.Now()
				h.End(t.Context())
				if took := time.Since(began); (took >= 3*time.Second) != tt.waits || took > 5*time.Second {
					t.Errorf("it took %s to end", took)
				}
			})
		})
	}
}

// A worker that was taken over sends nothing more, neither to freeze nor to let go on.
func TestEachCommandIsAskedFor(t *testing.T) {
	for _, phase := range []string{rule.PreExec, rule.PostExec} {
		f := &fake{pods: []map[string]any{pod("a", "web"), pod("b", "web")}}
		fenced := salvor.Errorf(salvor.Fenced, "taken over")
		goOn := func(context.Context) error {
			if len(f.calls) == 2 {
				return fenced
			}
			return nil
		}
		e := rule.Engine{Cluster: f, Now: time.Now, Parallel: 1}
		req := rule.Request{Spec: spec(sub(app("web"), sh("1"), sh("2"))), Namespaces: []string{"shop"}, GoOn: goOn}
		var err error
		var report rule.Report
		if phase == rule.PreExec {
			var h *rule.Hold
			h, err = e.Freeze(t.Context(), req)
			report, _ = h.End(t.Context())
		} else {
			report, err = e.Thaw(t.Context(), req)
		}
		if !salvor.Is(err, salvor.Fenced) || len(f.calls) != 2 {
			t.Errorf("%s: got %v, and it ran %q", phase, err, f.calls)
		}
		if p := report.SubRules[0].Actions[1].Pods[0]; !strings.HasPrefix(p.Error, "not run: ") {
			t.Errorf("%s: the report says %+v", phase, p)
		}
	}
}
