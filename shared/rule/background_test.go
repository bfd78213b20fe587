package rule_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
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

// isPreflight tells the exec that asks whether a container can have a background command.
func isPreflight(r cluster.ExecRequest) bool {
	return slices.Contains(r.Command, rule.Preflight)
}

// lock plays a container: it can have background commands, and one of them says that it is ready and ends with its input.
func lock(says string) func(context.Context, cluster.ExecRequest, string) error {
	return func(ctx context.Context, r cluster.ExecRequest, line string) error {
		if isPreflight(r) {
			fmt.Fprintln(r.Stdout, "/dev/shm sh")
			return nil
		}
		if !slices.Contains(r.Command, "hold") {
			return nil
		}
		fmt.Fprint(r.Stdout, says)
		for _, arg := range r.Command {
			if strings.HasPrefix(arg, "salvor: ready ") {
				fmt.Fprint(r.Stderr, "one\n"+arg[:20])
				fmt.Fprint(r.Stderr, arg[20:]+"\ntwo")
			}
		}
		io.Copy(io.Discard, r.Stdin)
		return &cluster.ExitError{Code: 143}
	}
}

func held(line string, b salvor.Background) salvor.Action {
	return salvor.Action{Name: "lock", Shell: line, Background: &b}
}

func freeze(t *testing.T, f *fake, s salvor.RuleSpec) (*rule.Hold, error) {
	t.Helper()
	e := rule.Engine{Cluster: f, Now: time.Now}
	return e.Freeze(t.Context(), rule.Request{Spec: s, Namespaces: []string{"shop"}})
}

func TestBackgroundReady(t *testing.T) {
	tests := map[string]salvor.Action{
		"by a line":      held("x", salvor.Background{ReadyLine: "tables locked"}),
		"by a probe":     held("x", salvor.Background{Ready: &salvor.Probe{Command: []string{"is-locked"}}}),
		"by ${WAIT_CMD}": held("lock; ${WAIT_CMD}; unlock", salvor.Background{}),
	}
	for name, a := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fake{pods: []map[string]any{pod("a", "db"), pod("b", "db")}, exec: lock("starting\n42 tables locked")}
				h, err := freeze(t, f, spec(sub(app("db"), a, sh("after"))))
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				if err := h.Lost(); err != nil {
					t.Errorf("while it is up: %v", err)
				}
				report, err := h.End(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				p := report.SubRules[0].Actions[0].Pods[1]
				if p.ExitCode == nil || *p.ExitCode != 143 || p.Duration.Duration < time.Minute || p.Stdout != "starting\n42 tables locked" || p.Error != "" {
					t.Errorf("got %+v", p)
				}
				if strings.Contains(p.Stderr, "salvor") || a.Background.ReadyLine == "" && a.Background.Ready == nil && p.Stderr != "one\ntwo" {
					t.Errorf("standard error is %q", p.Stderr)
				}
			})
		})
	}
}

func TestWaitCommandIsReplaced(t *testing.T) {
	f := &fake{pods: []map[string]any{pod("a", "db")}, exec: lock("")}
	if _, err := run(t, f, rule.PreExec, spec(sub(app("db"), held("mysql -e 'system ${WAIT_CMD};'", salvor.Background{})))); err != nil {
		t.Fatal(err)
	}
	line := f.calls[len(f.calls)-1]
	if !strings.HasPrefix(line, "shop/a/main: mysql -e 'system /bin/sh /dev/shm/.salvor-") || !strings.HasSuffix(line, ".sh;'") {
		t.Errorf("it ran %q", line)
	}
}

// The end of an input can't be told over every connection: a line more ends the command too.
func TestBackgroundIsToldToEndByALine(t *testing.T) {
	var input string
	f := &fake{pods: []map[string]any{pod("a", "db")}, exec: func(_ context.Context, r cluster.ExecRequest, _ string) error {
		if isPreflight(r) {
			return nil
		}
		fmt.Fprintln(r.Stdout, "locked")
		all, err := io.ReadAll(r.Stdin)
		if input = string(all); !r.StdinStays {
			t.Error("the end of the input has to be told")
		}
		return err
	}}
	a := held("x", salvor.Background{ReadyLine: "locked"})
	a.Stdin = "LOCK;"
	if _, err := run(t, f, rule.PreExec, spec(sub(app("db"), a))); err != nil || input != "LOCK;\nend\n" {
		t.Errorf("got %q, %v", input, err)
	}
}

func TestBackgroundIsRefusedBeforeAnythingRuns(t *testing.T) {
	f := &fake{pods: []map[string]any{pod("a", "web"), pod("b", "db")}, exec: func(_ context.Context, r cluster.ExecRequest, line string) error {
		if isPreflight(r) {
			return fmt.Errorf("%w: /bin/sh: no such file or directory", cluster.ErrNotStarted)
		}
		t.Errorf("ran %q", line)
		return nil
	}}
	var begun bool
	e := rule.Engine{Cluster: f, Now: time.Now}
	h, err := e.Freeze(t.Context(), rule.Request{Spec: spec(sub(app("web"), sh("1")), sub(app("db"), held("x", salvor.Background{ReadyLine: "x"}))), Namespaces: []string{"shop"},
		Begin: func(context.Context, []salvor.PodRef, []salvor.PodRef) error { begun = true; return nil }})
	if !salvor.Is(err, salvor.Invalid) || !strings.Contains(err.Error(), `sub-rule "2", action "lock": pod shop/b, container main: it can't have a background command`) {
		t.Errorf("got %v", err)
	}
	if report, err := h.End(t.Context()); begun || report.Began() || err != nil {
		t.Errorf("something was begun: %+v, %v", report, err)
	}
}

func TestBackgroundFailures(t *testing.T) {
	dies := func(after time.Duration, err error) func(context.Context, cluster.ExecRequest, string) error {
		return func(ctx context.Context, r cluster.ExecRequest, _ string) error {
			if isPreflight(r) {
				return nil
			}
			fmt.Fprintln(r.Stdout, "locked")
			fmt.Fprintln(r.Stderr, "server has gone away")
			time.Sleep(after)
			return err
		}
	}
	a := held("x", salvor.Background{ReadyLine: "locked", Lifetime: metav1.Duration{Duration: 5 * time.Minute}})
	t.Run("one that dies before the cut is noticed", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h, err := freeze(t, &fake{pods: []map[string]any{pod("a", "db")}, exec: dies(time.Minute, &cluster.ExitError{Code: 1})}, spec(sub(app("db"), a)))
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Minute)
			if err := h.Lost(); err == nil || !strings.Contains(err.Error(), "ended before it was told to: command ended with exit code 1: server has gone away") {
				t.Errorf("got %v", err)
			}
			h.End(t.Context())
		})
	})
	t.Run("one that is never ready times out", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h, err := freeze(t, &fake{pods: []map[string]any{pod("a", "db")}, exec: lock("not yet")}, spec(sub(app("db"), a)))
			if !salvor.Is(err, salvor.DeadlineExceeded) || !strings.Contains(err.Error(), "not ready after 1m0s") {
				t.Errorf("got %v", err)
			}
			if _, err := h.End(t.Context()); err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("one past its lifetime holds nothing, though its connection says nothing", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h, err := freeze(t, &fake{pods: []map[string]any{pod("a", "db")}, exec: lock("locked")}, spec(sub(app("db"), a)))
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Minute)
			if err := h.Lost(); err == nil || !strings.Contains(err.Error(), "whole lifetime") {
				t.Errorf("got %v", err)
			}
			h.End(t.Context())
		})
	})
	t.Run("one that does not end says until when it may hold", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			deaf := func(ctx context.Context, r cluster.ExecRequest, line string) error {
				if isPreflight(r) {
					return nil
				}
				fmt.Fprintln(r.Stdout, "locked")
				<-ctx.Done()
				return context.Cause(ctx)
			}
			h, err := freeze(t, &fake{pods: []map[string]any{pod("a", "db")}, exec: deaf}, spec(sub(app("db"), a)))
			if err != nil {
				t.Fatal(err)
			}
			report, err := h.End(t.Context())
			if !salvor.Is(err, salvor.Unavailable) || !strings.Contains(err.Error(), "until 2000-01-01T00:05:00Z") {
				t.Errorf("got %v", err)
			}
			if p := report.SubRules[0].Actions[0].Pods[0]; p.Error == "" || p.ExitCode != nil {
				t.Errorf("got %+v", p)
			}
		})
	})
	t.Run("after the cut there is no place for one", func(t *testing.T) {
		if _, err := run(t, &fake{}, rule.PostExec, spec(sub(app("db"), a))); !salvor.Is(err, salvor.Invalid) {
			t.Errorf("got %v", err)
		}
	})
}

// What was begun is told before it is, and what was not is never thawed.
func TestExactlyWhatWasBegun(t *testing.T) {
	f := &fake{pods: []map[string]any{pod("a", "web"), pod("b", "db"), pod("c", "db"), pod("d", "queue"), pod("e", "other")}}
	var told []string
	f.exec = func(ctx context.Context, r cluster.ExecRequest, line string) error {
		if line == "2" {
			return &cluster.ExitError{Code: 9}
		}
		return nil
	}
	var begun, spared []salvor.PodRef
	e := rule.Engine{Cluster: f, Now: time.Now, Parallel: 1}
	h, err := e.Freeze(t.Context(), rule.Request{Spec: spec(sub(app("web"), sh("1")), sub(app("db"), sh("2")), sub(app("queue"), sh("3"))), Namespaces: []string{"shop"},
		Begin: func(_ context.Context, b, s []salvor.PodRef) error {
			begun, spared = b, s
			told = append(told, fmt.Sprintf("%d begun, %d spared, %d sent", len(b), len(s), len(f.calls)))
			return nil
		}})
	h.End(t.Context())
	if err == nil {
		t.Fatal("it succeeded")
	}
	if diff := cmp.Diff([]string{"1 begun, 3 spared, 0 sent", "3 begun, 1 spared, 1 sent"}, told); diff != "" {
		t.Error(diff)
	}
	f.calls, f.exec = nil, nil
	thaw := rule.Request{Spec: spec(sub(app("web", "db", "queue", "other"), sh("thaw"))), Namespaces: []string{"shop"}, Begun: begun, Spared: spared}
	if _, err := e.Thaw(t.Context(), thaw); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"shop/a/main: thaw", "shop/b/main: thaw", "shop/c/main: thaw", "shop/e/main: thaw"}, f.sorted()); diff != "" {
		t.Error(diff)
	}
	waiting(f.pods[1])
	waiting(f.pods[4])
	report, err := e.Thaw(t.Context(), thaw)
	if !salvor.Is(err, salvor.Unavailable) || !strings.Contains(err.Error(), "shop/b") || len(report.Warnings) != 1 {
		t.Errorf("a pod that may come back frozen is passed over: %v, %v", err, report.Warnings)
	}
}

// Nothing is sent when what is begun can't be written down.
func TestNothingIsBegunUnlessItIsWrittenDown(t *testing.T) {
	f := &fake{pods: []map[string]any{pod("a", "web")}}
	e := rule.Engine{Cluster: f, Now: time.Now}
	away := errors.New("the catalog is away")
	_, err := e.Freeze(t.Context(), rule.Request{Spec: spec(sub(app("web"), sh("1"))), Namespaces: []string{"shop"},
		Begin: func(context.Context, []salvor.PodRef, []salvor.PodRef) error { return away }})
	if !errors.Is(err, away) || len(f.calls) > 0 {
		t.Errorf("got %v, and it ran %q", err, f.calls)
	}
}
