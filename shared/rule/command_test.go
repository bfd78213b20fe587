package rule_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/rule"
	"salvor.io/salvor/shared/salvor"
)

func TestRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var at []string
		f := &fake{pods: []map[string]any{pod("a", "web")}, exec: func(context.Context, cluster.ExecRequest, string) error {
			at = append(at, time.Since(began).String())
			if len(at) < 4 {
				return &cluster.ExitError{Code: len(at)}
			}
			return nil
		}}
		report, err := run(t, f, rule.PreExec, spec(sub(app("web"), salvor.Action{Shell: "x", Retries: 5})))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"0s", "1s", "3s", "7s"}, at); diff != "" {
			t.Error(diff)
		}
		if p := report.SubRules[0].Actions[0].Pods[0]; p.Attempts != 4 || *p.ExitCode != 0 || p.Error != "" {
			t.Errorf("got %+v", p)
		}
		at = nil
		_, err = run(t, f, rule.PreExec, spec(sub(app("web"), salvor.Action{Shell: "x", Retries: 2})))
		if err == nil || !strings.Contains(err.Error(), "exit code 3") || len(at) != 3 {
			t.Errorf("after two retries: %v, %d runs", err, len(at))
		}
	})
}

func TestInputAndVariables(t *testing.T) {
	env := []salvor.EnvVar{{Name: "PGUSER", Value: "it's me"}, {Name: "PGPASSWORD", Value: "opensesame"}}
	f := &fake{pods: []map[string]any{pod("a", "web")}, exec: func(_ context.Context, r cluster.ExecRequest, line string) error {
		in := bufio.NewReader(r.Stdin)
		if said, err := in.ReadString('\n'); said != "select 1;\n" {
			t.Errorf("the input is %q, %v", said, err)
		}
		if r.Command[0] != "/bin/sh" {
			if _, err := in.ReadByte(); err != io.EOF {
				t.Errorf("the input of an argv goes on: %v", err)
			}
		}
		fmt.Fprintln(r.Stdout, "connected with opensesame")
		return nil
	}}
	report, err := run(t, f, rule.PreExec, spec(sub(app("web"),
		salvor.Action{Shell: "psql", Stdin: "select 1;", Env: env}, salvor.Action{Command: []string{"psql", "-x"}, Stdin: "select 1;", Env: env})))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`shop/a/main: export PGUSER='it'\''s me'; export PGPASSWORD='opensesame'; psql`, `shop/a/main: [env PGUSER=it's me PGPASSWORD=opensesame psql -x]`}
	if diff := cmp.Diff(want, f.calls); diff != "" {
		t.Error(diff)
	}
	if all, _ := json.Marshal(report); strings.Contains(string(all), "opensesame") {
		t.Errorf("a credential is in %s", all)
	}
}
