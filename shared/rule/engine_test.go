package rule_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/rule"
	"salvor.io/salvor/shared/salvor"
)

func TestOrder(t *testing.T) {
	f := &fake{pods: []map[string]any{pod("a", "web"), pod("b", "db")}}
	_, err := run(t, f, rule.PreExec, spec(sub(app("db"), sh("1"), sh("2")), sub(app("web"), sh("3"))))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"shop/b/main: 1", "shop/b/main: 2", "shop/a/main: 3"}, f.calls); diff != "" {
		t.Error(diff)
	}
}

func TestOnlyNamespacesOfTheBackup(t *testing.T) {
	elsewhere := set("metadata", "namespace", "elsewhere")
	f := &fake{pods: []map[string]any{pod("a", "web"), pod("b", "web", elsewhere), pod("c", "web", set("metadata", "namespace", "more"))}}
	e := rule.Engine{Cluster: f, Now: time.Now}
	s := spec(sub(app("web"), sh("x")))
	if _, err := e.Run(t.Context(), s, []string{"shop", "more", "shop"}, rule.PreExec); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"more/c/main: x", "shop/a/main: x"}, f.sorted()); diff != "" {
		t.Error(diff)
	}
	for _, ns := range f.lists {
		if ns != "shop" && ns != "more" {
			t.Errorf("namespace %q was listed", ns)
		}
	}
	f.calls, f.lists = nil, nil
	for _, namespaces := range [][]string{nil, {""}, {"shop", ""}} {
		if _, err := e.Run(t.Context(), s, namespaces, rule.PostExec); (len(namespaces) > 0) != salvor.Is(err, salvor.Invalid) {
			t.Errorf("%q: got %v", namespaces, err)
		}
	}
	if len(f.calls)+len(f.lists) > 0 {
		t.Errorf("without namespaces: listed %q, ran %q", f.lists, f.calls)
	}
}

func TestParallelIsBounded(t *testing.T) {
	for _, limit := range []int{0, 1, 3} {
		synctest.Test(t, func(t *testing.T) {
			var now, most atomic.Int32
			f := &fake{exec: func(context.Context, cluster.ExecRequest, string) error {
				if n := now.Add(1); n > most.Load() {
					most.Store(n)
				}
				time.Sleep(time.Second)
				now.Add(-1)
				return nil
			}}
			for _, name := range strings.Split("abcdefghijklmnopqrstuvwxyz", "") {
				f.pods = append(f.pods, pod(name, "web"))
			}
			e := rule.Engine{Cluster: f, Now: time.Now, Parallel: limit}
			began := time.Now()
			if _, err := e.Run(t.Context(), spec(sub(app("web"), sh("x"))), []string{"shop"}, rule.PreExec); err != nil {
				t.Fatal(err)
			}
			want := limit
			if want == 0 {
				want = rule.DefaultParallel
			}
			rounds := time.Duration((26+want-1)/want) * time.Second
			if took := time.Since(began); int(most.Load()) != want || took != rounds {
				t.Errorf("limit %d: %d at once, %v", limit, most.Load(), took)
			}
		})
	}
}

// failing fails in these pods.
func failing(pods ...string) func(context.Context, cluster.ExecRequest, string) error {
	return func(_ context.Context, r cluster.ExecRequest, line string) error {
		for _, p := range pods {
			if r.Pod == p {
				r.Stderr.Write([]byte("tables are locked\n"))
				return &cluster.ExitError{Code: 3}
			}
		}
		return nil
	}
}

func TestPreExecStopsAtTheFirstFailure(t *testing.T) {
	f := &fake{pods: []map[string]any{pod("a", "web"), pod("b", "web"), pod("c", "db")}, exec: failing("a")}
	e := rule.Engine{Cluster: f, Now: time.Now, Parallel: 1}
	report, err := e.Run(t.Context(), spec(sub(app("web"), sh("1"), sh("2")), sub(app("db"), sh("3"))), []string{"shop"}, rule.PreExec)
	want := `sub-rule "1", action "1": pod shop/a, container main: command ended with exit code 3: tables are locked`
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	if exit := (*cluster.ExitError)(nil); !errors.As(err, &exit) || exit.Code != 3 {
		t.Errorf("the code is lost: %v", err)
	}
	if diff := cmp.Diff([]string{"shop/a/main: 1"}, f.calls); diff != "" {
		t.Error(diff)
	}
	pods := report.SubRules[0].Actions[0].Pods
	if len(report.SubRules) != 1 || *pods[0].ExitCode != 3 || pods[0].Stderr != "tables are locked\n" || !pods[1].StartedAt.IsZero() || pods[1].Error == "" {
		t.Errorf("got %+v", report)
	}
	if !report.Began() {
		t.Error("something was begun")
	}
}

func TestContinueGoesOnAndSaysSo(t *testing.T) {
	f := &fake{pods: []map[string]any{pod("a", "web"), pod("b", "web")}, exec: failing("a")}
	passed := spec(sub(app("web"), salvor.Action{Shell: "1", OnError: salvor.OnErrorContinue}, salvor.Action{Shell: "2", OnError: salvor.OnErrorContinue}))
	report, err := run(t, f, rule.PreExec, passed)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"shop/a/main: 1", "shop/a/main: 2", "shop/b/main: 1", "shop/b/main: 2"}, f.sorted()); diff != "" {
		t.Error(diff)
	}
	if len(report.Warnings) != 2 || !strings.Contains(report.Warnings[0], "shop/a") {
		t.Errorf("got %q", report.Warnings)
	}
	e := rule.Engine{Cluster: f, Now: time.Now}
	h, err := e.Freeze(t.Context(), rule.Request{Spec: passed, Namespaces: []string{"shop"}})
	if failed := h.Failed(); err != nil || len(failed) != 1 || failed[0] != "shop" {
		t.Errorf("it says that not all is held in %q, %v", failed, err)
	}
	_, _ = h.End(t.Context())
}

func TestPostExecGivesEveryTargetItsTurn(t *testing.T) {
	f := &fake{pods: []map[string]any{pod("a", "web"), pod("b", "web"), pod("c", "db"), pod("d", "db", containers("x", "y"))}, exec: failing("a")}
	_, err := run(t, f, rule.PostExec, spec(sub(app("web"), sh("1"), sh("2")), sub(app("db"), sh("3")), sub(app("web"), sh("4"))))
	want := []string{"shop/a/main: 1", "shop/a/main: 4", "shop/b/main: 1", "shop/b/main: 2", "shop/b/main: 4", "shop/c/main: 3"}
	if diff := cmp.Diff(want, f.sorted()); diff != "" {
		t.Error(diff)
	}
	for _, says := range []string{"pod shop/a, container main: command ended with exit code 3", "pod shop/d: the action has to name a container; it has x, y"} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v does not say %s", err, says)
		}
	}
}

func TestPreExecRefusesBeforeTheFirstCommand(t *testing.T) {
	f := &fake{pods: []map[string]any{pod("a", "web"), pod("b", "db"), pod("c", "db")}}
	report, err := run(t, f, rule.PreExec, spec(sub(app("web"), sh("1")), sub(app("db"), salvor.Action{Shell: "2", Container: "mian"})))
	want := `sub-rule "2", action "1": pod shop/b: there is no container "mian"; it has main (and in 1 more pods)`
	if !salvor.Is(err, salvor.Invalid) || err.Error() != want {
		t.Errorf("got %v", err)
	}
	if len(f.calls) > 0 || report.Began() {
		t.Errorf("ran %q", f.calls)
	}
}

func TestTimeout(t *testing.T) {
	for what, a := range map[string]salvor.Action{"the command may go on": {Command: []string{"x"}}, "was told to end": {Shell: "x"}} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{pods: []map[string]any{pod("a", "web")}, exec: func(ctx context.Context, r cluster.ExecRequest, _ string) error {
				<-ctx.Done()
				return context.Cause(ctx)
			}}
			report, err := run(t, f, rule.PreExec, spec(sub(app("web"), a)))
			if !salvor.Is(err, salvor.DeadlineExceeded) || !strings.Contains(err.Error(), "timed out after 1m0s") || !strings.Contains(err.Error(), what) {
				t.Errorf("got %v", err)
			}
			p := report.SubRules[0].Actions[0].Pods[0]
			if p.ExitCode != nil || p.Duration.Duration != time.Minute {
				t.Errorf("got %+v", p)
			}
		})
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f := &fake{pods: []map[string]any{pod("a", "web"), pod("b", "web")}, exec: func(ctx context.Context, r cluster.ExecRequest, _ string) error {
		cancel()
		<-ctx.Done()
		return context.Cause(ctx)
	}}
	e := rule.Engine{Cluster: f, Now: time.Now, Parallel: 1}
	for _, phase := range []string{rule.PreExec, rule.PostExec} {
		report, err := e.Run(ctx, spec(sub(app("web"), sh("1"), sh("2")), sub(app("web"), sh("3"))), []string{"shop"}, phase)
		if !salvor.Is(err, salvor.Canceled) {
			t.Errorf("%s: got %v", phase, err)
		}
		if phase == rule.PreExec && len(report.SubRules[0].Actions) != 1 {
			t.Errorf("%s: got %+v", phase, report)
		}
	}
	if diff := cmp.Diff([]string{"shop/a/main: 1"}, f.calls); diff != "" {
		t.Error(diff)
	}
}

func TestOutputIsBoundedAndMasked(t *testing.T) {
	f := &fake{pods: []map[string]any{pod("a", "web")}, exec: func(_ context.Context, r cluster.ExecRequest, _ string) error {
		for range 8 << 10 {
			r.Stdout.Write([]byte(strings.Repeat("x", 1023) + "\n"))
		}
		r.Stdout.Write([]byte("password=hunter2\n\xff"))
		r.Stderr.Write([]byte("using token: abc123"))
		return errors.New(`no program "mysql -phunter2"`)
	}}
	report, err := run(t, f, rule.PreExec, spec(sub(app("web"), sh("x"))))
	p := report.SubRules[0].Actions[0].Pods[0]
	if len(p.Stdout) > rule.TailBytes || p.StdoutBytes != 8<<20+18 || !strings.HasSuffix(p.Stdout, "x\npassword=[masked]\n\uFFFD") || p.Stdout[0] != 'x' {
		t.Errorf("got %d bytes ending in %q, of %d", len(p.Stdout), p.Stdout[len(p.Stdout)-40:], p.StdoutBytes)
	}
	all, _ := json.Marshal(report)
	for _, s := range []string{string(all), err.Error()} {
		if strings.Contains(s, "hunter2") || strings.Contains(s, "abc123") {
			t.Errorf("a credential is in %s", s)
		}
	}
}

func TestReportAsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // its clock begins in 2000
		f := &fake{pods: []map[string]any{pod("a", "web")}, exec: func(_ context.Context, r cluster.ExecRequest, _ string) error {
			time.Sleep(1500 * time.Millisecond)
			r.Stdout.Write([]byte("frozen"))
			return nil
		}}
		s := spec(sub(app("web"), sh("x")), sub(app("nothing"), sh("y")))
		s.SubRules[0].Name = "freeze"
		report, err := run(t, f, rule.PreExec, s)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := json.Marshal(report)
		want := `{"startedAt":"2000-01-01T00:00:00.000000Z","endedAt":"2000-01-01T00:00:01.500000Z","subRules":[` +
			`{"name":"freeze","pods":["shop/a"],"actions":[{"name":"1","pods":[{"namespace":"shop","pod":"a","uid":"uid-a","container":"main","exitCode":0,` +
			`"stdout":"frozen","stdoutBytes":6,"startedAt":"2000-01-01T00:00:00.000000Z","duration":"1.5s"}],` +
			`"startedAt":"2000-01-01T00:00:00.000000Z","duration":"1.5s"}],"startedAt":"2000-01-01T00:00:00.000000Z","duration":"1.5s"},` +
			`{"name":"2","startedAt":"2000-01-01T00:00:01.500000Z"}],` +
			`"warnings":["sub-rule \"2\": its selectors choose no running pod"]}`
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestWrongRules(t *testing.T) {
	f := &fake{pods: []map[string]any{pod("a", "web")}}
	if _, err := run(t, f, "during", spec(sub(app("web"), sh("x")))); !salvor.Is(err, salvor.Invalid) {
		t.Errorf("unknown phase: got %v", err)
	}
	for _, a := range []salvor.Action{{}, {Shell: "x", Command: []string{"y"}}} {
		if _, err := run(t, f, rule.PostExec, spec(sub(app("web"), a))); !salvor.Is(err, salvor.Invalid) {
			t.Errorf("%+v: got %v", a, err)
		}
	}
	if len(f.calls) > 0 {
		t.Errorf("ran %q", f.calls)
	}
}

// The guard of a shell line takes the end of its input for the end of the connection.
func TestInputOfAShellStaysOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ended atomic.Bool
		f := &fake{pods: []map[string]any{pod("a", "web")}, exec: func(_ context.Context, r cluster.ExecRequest, line string) error {
			if line != "x" {
				if r.Stdin != nil {
					t.Error("an argv has an input")
				}
				return nil
			}
			go func() {
				io.Copy(io.Discard, r.Stdin)
				ended.Store(true)
			}()
			time.Sleep(time.Second)
			if ended.Load() {
				t.Error("the input ended while the command ran")
			}
			return nil
		}}
		if _, err := run(t, f, rule.PreExec, spec(sub(app("web"), sh("x"), salvor.Action{Command: []string{"y"}}))); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if !ended.Load() {
			t.Error("the input never ends: whoever reads it is left behind")
		}
	})
}
