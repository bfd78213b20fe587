package cli_test

import (
	"encoding/json"
	"strings"
	"testing"
)

const freeze = `apiVersion: salvor.io/v1
kind: Rule
metadata:
  name: freeze
spec:
  subRules:
  - podSelectors: [{matchLabels: {app: db}}]
    actions: [{shell: sync}]
`

const nightly = `apiVersion: salvor.io/v1
kind: BackupSchedule
metadata: {name: nightly}
spec:
  policy: daily
  template:
    spec: {cluster: prod, location: disk, scope: {namespaces: [shop]}, preExecRule: freeze}
---
apiVersion: salvor.io/v1
kind: SchedulePolicy
metadata: {name: daily}
spec: {daily: {times: ["02:00"]}, timeZone: Europe/Berlin}
`

func TestApplySaysWhatItDid(t *testing.T) {
	s := newShell(t)
	path := s.file("freeze.yaml", freeze)
	for _, step := range []struct{ content, want string }{
		{freeze, "rule/freeze created\n"},
		{freeze, "rule/freeze unchanged\n"},
		{strings.Replace(freeze, "sync", "sync -f /data", 1), "rule/freeze configured\n"},
	} {
		s.file("freeze.yaml", step.content)
		if got := s.must("apply", "-f", path); got != step.want {
			t.Errorf("apply says %q, want %q", got, step.want)
		}
	}
	got := s.must("get", "rule", "freeze", "-o", "yaml")
	if !strings.Contains(got, "shell: sync -f /data") || !strings.Contains(got, "requestedBy: ada@example") {
		t.Errorf("the rule is not the last one applied by its first owner:\n%s", got)
	}
}

// However many of several documents could be stored, a list of them is printed.
func TestApplyPrintsAListOfSeveral(t *testing.T) {
	s := newShell(t)
	s.stdin = freeze
	s.must("apply", "-f", "-")
	s.stdin = strings.Replace(freeze, "name: freeze", "name: freeze\n  resourceVersion: outdated", 1) + "---\n" + strings.Replace(freeze, "name: freeze", "name: thaw", 1)
	r := s.run("apply", "-f", "-", "-o", "json")
	var printed struct{ Items []any }
	if err := json.Unmarshal([]byte(r.stdout), &printed); err != nil || r.code != 4 || len(printed.Items) != 1 {
		t.Errorf("ended with %d, %v: %s%s", r.code, err, r.stdout, r.stderr)
	}
}

// What was printed can be applied again, unless somebody changed it in between.
func TestApplyTakesWhatGetPrints(t *testing.T) {
	s := newShell(t)
	s.stdin = freeze
	s.must("apply", "-f", "-")
	printed := s.must("get", "rules", "-o", "yaml")
	s.stdin = printed
	if got := s.must("apply", "-f", "-"); got != "rule/freeze unchanged\n" {
		t.Errorf("applying what get printed says %q", got)
	}
	s.stdin = strings.Replace(freeze, "sync", "echo", 1)
	s.must("apply", "-f", "-")
	s.stdin = printed
	if r := s.run("apply", "-f", "-"); r.code != 4 {
		t.Errorf("applying an outdated document ended with %d: %s", r.code, r.stderr)
	}
}

func TestApplyListsAllMistakesAndChangesNothing(t *testing.T) {
	s := newShell(t)
	dir := s.dir + "/docs"
	s.file("docs/1.yaml", freeze)
	s.file("docs/2.yaml", strings.Replace(freeze, "actions", "actoins", 1))
	s.file("docs/3.json", `{"apiVersion":"salvor.io/v1","kind":"Cluster","metadata":{"name":"Not A Name"},"spec":{}}`)
	s.file("docs/notes.txt", "not a document")
	r := s.run("apply", "-f", dir)
	if r.code != 2 || r.stdout != "" {
		t.Errorf("ended with %d and printed %q", r.code, r.stdout)
	}
	for _, want := range []string{"2.yaml:8", "actoins", "3.json", "metadata.name", "spec", "actions: Required", "5 mistakes; nothing was changed"} {
		if !strings.Contains(r.stderr, want) {
			t.Errorf("%q is not named in\n%s", want, r.stderr)
		}
	}
	if got := s.must("get", "rules", "-o", "name"); got != "" {
		t.Errorf("these were stored all the same: %s", got)
	}
}

func TestApplyWarnsOfWhatIsNotThere(t *testing.T) {
	s := newShell(t)
	s.stdin = nightly
	r := s.run("apply", "-f", "-")
	if want := "schedulepolicy/daily created\nbackupschedule/nightly created\n"; r.stdout != want || r.code != 0 {
		t.Errorf("ended with %d and said %q, want %q: what is referred to first", r.code, r.stdout, want)
	}
	for _, missing := range []string{`Cluster "prod"`, `BackupLocation "disk"`, `Rule "freeze"`} {
		if !strings.Contains(r.stderr, missing) {
			t.Errorf("nothing says that there is no %s:\n%s", missing, r.stderr)
		}
	}
	if strings.Contains(r.stderr, "daily") {
		t.Errorf("the policy is there and still missed:\n%s", r.stderr)
	}
}

func TestApplyRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		doc, why string
		code     int
	}{
		"a backup, which is work": {`{"apiVersion":"salvor.io/v1","kind":"Backup","metadata":{"name":"b"},"spec":{"cluster":"c","location":"l","scope":{"namespaces":["n"]}}}`,
			"backup/b is work to run, not a setting; nothing was changed; run it with salvor backup create -f", 2},
		"a restore, which is work": {`{"apiVersion":"salvor.io/v1","kind":"Restore","metadata":{"name":"r"},"spec":{"sourceCluster":"c","backup":"b","targetCluster":"c"}}`,
			"salvor restore -f", 2},
		"another id for a cluster": {`{"apiVersion":"salvor.io/v1","kind":"Cluster","metadata":{"name":"prod"},"spec":{"id":"other","kubeconfig":{}}}`,
			"stored under it", 4},
		"an empty document": {"---\n", "no documents", 2},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShell(t)
			s.settings()
			s.stdin = c.doc
			if r := s.run("apply", "-f", "-"); r.code != c.code || !strings.Contains(r.stderr, c.why) {
				t.Errorf("ended with %d: %s", r.code, r.stderr)
			}
		})
	}
	s := newShell(t)
	if r := s.run("apply"); r.code != 2 {
		t.Errorf("without a file it ended with %d", r.code)
	}
	if r := s.run("apply", "-f", s.dir+"/missing.yaml"); r.code != 3 {
		t.Errorf("with a missing file it ended with %d", r.code)
	}
}

func TestApplyRefusesTheSameObjectFromTwoFiles(t *testing.T) {
	s := newShell(t)
	s.file("docs/1.yaml", freeze)
	second := s.file("docs/2.yaml", freeze)
	r := s.run("apply", "-f", s.dir+"/docs")
	if r.code != 2 || !strings.Contains(r.stderr, second+": rule/freeze: stands in ") {
		t.Errorf("ended with %d: %s", r.code, r.stderr)
	}
}

const storkRule = `apiVersion: stork.libopenstorage.org/v1alpha1
kind: Rule
metadata: {name: hold, namespace: shop}
rules:
- podSelector: {app: mysql}
  container: mysqld
  actions:
  - {type: command, background: true, value: "mysql -e 'flush tables with read lock; system ${WAIT_CMD};'"}
`

func TestApplyTakesRulesOfStork(t *testing.T) {
	s := newShell(t)
	path := s.file("hold.yaml", storkRule)
	r := s.run("apply", "-f", path)
	if r.code != 0 || r.stdout != "rule/hold created\n" {
		t.Errorf("ended with %d: %s%s", r.code, r.stdout, r.stderr)
	}
	for _, want := range []string{
		"salvor: note: " + path + ":8: Rule/hold: rules[0].actions[0].background: has to be ready within 60s",
		"salvor: note: rules of Stork run here with differences",
	} {
		if strings.Count(r.stderr, want) != 1 {
			t.Errorf("%q is not said once in\n%s", want, r.stderr)
		}
	}
	if got := s.must("apply", "-f", path); got != "rule/hold unchanged\n" {
		t.Errorf("once more it says %q", got)
	}
	printed := s.must("get", "rule", "hold", "-o", "yaml")
	if got := s.must("apply", "-f", path, "-o", "yaml"); got != printed || !strings.Contains(got, "background: {}") {
		t.Errorf("apply -o yaml printed\n%s\nand get\n%s", got, printed)
	}
	s.stdin = printed
	if r := s.run("apply", "-f", "-"); r.stdout != "rule/hold unchanged\n" || r.stderr != "" {
		t.Errorf("what it became is applied with %+v", r)
	}
	s.stdin = strings.Replace(storkRule, "shop", "other", 1)
	if r := s.run("apply", "-f", "-"); r.code != 4 || !strings.Contains(r.stderr, "that of Stork's in namespace shop, and this one is of namespace other") {
		t.Errorf("that of another namespace ended with %d: %s", r.code, r.stderr)
	}
}

// An expression is read with everything else, before anything is stored.
func TestApplyReadsExpressionsFirst(t *testing.T) {
	s := newShell(t)
	path := s.file("docs/1.yaml", `apiVersion: salvor.io/v1
kind: SchedulePolicy
metadata: {name: late}
spec: {cron: "0 99 ? * MON *"}
---
apiVersion: salvor.io/v1
kind: SchedulePolicy
metadata: {name: never}
spec: {cron: "0 2 30 2 ? *"}
---
`+freeze)
	for _, args := range [][]string{{}, {"--dry-run"}} {
		r := s.run(append([]string{"apply", "-f", path}, args...)...)
		if r.code != 2 || r.stdout != "" {
			t.Errorf("apply %v ended with %d and printed %q", args, r.code, r.stdout)
		}
		for _, want := range []string{"schedulepolicy/late", `"99" is not one of 0 to 23`, "schedulepolicy/never", "it never runs", "2 mistakes; nothing was changed"} {
			if !strings.Contains(r.stderr, want) {
				t.Errorf("%q is not named in\n%s", want, r.stderr)
			}
		}
	}
	if got := s.must("get", "rules", "-o", "name"); got != "" {
		t.Errorf("stored: %s", got)
	}
}

func TestApplyDryRunStoresNothing(t *testing.T) {
	s := newShell(t)
	path := s.file("rules.yaml", storkRule+"---\n"+freeze)
	if got := s.must("apply", "-f", path, "--dry-run"); got != "rule/hold would be applied\nrule/freeze would be applied\n" {
		t.Errorf("it says %q", got)
	}
	printed := s.must("apply", "-f", path, "--dry-run", "-o", "yaml")
	if got := s.must("get", "rules", "-o", "name"); got != "" {
		t.Errorf("stored: %s", got)
	}
	s.stdin = printed
	if r := s.run("apply", "-f", "-", "-o", "name"); r.stdout != "rule/hold\nrule/freeze\n" {
		t.Errorf("what was printed is applied with %+v", r)
	}
}
