package salvor_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/salvor"
)

const head = "apiVersion: salvor.io/v1\nkind: Rule\nmetadata: {name: freeze}\n"

func TestDecodeReadsYAML(t *testing.T) {
	got, err := salvor.Decode([]byte(`
# a file as people write it
---
apiVersion: salvor.io/v1
kind: Rule
metadata:
  name: freeze
  labels: {team: shop, since: 2026-11-20, 7: "1"}
spec:
  subRules:
  - podSelectors:
    - matchExpressions: [{key: app, operator: In, values: [db]}]
    actions:
    - shell: "sync && fsfreeze -f /data"
      timeout: 1m30s
---
# nothing but a comment
---
apiVersion: salvor.io/v1
kind: Restore
metadata: {name: back}
spec: {sourceCluster: shop, asOf: 2026-11-20T03:00:00+01:00, namespaces: ["*"], targetCluster: shop}
`), "a.yaml")
	if err != nil {
		t.Fatal(err)
	}
	rule := salvor.New(salvor.KindRule).(*salvor.Rule)
	rule.Name, rule.Labels = "freeze", map[string]string{"team": "shop", "since": "2026-11-20", "7": "1"}
	rule.Spec.SubRules = []salvor.SubRule{{
		PodSelectors: []metav1.LabelSelector{{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "app", Operator: "In", Values: []string{"db"}}}}},
		Actions:      []salvor.Action{{Shell: "sync && fsfreeze -f /data", Timeout: metav1.Duration{Duration: 90 * time.Second}}},
	}}
	back := salvor.New(salvor.KindRestore).(*salvor.Restore)
	back.Name = "back"
	back.Spec = salvor.RestoreSpec{SourceCluster: "shop", AsOf: metav1.NewTime(time.Date(2026, 11, 20, 2, 0, 0, 0, time.UTC)), Namespaces: []string{"*"}, TargetCluster: "shop"}
	if diff := cmp.Diff([]salvor.Object{rule, back}, got); diff != "" {
		t.Errorf("decoded (-want +got):\n%s", diff)
	}
}

func TestDecodeReadsAliasesAndMerges(t *testing.T) {
	got, err := salvor.Decode([]byte(head+`spec:
  subRules:
  - podSelectors: &db [{matchLabels: {app: db}}]
    actions: [&act {shell: sync, timeout: 5s}]
  - podSelectors: *db
    actions: [{<<: *act, timeout: 9s}]
`), "a.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := got[0].(*salvor.Rule).Spec.SubRules
	if s[1].PodSelectors[0].MatchLabels["app"] != "db" || s[1].Actions[0].Shell != "sync" || s[1].Actions[0].Timeout.Duration != 9*time.Second {
		t.Errorf("the second sub-rule is %+v", s[1])
	}
}

func TestDecodeReadsJSON(t *testing.T) {
	got, err := salvor.Decode([]byte("\ufeff"+`
{"apiVersion": "salvor.io/v1", "kind": "Rule", "metadata": {"name": "a", "annotations": {"note": "\ud83d\ude00 \/ \u00e4"}}, "spec": {"subRules": null}}
{"apiVersion": "salvor.io/v1", "kind": "BackupSchedule", "metadata": {"name": "b"}, "spec": {"policy": "p", "suspend": true, "template": {"spec": {"cluster": "c", "location": "l", "scope": {}}}}}
`), "a.json")
	if err != nil {
		t.Fatal(err)
	}
	if note := got[0].Meta().Annotations["note"]; note != "😀 / ä" {
		t.Errorf("the annotation is %q", note)
	}
	if s := got[1].(*salvor.BackupSchedule); !s.Spec.Suspend || s.Spec.Template.Spec.Cluster != "c" {
		t.Errorf("the schedule is %+v", s)
	}
}

func TestDecodeOfNothing(t *testing.T) {
	for _, s := range []string{"", "\n", "# nothing\n", "---\n---\n", "null"} {
		got, err := salvor.Decode([]byte(s), "a.yaml")
		if err != nil || len(got) != 0 {
			t.Errorf("Decode(%q) = %v, %v", s, got, err)
		}
	}
}

func TestDecodeNamesEveryMistake(t *testing.T) {
	for _, c := range []struct {
		why, in string
		want    []string
	}{
		{"an unknown field, with those there are", head + "spec:\n  subRules:\n  - podSelector: {}\n", []string{
			"a.yaml:6: Rule/freeze: spec.subRules[0].podSelector: unknown field; known here are name, podSelectors, onNoPods, actions"}},
		{"upper and lower case are different", "apiVersion: salvor.io/v1\nkind: Cluster\nmetadata: {name: c}\nspec: {EKS: {}}\n", []string{
			"a.yaml:4: Cluster/c: spec.EKS: unknown field; known here are id, eks, kubeconfig"}},
		{"a key that stands twice", head + "spec:\n  subRules: []\n  subRules: []\n", []string{
			"a.yaml:6: Rule/freeze: spec.subRules: stands twice; the first is on line 5"}},
		{"a label that stands twice", "apiVersion: salvor.io/v1\nkind: Rule\nmetadata: {name: freeze, labels: {a: b, a: c}}\n", []string{
			"a.yaml:3: Rule/freeze: metadata.labels[a]: stands twice; the first is on line 3"}},
		{"wrong types, all of them", head + `spec:
  subRules:
  - name: 1
    podSelectors: {app: db}
    actions:
    - shell: [a]
      runInSinglePod: "yes"
    - text
`, []string{
			`a.yaml:6: Rule/freeze: spec.subRules[0].name: must be text, is the number "1"; put it in quotes`,
			`a.yaml:7: Rule/freeze: spec.subRules[0].podSelectors: must be a list, is a mapping`,
			`a.yaml:9: Rule/freeze: spec.subRules[0].actions[0].shell: must be text, is a list`,
			`a.yaml:10: Rule/freeze: spec.subRules[0].actions[0].runInSinglePod: must be true or false, is the text "yes"`,
			`a.yaml:11: Rule/freeze: spec.subRules[0].actions[1]: must be a mapping of names to values, is the text "text"`,
		}},
		{"a label that YAML takes for a truth value", "apiVersion: salvor.io/v1\nkind: Rule\nmetadata: {name: freeze, labels: {on: true}}\n", []string{
			`a.yaml:3: Rule/freeze: metadata.labels[on]: must be text, is the truth value "true"; put it in quotes`}},
		{"a fraction where a whole number is wanted", "apiVersion: salvor.io/v1\nkind: SchedulePolicy\nmetadata: {name: p}\nspec: {retention: {last: 2.5}}\n", []string{
			`a.yaml:4: SchedulePolicy/p: spec.retention.last: must be a whole number, is the number "2.5"`}},
		{"a number that is too large", "apiVersion: salvor.io/v1\nkind: SchedulePolicy\nmetadata: {name: p}\nspec: {retention: {last: 92233720368547758070}}\n", []string{
			`a.yaml:4: SchedulePolicy/p: spec.retention.last: must be a whole number, is the number "92233720368547758070"`}},
		{"durations in days and without a unit", "apiVersion: salvor.io/v1\nkind: SchedulePolicy\nmetadata: {name: p}\nspec:\n  interval: 90\n  retention: {within: 30d}\n", []string{
			`a.yaml:5: SchedulePolicy/p: spec.interval: must be a duration such as 90s, 10m or 4h30m, is the number "90"`,
			`a.yaml:6: SchedulePolicy/p: spec.retention.within: must be a duration such as 90s, 10m or 4h30m, is the text "30d"; days are written in hours: 720h`}},
		{"a date where a time is wanted", "apiVersion: salvor.io/v1\nkind: Restore\nmetadata: {name: r}\nspec: {asOf: 2026-11-20}\n", []string{
			`a.yaml:4: Restore/r: spec.asOf: must be a time such as 2026-11-20T02:00:00Z or 2026-11-20T03:00:00+01:00, is the text "2026-11-20"`}},
		{"a time that could not be stored", "apiVersion: salvor.io/v1\nkind: Restore\nmetadata: {name: r}\nspec: {asOf: '2026-11-20T02:00:00.5Z'}\n", []string{
			`a.yaml:4: Restore/r: spec.asOf: must be a time in whole seconds, is the text "2026-11-20T02:00:00.5Z"`}},
		{"an unknown kind", "apiVersion: salvor.io/v1\nkind: Rul\n", []string{
			`a.yaml:2: kind: unknown kind "Rul"; known are Cluster, BackupLocation, Rule, SchedulePolicy, BackupSchedule, Backup, Restore`}},
		{"an object of Kubernetes", "apiVersion: v1\nkind: ConfigMap\n", []string{
			`a.yaml:2: kind: ConfigMap of "v1" is not a kind of Salvor; known are Cluster, BackupLocation, Rule, SchedulePolicy, BackupSchedule, Backup, Restore, all of salvor.io/v1`}},
		{"an unknown version, and what else is wrong", "apiVersion: salvor.io/v2\nkind: Rule\nmetadata: {name: freeze}\nspec: {x: 1}\n", []string{
			`a.yaml:1: Rule/freeze: apiVersion: unknown version "salvor.io/v2"; the only one is salvor.io/v1`,
			`a.yaml:4: Rule/freeze: spec.x: unknown field; known here are subRules`}},
		{"no version", "kind: Rule\n", []string{"a.yaml:1: Rule: apiVersion: is missing; write apiVersion: salvor.io/v1"}},
		{"no kind", "apiVersion: salvor.io/v1\n", []string{"a.yaml:1: kind: is missing; known are Cluster, BackupLocation, Rule, SchedulePolicy, BackupSchedule, Backup, Restore"}},
		{"a list instead of an object", "- a\n", []string{"a.yaml:1: must be an object with apiVersion, kind, metadata and spec"}},
		{"mistakes in several documents", head + "spec: {a: 1}\n---\n" + head + "---\n" + head + "spec: {b: 1}\n", []string{
			"a.yaml:4 (document 1): Rule/freeze: spec.a: unknown field; known here are subRules",
			"a.yaml:13 (document 3): Rule/freeze: spec.b: unknown field; known here are subRules"}},
		{"a syntax error, and what stands before it", head + "spec: {a: 1}\n---\nkind: [\n", []string{
			"a.yaml:4: Rule/freeze: spec.a: unknown field; known here are subRules",
			"a.yaml:6: not YAML: did not find expected node content"}},
		{"JSON has lines and duplicates as well", "{\"apiVersion\": \"salvor.io/v1\",\n\"kind\": \"Rule\", \"metadata\": {\"name\": \"freeze\"},\n\"spec\": {\"subRules\": [], \"subRules\": 1.5}}", []string{
			"a.yaml:3: Rule/freeze: spec.subRules: stands twice; the first is on line 3"}},
		{"a key that is not text", head + "spec: {[a]: b}\n", []string{"a.yaml:4: Rule/freeze: spec: a key must be plain text, is a list"}},
		{"a tag of another language", head + "spec: {subRules: [{name: !!binary aGFsbG8=}]}\n", []string{
			`a.yaml:4: Rule/freeze: spec.subRules[0].name: must be text, is !!binary "aGFsbG8="; put it in quotes`}},
		{"other encodings", "\xff\xfea\x00", []string{"a.yaml: must be UTF-8 text"}},
	} {
		got, err := salvor.Decode([]byte(c.in), "a.yaml")
		if got != nil {
			t.Errorf("%s: objects come with the error", c.why)
		}
		if !salvor.Is(err, salvor.Invalid) {
			t.Errorf("%s: the error is %v, want one of the code Invalid", c.why, err)
			continue
		}
		if diff := cmp.Diff(strings.Join(c.want, "\n"), err.Error()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.why, diff)
		}
	}
}

func TestDecodeStopsAtADocumentThatGrows(t *testing.T) {
	var b strings.Builder
	b.WriteString(head + "spec:\n  subRules:\n  - &s {actions: [" + strings.Repeat("{shell: a},", 1000) + "]}\n")
	b.WriteString(strings.Repeat("  - *s\n", 2000))
	_, err := salvor.Decode([]byte(b.String()), "a.yaml")
	if !salvor.Is(err, salvor.Invalid) || !strings.Contains(err.Error(), "too large") || strings.Count(err.Error(), "\n") > 0 {
		t.Errorf("a document of 4 million values gives %.200v", err)
	}
	deep := strings.Repeat(`{"a":`, 1_000_000)
	if _, err := salvor.Decode([]byte(deep), "a.json"); !salvor.Is(err, salvor.Invalid) {
		t.Errorf("a document of a million levels gives %.200v", err)
	}
}

func TestLoadFillsInAndValidates(t *testing.T) {
	got, err := salvor.Load([]byte(head+"spec: {subRules: [{podSelectors: [{}], actions: [{shell: sync}]}]}\n"), "a.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if a := got[0].(*salvor.Rule).Spec.SubRules[0].Actions[0]; a.Timeout.Duration != salvor.DefaultActionTimeout {
		t.Errorf("the timeout is %v", a.Timeout)
	}
}

func TestLoadNamesMistakesOfEverySort(t *testing.T) {
	_, err := salvor.Load([]byte(head+`spec:
  subRules:
  - podSelectors: [{}]
    actions:
    - shell: sync
      timeout: -5s
---
apiVersion: salvor.io/v1
kind: Cluster
metadata: {name: shop}
spec: {x: 1}
---
`+head+"spec: {subRules: [{podSelectors: [{}], actions: [{shell: sync}]}]}\n"), "a.yaml")
	want := `a.yaml:9 (document 1): Rule/freeze: spec.subRules[0].actions[0].timeout: Invalid value: "-5s": must be more than 0
a.yaml:14 (document 2): Cluster/shop: spec.x: unknown field; known here are id, eks, kubeconfig
a.yaml:18 (document 3): Rule/freeze: metadata.name: the same object stands in this source twice`
	if err == nil {
		t.Fatal("no error")
	}
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var ps salvor.Problems
	if !errors.As(err, &ps) || len(ps) != 3 || ps[0].Path != "spec.subRules[0].actions[0].timeout" || ps[0].Line != 9 {
		t.Errorf("the problems are %+v", ps)
	}
}

// What can't be read is not judged: a field of the wrong type is not said to be missing, and what stands beside it is checked.
func TestLoadNamesMistakesInReadingAndOthersAtOnce(t *testing.T) {
	for _, c := range []struct {
		why, in string
		want    []string
	}{
		{"beside an unknown field", head + "spec:\n  subRules:\n  - podSelectors: [{}]\n    timeout: 5s\n    actions: [{shell: sync, timeout: -5s}]\n", []string{
			"a.yaml:7: Rule/freeze: spec.subRules[0].timeout: unknown field; known here are name, podSelectors, onNoPods, actions",
			`a.yaml:8: Rule/freeze: spec.subRules[0].actions[0].timeout: Invalid value: "-5s": must be more than 0`}},
		{"what is of the wrong type is not missing", "apiVersion: salvor.io/v1\nkind: Backup\nmetadata: {name: b}\nspec:\n  cluster: [prod]\n  scope: {namespaces: [A_b]}\n", []string{
			"a.yaml:4: Backup/b: spec.location: Required value",
			"a.yaml:5: Backup/b: spec.cluster: must be text, is a list",
			`a.yaml:6: Backup/b: spec.scope.namespaces[0]: Invalid value: "A_b"`}},
		{"behind an item that is none", head + "spec: {subRules: [{podSelectors: [{}], actions: [7,\n{shell: sync, timeout: -5s}]}]}\n", []string{
			`a.yaml:4: Rule/freeze: spec.subRules[0].actions[0]: must be a mapping of names to values, is the number "7"`,
			`a.yaml:5: Rule/freeze: spec.subRules[0].actions[1].timeout: Invalid value: "-5s": must be more than 0`}},
		{"beside a key that stands twice", head + "spec:\n  subRules:\n  - podSelectors: [{}]\n    name: a\n    name: b\n    actions: [{}]\n", []string{
			"a.yaml:8: Rule/freeze: spec.subRules[0].name: stands twice; the first is on line 7",
			"a.yaml:9: Rule/freeze: spec.subRules[0].actions[0]"}},
		{"an object that stands twice", head + "spec: {x: 1, subRules: [{podSelectors: [{}], actions: [{shell: sync}]}]}\n---\n" + head + "spec: {subRules: [{podSelectors: [{}], actions: [{shell: sync}]}]}\n", []string{
			"a.yaml:4 (document 1): Rule/freeze: spec.x: unknown field",
			"a.yaml:8 (document 2): Rule/freeze: metadata.name: the same object stands in this source twice"}},
		{"names that can't be read are not the same", strings.Repeat("---\n"+strings.Replace(head, "freeze", "1", 1)+"spec: {subRules: [{podSelectors: [{}], actions: [{shell: sync}]}]}\n", 2), []string{
			"a.yaml:4 (document 1): Rule/1: metadata.name: must be text",
			"a.yaml:9 (document 2): Rule/1: metadata.name: must be text"}},
	} {
		_, err := salvor.Load([]byte(c.in), "a.yaml")
		var ps salvor.Problems
		if !errors.As(err, &ps) || len(ps) != len(c.want) {
			t.Errorf("%s: want %d mistakes, got\n%v", c.why, len(c.want), err)
			continue
		}
		for i, p := range ps {
			if !strings.HasPrefix(p.String(), c.want[i]) {
				t.Errorf("%s: got\n%s\nwant\n%s", c.why, p, c.want[i])
			}
		}
	}
}
