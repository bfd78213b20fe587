package rule_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/rule"
	"salvor.io/salvor/shared/salvor"
)

func expression(op metav1.LabelSelectorOperator, values ...string) []metav1.LabelSelector {
	return []metav1.LabelSelector{{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "app", Operator: op, Values: values}}}}
}

func TestChosenPods(t *testing.T) {
	f := &fake{pods: []map[string]any{
		pod("e", "web"), pod("d", "web"), pod("c", "db"), pod("b", "cache"),
		pod("a", "", set("metadata", "labels", map[string]string{})),
		pod("pending", "web", set("status", "phase", "Pending")),
		pod("done", "web", set("status", "phase", "Succeeded")),
		pod("leaving", "web", set("metadata", "deletionTimestamp", "2026-11-22T02:00:00Z")),
	}}
	tests := map[string]struct {
		selectors []metav1.LabelSelector
		want      []string
	}{
		"labels, sorted":                   {app("web"), []string{"shop/d", "shop/e"}},
		"In":                               {expression("In", "db", "cache"), []string{"shop/b", "shop/c"}},
		"NotIn takes those without too":    {expression("NotIn", "web", "db"), []string{"shop/a", "shop/b"}},
		"Exists":                           {expression("Exists"), []string{"shop/b", "shop/c", "shop/d", "shop/e"}},
		"DoesNotExist":                     {expression("DoesNotExist"), []string{"shop/a"}},
		"any of several":                   {app("web", "db"), []string{"shop/c", "shop/d", "shop/e"}},
		"a pod of two selectors, once":     {append(app("web"), expression("Exists")...), []string{"shop/b", "shop/c", "shop/d", "shop/e"}},
		"an empty selector takes every":    {[]metav1.LabelSelector{{}}, []string{"shop/a", "shop/b", "shop/c", "shop/d", "shop/e"}},
		"no selector takes none":           {nil, nil},
		"all requirements of one selector": {[]metav1.LabelSelector{{MatchLabels: map[string]string{"app": "web"}, MatchExpressions: expression("NotIn", "web")[0].MatchExpressions}}, nil},
	}
	e := rule.Engine{Cluster: f, Now: time.Now}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := e.Check(t.Context(), spec(sub(tt.selectors, sh("x"))), []string{"shop"})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got[0].Pods); diff != "" {
				t.Error(diff)
			}
		})
	}
	if _, err := e.Check(t.Context(), spec(sub(expression("In"), sh("x"))), []string{"shop"}); !salvor.Is(err, salvor.Invalid) {
		t.Errorf("a selector that is wrong: got %v", err)
	}
	if len(f.calls) > 0 {
		t.Errorf("a check ran %q", f.calls)
	}
}

func TestContainer(t *testing.T) {
	note := func(name string) func(map[string]any) {
		return set("metadata", "annotations", map[string]string{"kubectl.kubernetes.io/default-container": name})
	}
	inits := func(p map[string]any) {
		set("spec", "initContainers", []any{map[string]any{"name": "proxy", "restartPolicy": "Always"}, map[string]any{"name": "setup"}})(p)
		set("status", "initContainerStatuses", []any{map[string]any{"name": "proxy", "state": map[string]any{"running": map[string]any{}}}})(p)
	}
	tests := map[string]struct {
		pod         map[string]any
		asked, want string
		says        string
	}{
		"the only one":                 {pod: pod("p", "a"), want: "main"},
		"the one asked for":            {pod: pod("p", "a", containers("x", "y"), note("x")), asked: "y", want: "y"},
		"the annotated one":            {pod: pod("p", "a", containers("x", "y"), note("y")), want: "y"},
		"one of several, unnamed":      {pod: pod("p", "a", containers("x", "y")), says: "the action has to name a container; it has x, y"},
		"one that isn't there":         {pod: pod("p", "a", containers("x", "y")), asked: "z", says: `there is no container "z"; it has x, y`},
		"an annotation that is wrong":  {pod: pod("p", "a", containers("x", "y"), note("z")), says: "which its annotation kubectl.kubernetes.io/default-container names; it has x, y"},
		"a sidecar asked for":          {pod: pod("p", "a", inits), asked: "proxy", want: "proxy"},
		"a sidecar is not a container": {pod: pod("p", "a", inits), want: "main"},
		"an init container has ended":  {pod: pod("p", "a", inits), asked: "setup", says: `there is no container "setup"; it has main, proxy`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			e := rule.Engine{Cluster: &fake{pods: []map[string]any{tt.pod}}, Now: time.Now}
			got, err := e.Check(t.Context(), spec(sub(app("a"), salvor.Action{Shell: "x", Container: tt.asked})), []string{"shop"})
			if tt.says != "" {
				if !salvor.Is(err, salvor.Invalid) || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([][]rule.Target{{{Namespace: "shop", Pod: "p", UID: "uid-p", Container: tt.want}}}, got[0].Actions); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCrashingContainerIsLeftOutAndNamed(t *testing.T) {
	f := &fake{pods: []map[string]any{pod("a", "web", waiting), pod("b", "web")}}
	report, err := run(t, f, rule.PreExec, spec(sub(app("web"), salvor.Action{Shell: "x", RunInSinglePod: true})))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"shop/b/main: x"}, f.calls); diff != "" {
		t.Error(diff)
	}
	want := []string{`sub-rule "1", action "1": pod shop/a is left out: its container main is not running (CrashLoopBackOff)`}
	if diff := cmp.Diff(want, report.Warnings); diff != "" {
		t.Error(diff)
	}
}

func TestRunInSinglePod(t *testing.T) {
	f := &fake{pods: []map[string]any{pod("c", "web"), pod("b", "web"), pod("d", "web")}}
	_, err := run(t, f, rule.PreExec, spec(sub(app("web"), salvor.Action{Shell: "one", RunInSinglePod: true}, sh("all"))))
	if diff := cmp.Diff([]string{"shop/b/main: all", "shop/b/main: one", "shop/c/main: all", "shop/d/main: all"}, f.sorted()); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

func TestNoPods(t *testing.T) {
	for name, pods := range map[string][]map[string]any{"none": nil, "none whose container runs": {pod("a", "web", waiting)}} {
		f := &fake{pods: pods}
		s := spec(sub(app("web"), sh("x")))
		report, err := run(t, f, rule.PreExec, s)
		if err != nil || len(report.Warnings) == 0 {
			t.Errorf("%s, warn: got %v, %q", name, err, report.Warnings)
		}
		s.SubRules[0].OnNoPods = salvor.OnNoPodsFail
		if _, err = run(t, f, rule.PreExec, s); !salvor.Is(err, salvor.NotFound) {
			t.Errorf("%s, fail: got %v", name, err)
		}
	}
}

// A pod that came after the check, while an earlier sub-rule ran, is chosen too; one that left is not missed.
func TestChoiceIsFresh(t *testing.T) {
	f := &fake{pods: []map[string]any{pod("a", "web"), pod("old", "db")}}
	f.exec = func(_ context.Context, r cluster.ExecRequest, line string) error {
		if line == "1" {
			f.pods = []map[string]any{pod("a", "web"), pod("new", "db")}
		}
		return nil
	}
	_, err := run(t, f, rule.PreExec, spec(sub(app("web"), sh("1")), sub(app("db"), sh("2"))))
	if diff := cmp.Diff([]string{"shop/a/main: 1", "shop/new/main: 2"}, f.calls); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

func TestListsAreAskedAgain(t *testing.T) {
	unavailable := apierrors.NewServiceUnavailable("starting")
	tests := map[string]struct {
		errs []error // of the lists, in order
		fine bool
		took time.Duration
	}{
		"a server that starts":       {errs: []error{unavailable, unavailable}, fine: true, took: 600 * time.Millisecond},
		"a connection refused":       {errs: []error{fmt.Errorf("dial: %w", &refused{syscall.ECONNREFUSED})}, fine: true, took: 200 * time.Millisecond},
		"a server that stays away":   {errs: []error{unavailable, unavailable, unavailable, unavailable, unavailable}, took: 3 * time.Second},
		"what is forbidden stays so": {errs: []error{apierrors.NewForbidden(metav1.SchemeGroupVersion.WithResource("pods").GroupResource(), "", nil)}},
		"a page that has expired":    {errs: []error{nil, &apierrors.StatusError{ErrStatus: metav1.Status{Code: http.StatusGone, Reason: metav1.StatusReasonExpired}}}, fine: true},
	}
	for name, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{pods: []map[string]any{pod("a", "web"), pod("b", "web"), pod("c", "web")}}
			f.listed = func(cluster.ListRequest) error {
				if len(tt.errs) == 0 {
					return nil
				}
				err := tt.errs[0]
				tt.errs = tt.errs[1:]
				return err
			}
			began := time.Now()
			report, err := run(t, f, rule.PreExec, spec(sub(app("web"), sh("x"))))
			if (err == nil) != tt.fine || tt.fine && len(report.SubRules[0].Pods) != 3 || time.Since(began) != tt.took {
				t.Errorf("%s: got %v after %v, %+v", name, err, time.Since(began), report.SubRules)
			}
		})
	}
}

// refused is a network error.
type refused struct{ error }

func (*refused) Timeout() bool   { return false }
func (*refused) Temporary() bool { return true }

func TestOnlyWhatSurelyDidNotBeginIsSentAgain(t *testing.T) {
	dial := fmt.Errorf("%w: %w", cluster.ErrNotStarted, &refused{syscall.ECONNREFUSED})
	tests := map[string]struct {
		err  error
		sent int
	}{
		"the API server away":        {dial, 2},
		"the kubelet away":           {fmt.Errorf("%w: %w", cluster.ErrNotStarted, apierrors.NewInternalError(errors.New("error dialing backend"))), 2},
		"no such program":            {fmt.Errorf("%w: %w", cluster.ErrNotStarted, errors.New("executable file not found")), 1},
		"no such pod":                {fmt.Errorf("%w: %w", cluster.ErrNotStarted, apierrors.NewNotFound(metav1.SchemeGroupVersion.WithResource("pods").GroupResource(), "a")), 1},
		"a connection lost midway":   {cluster.ErrLost, 1},
		"an exit code":               {&cluster.ExitError{Code: 1}, 1},
		"a failure while it was run": {apierrors.NewInternalError(errors.New("on fire")), 1},
	}
	for name, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			sent := 0
			f := &fake{pods: []map[string]any{pod("a", "web")}, exec: func(context.Context, cluster.ExecRequest, string) error {
				if sent++; sent == 1 {
					return tt.err
				}
				return nil
			}}
			_, err := run(t, f, rule.PostExec, spec(sub(app("web"), sh("x"))))
			if sent != tt.sent || (err == nil) != (tt.sent > 1) {
				t.Errorf("%s: sent %d times, got %v", name, sent, err)
			}
		})
	}
}
