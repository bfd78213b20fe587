package cli_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/rule"
	"salvor.io/salvor/shared/salvor"
)

func TestRuleTestRefuses(t *testing.T) {
	s := newShell(t)
	s.settings()
	two := s.file("two.yaml", freeze+"---\n"+strings.Replace(freeze, "name: freeze", "name: thaw", 1))
	other := s.file("other.yaml", nightly)
	for name, tt := range map[string]struct {
		args string
		code int
		why  string
	}{
		"no namespaces":               {"rule test freeze", 2, "pass -n"},
		"an empty pattern":            {"rule test freeze -n ,", 2, "there is no pattern in it"},
		"no rule":                     {"rule test -n shop", 2, "salvor get rules lists them"},
		"a rule that is not there":    {"rule test melt -n shop", 3, `there is no rule "melt"; salvor get rules lists them`},
		"a post rule not there":       {"rule test -f " + s.file("one.yaml", freeze) + " --post-exec melt -n shop", 3, `there is no rule "melt"`},
		"one of two in a file":        {"rule test -f " + two + " -n shop", 2, "which of the rules freeze, thaw?; name it"},
		"a file of something else":    {"rule test -f " + other + " -n shop", 2, "backupschedule/nightly is no rule"},
		"a freeze of days":            {"rule test -f " + two + " freeze -n shop --max-freeze 48h", 2, "must be at most 1h0m0s"},
		"a scope that is none":        {"rule test -f " + two + " freeze -n shop --rule-scope Pod", 2, "spec.ruleScope"},
		"-o name":                     {"rule test freeze -n shop -o name", 2, "choose of table, json, yaml"},
		"a cluster that is away":      {"rule test -f " + two + " freeze -n shop", 8, "connection refused"},
		"with --post-exec, the other": {"rule test -f " + two + " --post-exec thaw -n shop", 8, "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &shell{t: t, dir: s.dir, now: s.now, env: s.env}
			if r := s.run(strings.Fields(tt.args)...); r.code != tt.code || !strings.Contains(r.stderr, tt.why) {
				t.Errorf("ended with %d: %s%s", r.code, r.stdout, r.stderr)
			}
		})
	}
}

func (s *shell) change(b *salvor.Backup, change func(*salvor.BackupStatus)) {
	s.t.Helper()
	changed, err := catalog.MutateBackup(s.t.Context(), s.home().Catalog, b.ID(), func(b *salvor.Backup) error { change(&b.Status); return nil })
	if err != nil {
		s.t.Fatal(err)
	}
	*b = *changed
}

// ran stores a report of rules with a backup.
func (s *shell) ran(b *salvor.Backup, rules ...backup.RuleReport) {
	s.t.Helper()
	data, err := json.Marshal(backup.Report{Backup: b.Name, Cluster: "prod", Rules: rules})
	if err != nil {
		s.t.Fatal(err)
	}
	repo, err := s.home().Repository(s.t.Context(), "disk", "prod")
	if err != nil {
		s.t.Fatal(err)
	}
	if err := repo.Claim(s.t.Context(), s.home().ID); err != nil {
		s.t.Fatal(err)
	}
	if _, err := repo.PutReport(s.t.Context(), b.Name, archive.ReportName(b.Status.Lease.Epoch), data); err != nil {
		s.t.Fatal(err)
	}
}

func TestDescribeShowsWhatRulesDid(t *testing.T) {
	s := newShell(t)
	s.settings()
	b := s.seed("b1", noon, salvor.PhaseFailed, func(b *salvor.Backup) {
		b.Spec.PreExecRule = "freeze"
		b.Status.FrozenFor.Duration = 1234 * time.Millisecond
	})
	if r := s.run("describe", "backup", "b1"); r.code != 0 || !strings.Contains(r.stderr, "what its rules did can't be shown") {
		t.Errorf("without a report it ended with %d: %s", r.code, r.stderr)
	}
	code, started := 3, metav1.NewMicroTime(noon)
	long := strings.Repeat("line\n", 30) + "the last one\n"
	s.ran(b, backup.RuleReport{Phase: rule.PreExec, Report: rule.Report{SubRules: []rule.SubRuleReport{
		{Name: "db", Actions: []rule.ActionReport{{Name: "lock", Pods: []rule.PodResult{
			{Namespace: "shop", Pod: "db-0", Container: "mysqld", ExitCode: new(int), StartedAt: started, Duration: metav1.Duration{Duration: 1500 * time.Millisecond},
				ReadyAfter: metav1.Duration{Duration: 200 * time.Millisecond}, Stdout: long, StdoutBytes: int64(len(long))},
			{Namespace: "shop", Pod: "db-1", Container: "mysqld", ExitCode: &code, StartedAt: started, Duration: metav1.Duration{Duration: 20 * time.Millisecond}, Attempts: 2,
				Stderr: "access denied\n", StderrBytes: 14, Error: "pod shop/db-1, container mysqld: exit code 3: access denied"},
		}}}},
		{Name: "web", Error: "choosing pods: forbidden"},
	}}}, backup.RuleReport{Phase: rule.PostExec, Report: rule.Report{SubRules: []rule.SubRuleReport{
		{Name: "go on", Actions: []rule.ActionReport{{Name: "1", Pods: []rule.PodResult{{Namespace: "shop", Pod: "db-0", Container: "mysqld", Error: "not run: canceled"}}}}}}}})
	s.change(b, func(s *salvor.BackupStatus) { s.Lease.Epoch = 3 }) // two attempts to pay the thaw, the last one reported
	s.ran(b, backup.RuleReport{Phase: rule.PostExec, Report: rule.Report{SubRules: []rule.SubRuleReport{
		{Name: "paid", Actions: []rule.ActionReport{{Name: "1", Pods: []rule.PodResult{{Namespace: "shop", Pod: "db-0", Container: "mysqld", ExitCode: new(int), StartedAt: started}}}}}}}})
	got := s.must("describe", "backup", "b1")
	for _, want := range []string{
		"frozen   1.23s, and thawed",
		"pre-exec    db         lock     shop/db-0   mysqld      0      1.5s, ready after 200ms   ready, and ended when it was told to\n",
		"pre-exec    db         lock     shop/db-1   mysqld      3      20ms                      pod shop/db-1, container mysqld: exit code 3: access denied\n",
		"pre-exec    web        -        -           -           -      -                         choosing pods: forbidden\n",
		"post-exec   go on      1        shop/db-0   mysqld      -      -                         not run: canceled\npost-exec   paid       1        shop/db-0   mysqld      0      0s                        ok\n",
		"pre-exec db lock shop/db-0, stdout (the end of 163 B):\n    line\n",
		"    the last one\n",
		"pre-exec db lock shop/db-1, stderr:\n    access denied\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	if n := strings.Count(got, "    line\n"); n != 9 {
		t.Errorf("%d lines before the last one are shown", n)
	}
}
