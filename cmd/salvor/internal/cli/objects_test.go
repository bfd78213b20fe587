package cli_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGetPrintsEachKind(t *testing.T) {
	s := newShell(t)
	location := s.settings()
	s.stdin = freeze + "---\n" + nightly
	s.must("apply", "-f", "-")
	for kind, want := range map[string]string{
		"clusters":    "NAME   ID     REACHED BY                                VERSION   AGE\nprod   prod   context dead of " + s.dir + "/kubeconfig   -         0s\n",
		"bl":          "NAME   WHERE     AGE\ndisk   " + location + "   0s\n",
		"rule":        "NAME     SUB-RULES   ACTIONS   AGE\nfreeze   1           1         0s\n",
		"policies":    "NAME    WHEN             ZONE            KEEPS        AGE\ndaily   every day at 02:00   Europe/Berlin   everything   0s\n",
		"schedules":   "NAME      POLICY   CLUSTER   LOCATION   NAMESPACES   SUSPENDED   AGE\nnightly   daily    prod      disk       shop         false       0s\n",
		"rule -owide": "NAME     SUB-RULES   ACTIONS   AGE   REQUESTED BY   LABELS\nfreeze   1           1         0s    ada@example    -\n",
	} {
		got := s.must(append([]string{"get"}, strings.Fields(kind)...)...)
		if diff := cmp.Diff(squeeze(want), squeeze(got)); diff != "" {
			t.Errorf("get %s: -want +got\n%s", kind, diff)
		}
	}
	if r := s.run("get", "restores"); r.code != 0 || r.stdout != "" || r.stderr != "there are no restores\n" {
		t.Errorf("of none it says %q %q and ends with %d", r.stdout, r.stderr, r.code)
	}
}

// squeeze makes the width of columns, which depends on paths, not matter.
func squeeze(table string) string {
	var lines []string
	for line := range strings.Lines(table) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n")
}

func TestGetSelectsByLabel(t *testing.T) {
	s := newShell(t)
	s.stdin = freeze + "---\n" + strings.NewReplacer("name: freeze", "name: thaw\n  labels: {step: after}").Replace(freeze)
	s.must("apply", "-f", "-")
	for selector, want := range map[string]string{
		"step=after": "rule/thaw\n", "step!=after": "rule/freeze\n", "": "rule/freeze\nrule/thaw\n", "step in (before,after)": "rule/thaw\n",
	} {
		if got := s.must("get", "rules", "-l", selector, "-o", "name"); got != want {
			t.Errorf("-l %q selects %q, want %q", selector, got, want)
		}
	}
	if r := s.run("get", "rules", "-l", "a=(b"); r.code != 2 {
		t.Errorf("a wrong selector ended with %d", r.code)
	}
	var items struct{ Items []map[string]any }
	if err := json.Unmarshal([]byte(s.must("get", "rules", "-o", "json")), &items); err != nil || len(items.Items) != 2 {
		t.Errorf("JSON of two rules has %d: %v", len(items.Items), err)
	}
	var one map[string]any
	if err := json.Unmarshal([]byte(s.must("get", "rule", "thaw", "-o", "json")), &one); err != nil || one["kind"] != "Rule" {
		t.Errorf("JSON of one rule is %v: %v", one["kind"], err)
	}
}

func TestDescribe(t *testing.T) {
	s := newShell(t)
	s.settings()
	s.stdin = freeze + "---\n" + nightly
	s.must("apply", "-f", "-")
	got := s.must("describe", "schedule", "nightly")
	for _, want := range []string{
		"name           backupschedule/nightly", "requested by   ada@example", "policy: daily",
		"2026-11-23 02:00:00 CET", // the next run, in the user's zone
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	s.stored("b1", noon)
	got = s.must("describe", "backup", "prod/b1")
	for _, want := range []string{"backup/prod/b1 Completed in about 3s", "3 objects of 1 kind in 1 namespace: shop",
		"cut          2026-11-22 13:00:00 CET, revision 7", "salvor verify prod/b1"} {
		if !strings.Contains(squeeze(got), squeeze(want)) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	for args, code := range map[string]int{
		"describe backup nope": 3, "describe rule freeze --report": 2, "describe backup b1 --outcomes": 2, "describe thing x": 2,
		"describe backup b1 --report": 3, "describe rule": 2,
	} {
		if r := s.run(strings.Fields(args)...); r.code != code {
			t.Errorf("%s ended with %d, want %d: %s", args, r.code, code, r.stderr)
		}
	}
}

func TestDelete(t *testing.T) {
	s := newShell(t)
	s.settings()
	s.stdin = freeze + "---\n" + nightly
	s.must("apply", "-f", "-")
	for _, used := range []string{"rule freeze", "cluster prod", "location disk", "policy daily"} {
		if r := s.run(append([]string{"delete"}, strings.Fields(used)...)...); r.code != 4 || !strings.Contains(r.stderr, "nightly") {
			t.Errorf("deleting the %s of a schedule ended with %d: %s", used, r.code, r.stderr)
		}
	}
	for _, step := range []struct{ args, want string }{
		{"delete cluster prod --force", "cluster/prod deleted\n"},
		{"delete schedule nightly", "backupschedule/nightly deleted\n"},
		{"delete rule freeze", "rule/freeze deleted\n"},
	} {
		if got := s.must(strings.Fields(step.args)...); got != step.want {
			t.Errorf("%s says %q", step.args, got)
		}
	}
	if r := s.run("delete", "rule", "freeze"); r.code != 3 {
		t.Errorf("deleting what is gone ended with %d: %s", r.code, r.stderr)
	}
}
