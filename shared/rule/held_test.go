package rule_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
)

// What a background command has to do at the end may fail: the cut stands, and the report says so.
func TestBackgroundThatEndsBadly(t *testing.T) {
	for code, warned := range map[int]bool{0: false, 1: true, 3: true, 137: false, 143: false} {
		f := &fake{pods: []map[string]any{pod("a", "db")}, exec: func(ctx context.Context, r cluster.ExecRequest, line string) error {
			lock("locked\n")(ctx, r, line)
			if isPreflight(r) || code == 0 {
				return nil
			}
			fmt.Fprintln(r.Stderr, "NOTICE: stopping\nERROR: backup is not in progress")
			return &cluster.ExitError{Code: code}
		}}
		h, err := freeze(t, f, spec(sub(app("db"), held("x", salvor.Background{ReadyLine: "locked"}))))
		if err != nil {
			t.Fatal(err)
		}
		report, err := h.End(t.Context())
		p := report.SubRules[0].Actions[0].Pods[0]
		if err != nil || p.ExitCode == nil || *p.ExitCode != code || (p.Error != "") != warned {
			t.Errorf("code %d: got %v, %+v", code, err, p)
		}
		said := strings.Join(report.Warnings, "\n")
		if warned != (said != "") || warned && (!strings.Contains(said, "pod shop/a, container main") || !strings.Contains(said, "backup is not in progress")) {
			t.Errorf("code %d: warned of %q", code, said)
		}
	}
}
