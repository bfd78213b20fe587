package cli_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/salvor"
)

func TestABackupOfAClusterThatDoesNotAnswerFails(t *testing.T) {
	s := newShell(t)
	s.settings()
	r := s.run("backup", "create", "-n", "shop")
	if r.code != 8 || !strings.HasPrefix(r.stdout, "backup/prod/prod-20261122t120000z Failed in ") {
		t.Errorf("ended with %d: %s%s", r.code, r.stdout, r.stderr)
	}
	if strings.Contains(r.stdout+r.stderr, "very-secret") {
		t.Error("the token is in the output")
	}
	if got := s.must("backups", "-o", "name", "--phase", "Failed"); got != "backup/prod/prod-20261122t120000z\n" {
		t.Errorf("the failed run is not recorded: %q", got)
	}
}

// What the flags say is what is recorded, also when the run fails.
func TestFlagsBecomeTheSpec(t *testing.T) {
	s := newShell(t)
	s.settings()
	s.stdin = freeze
	s.must("apply", "-f", "-")
	s.run("backup", "create", "b1", "-n", "shop-*,{a,b}-x", "-n", "c", "--exclude-namespaces", "d", "--namespace-selector", "tier in (1,2)",
		"--kinds", "secrets,*.apps", "--exclude-kinds", "pods", "-l", "app=shop,!old,tier!=cache,app=web,canary", "--cluster-scoped", "None", "--pre-exec-rule", "freeze",
		"--velero-hooks", "--max-freeze", "45s", "--rule-scope", "Namespace", "--consistency", "Strict", "--timeout", "5m", "--labels", "x=1,y=2")
	var b salvor.Backup
	if err := json.Unmarshal([]byte(s.must("get", "backup", "b1", "-o", "json")), &b); err != nil {
		t.Fatal(err)
	}
	want := salvor.BackupSpec{Cluster: "prod", Location: "disk", PreExecRule: "freeze", VeleroHooks: true,
		MaxFreeze: metav1.Duration{Duration: 45 * time.Second}, RuleScope: "Namespace", Consistency: "Strict", Timeout: metav1.Duration{Duration: 5 * time.Minute},
		Scope: salvor.Scope{Namespaces: []string{"shop-*", "{a,b}-x", "c"}, ExcludeNamespaces: []string{"d"}, Kinds: []string{"secrets", "*.apps"},
			ExcludeKinds: []string{"pods"}, ClusterScoped: "None",
			NamespaceSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "tier", Operator: "In", Values: []string{"1", "2"}}}},
			LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "shop"}, MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "app", Operator: "In", Values: []string{"web"}}, {Key: "canary", Operator: "Exists"},
				{Key: "old", Operator: "DoesNotExist"}, {Key: "tier", Operator: "NotIn", Values: []string{"cache"}}}}}}
	if diff := cmp.Diff(want, b.Spec, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"x": "1", "y": "2"}, b.Labels); diff != "" {
		t.Errorf("labels: -want +got\n%s", diff)
	}
}

func TestTheSameBackupAgainIsTheFirst(t *testing.T) {
	s := newShell(t)
	s.settings()
	s.stored("b1", noon)
	r := s.run("backup", "create", "b1", "-n", "shop")
	if r.code != 0 || !strings.Contains(r.stderr, "exists already: asked for by ada@example") || !strings.Contains(r.stdout, "Completed") {
		t.Errorf("ended with %d: %s%s", r.code, r.stdout, r.stderr)
	}
	if r := s.run("backup", "create", "b1", "-n", "bank"); r.code != 4 || !strings.Contains(r.stderr, "something else") {
		t.Errorf("another backup of that name ended with %d: %s", r.code, r.stderr)
	}
	doc := s.file("b.yaml", s.must("get", "backup", "b1", "-o", "yaml"))
	if r := s.run("backup", "create", "-f", doc); r.code != 0 || !strings.Contains(r.stderr, "exists already") {
		t.Errorf("from its own document it ended with %d: %s", r.code, r.stderr)
	}
	if r := s.run("backup", "create", "-f", doc, "-n", "shop"); r.code != 2 {
		t.Errorf("a document and a flag ended with %d", r.code)
	}
	s.seed("busy", noon, salvor.PhaseCapturing, func(b *salvor.Backup) {
		b.Status.Lease = salvor.Lease{Holder: "other/1/x", Epoch: 1, Expires: metav1.NewTime(noon.Add(time.Minute))}
	})
	for _, args := range [][]string{{"backup", "create", "busy", "-n", "shop"}, {"backup", "resume", "busy"}} {
		if r := s.run(args...); r.code != 4 || !strings.Contains(r.stderr, "being made by other/1/x") {
			t.Errorf("%v ended with %d: %s", args, r.code, r.stderr)
		}
	}
}

func TestANameIsUniqueOverClustersOrNamedInFull(t *testing.T) {
	s := newShell(t)
	s.settings()
	s.stored("b1", noon)
	s.seed("b1", noon, salvor.PhaseCompleted, func(b *salvor.Backup) { b.Status.ClusterID = "test" })
	if r := s.run("verify", "b1"); r.code != 2 || !strings.Contains(r.stderr, "choose of prod/b1, test/b1") {
		t.Errorf("ended with %d: %s", r.code, r.stderr)
	}
	s.must("verify", "prod/b1")
	s.must("verify", "backup/prod/b1")
	if got := s.must("get", "backup", "test/b1", "-o", "name"); got != "backup/test/b1\n" {
		t.Errorf("it finds %q", got)
	}
}

func TestRestoreShowsWhereEverythingComesFrom(t *testing.T) {
	s := newShell(t)
	s.settings()
	s.stored("b1", noon.Add(-2*time.Hour))
	s.stored("b2", noon.Add(-time.Hour))
	for args, want := range map[string]string{
		"restore b1":                                      "shop        shop  b1      2026-11-22 11:00:00 CET  120m  3        1",
		"restore --as-of now -n shop":                     "shop        shop  b2      2026-11-22 12:00:00 CET  60m  3        1",
		"restore --as-of 90m -n sh* --map shop=copy":      "shop        copy  b1      2026-11-22 11:00:00 CET  120m  3        1",
		"restore --as-of today -n shop --kinds ConfigMap": "at most 3 objects into cluster prod; on conflict skip; nothing was changed",
	} {
		got := s.must(append(strings.Fields(args), "--dry-run")...)
		if !strings.Contains(squeeze(got), squeeze(want)) {
			t.Errorf("%s shows\n%s\nwant %s", args, got, want)
		}
	}
	if out := s.must("restore", "b1", "--dry-run", "-o", "json"); !strings.Contains(out, `"objects": 3`) {
		t.Errorf("as JSON: %s", out)
	}
	if out := s.must("restore", "b1", "--dry-run", "-o", "yaml"); !strings.Contains(out, "\nobjects: 3\n") && !strings.HasPrefix(out, "objects: 3\n") {
		t.Errorf("as YAML: %s", out)
	}
	if out := s.must("restore", "--as-of", "now", "-n", "shop", "--dry-run", "-o", "name"); out != "backup/prod/b2\n" {
		t.Errorf("by name: %s", out)
	}
	r := s.run("restore", "--as-of", "2026-11-21", "-n", "shop")
	if r.code != 3 || !strings.Contains(r.stderr, `"b1"`) {
		t.Errorf("before the first backup it ended with %d: %s", r.code, r.stderr)
	}
	if got := s.must("get", "restores", "-o", "name"); got != "" {
		t.Errorf("dry runs were recorded: %s", got)
	}
}

// A kind that is misspelled, or not there, is said before anything is done.
func TestRestoreOfKindsThatAreNotThere(t *testing.T) {
	s := newShell(t)
	s.settings()
	s.stored("b1", noon)
	for _, flag := range []string{"--yes", "--dry-run"} {
		r := s.run("restore", "b1", "--kinds", "secrets,configmap.apps", flag)
		if r.code != 3 || !strings.Contains(r.stderr, "nothing of secrets, configmap.apps") || !strings.Contains(r.stderr, "there is configmaps") {
			t.Errorf("with %s it ended with %d: %s", flag, r.code, r.stderr)
		}
	}
	if got := s.must("get", "restores", "-o", "name"); got != "" {
		t.Errorf("they were recorded: %s", got)
	}
	if r := s.run("restore", "b1", "--kinds", "secrets,configmaps", "--dry-run"); r.code != 0 || !strings.Contains(r.stderr, `nothing of the kind "secrets"`) {
		t.Errorf("with one of two it ended with %d: %s", r.code, r.stderr)
	}
}

// A restore whose process has died can be canceled, and then forgotten.
func TestARestoreThatDiedIsCanceled(t *testing.T) {
	s := newShell(t)
	s.settings()
	s.stored("b1", noon)
	r := salvor.New(salvor.KindRestore).(*salvor.Restore)
	r.Name, r.Spec = "r1", salvor.RestoreSpec{SourceCluster: "prod", TargetCluster: "prod", Backup: "b1"}
	r.Default()
	r.Status = salvor.RestoreStatus{Phase: salvor.PhaseRestoring, StartedAt: metav1.NewTime(noon),
		Lease: salvor.Lease{Holder: "other/1/x", Epoch: 1, Expires: metav1.NewTime(noon.Add(time.Minute))}}
	if err := s.home().Catalog.Create(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if r := s.run("restore", "b1", "--name", "r1", "--yes"); r.code != 4 || strings.Count(r.stderr, `restore "r1" is being done by other/1/x`) != 1 || strings.Contains(r.stderr, "recording") {
		t.Errorf("while its lease holds, doing it again ended with %d: %s", r.code, r.stderr)
	}
	if got := s.must("cancel", "restore", "r1"); got != "restore/r1 asked to stop\n" {
		t.Errorf("while its lease holds, cancel says %q", got)
	}
	s.now = noon.Add(2 * time.Minute)
	if got := s.must("cancel", "restore", "r1"); got != "restore/r1 canceled\n" {
		t.Errorf("then it says %q", got)
	}
	s.must("delete", "restore", "r1")
}

func TestRestoreFromADocument(t *testing.T) {
	s := newShell(t)
	s.settings()
	s.stored("b1", noon)
	doc := s.file("r.yaml", `apiVersion: salvor.io/v1
kind: Restore
metadata: {name: r1}
spec: {sourceCluster: prod, backup: b1, targetCluster: prod, namespaceMapping: {shop: copy}}
`)
	got := s.must("restore", "-f", doc, "--dry-run")
	if want := "shop        copy   b1"; !strings.Contains(squeeze(got), squeeze(want)) {
		t.Errorf("it shows\n%s", got)
	}
	if r := s.run("restore", "b1", "-f", doc); r.code != 2 {
		t.Errorf("a document and a backup ended with %d", r.code)
	}
	if r := s.run("restore", "-f", doc, "--map", "a=b"); r.code != 2 {
		t.Errorf("a document and a flag ended with %d", r.code)
	}
	if diff := cmp.Diff("", s.must("get", "restores", "-o", "name")); diff != "" {
		t.Error(diff)
	}
}

// An empty pattern is a variable that nobody set; it must not become everything, or nothing.
func TestAnEmptyPatternIsRefused(t *testing.T) {
	s := newShell(t)
	s.settings()
	for _, args := range [][]string{{"backup", "create", "b1", "-n", ""}, {"backup", "create", "b1", "-n", "a", "--kinds", " "}, {"restore", "--as-of", "now", "-n", ""}} {
		if r := s.run(args...); r.code != 2 || !strings.Contains(r.stderr, "there is no pattern in it") {
			t.Errorf("%q ended with %d: %s", args, r.code, r.stderr)
		}
	}
}

func TestARestoreIsNotBegunUnasked(t *testing.T) {
	s := newShell(t)
	s.settings()
	s.stored("b1", noon)
	if r := s.run("restore", "b1"); r.code != 2 || !strings.Contains(r.stderr, "pass --yes") {
		t.Errorf("unasked it ended with %d: %s", r.code, r.stderr)
	}
	if got := s.must("get", "restores", "-o", "name"); got != "" {
		t.Errorf("it was begun: %s", got)
	}
	if r := s.run("restore", "b1", "--yes"); r.code != 8 {
		t.Errorf("with --yes, of a cluster that is away, it ended with %d: %s", r.code, r.stderr)
	}
}

// A kind that is misspelled takes no name away.
func TestAMisspelledKindIsRefusedBeforeTheBackupIsRecorded(t *testing.T) {
	s := newShell(t)
	s.settings()
	s.must("cluster", "add", "prod", "--kubeconfig", s.answering("kubeconfig2", "uid"))
	if r := s.run("backup", "create", "b1", "-n", "a", "--kinds", "deploymentz"); r.code != 2 || !strings.Contains(r.stderr, "deploymentz") {
		t.Errorf("it ended with %d: %s%s", r.code, r.stdout, r.stderr)
	}
	if got := s.must("backups", "-o", "name"); got != "" {
		t.Errorf("it was recorded: %s", got)
	}
}

func TestALocationThatCannotBeReadBackIsWarnedOf(t *testing.T) {
	s := newShell(t)
	recipient := "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
	r := s.run("location", "add", "sealed", "--dir", s.dir+"/sealed", "--age-recipient", recipient)
	if r.code != 0 || !strings.Contains(r.stderr, "nothing of it can be read back") {
		t.Errorf("it ended with %d: %s", r.code, r.stderr)
	}
	if r := s.run("apply", "-f", s.file("l.yaml", s.must("get", "location", "sealed", "-o", "yaml"))); r.code != 0 || !strings.Contains(r.stderr, "nothing of it can be read back") {
		t.Errorf("applied it ended with %d: %s", r.code, r.stderr)
	}
}
