package aws_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/tests/testenv"
)

// docs/deploy.md, followed step by step: the command line names the cluster and prints how to let the functions in; each
// function assumes a role of its own there, with the external id; the backup is made, and brought back.
func TestTheDocsLeadToABackupAndBack(t *testing.T) {
	t.Parallel()
	w := newStack(t, nil)
	ns := w.namespace()

	backup := w.letIn("BackupFunction", "prod", "--trust", w.output("BackupRoleArn"))
	file := filepath.Join(t.TempDir(), "bucket.yaml")
	location := "apiVersion: salvor.io/v1\nkind: BackupLocation\nmetadata: {name: bucket}\nspec: {s3: {bucket: " + w.output("BucketName") + "}}\n"
	if err := os.WriteFile(file, []byte(location), 0o600); err != nil {
		t.Fatal(err)
	}
	w.cli(0, "apply", "-f", file)
	if got := w.cli(0, "backup", "create", "first", "--cluster", "prod", "--location", "bucket", "--namespaces", ns); !strings.Contains(got, "Completed") {
		t.Errorf("the backup says\n%s", got)
	}
	if got := w.cli(0, "backups", "--on", "today", "-o", "name"); got != "backup/prod/first\n" {
		t.Errorf("today there are %q", got)
	}

	restore := w.letIn("RestoreFunction", "prod-restore", "--id", "prod", "--trust", w.output("RestoreRoleArn"), "--level", "restore")
	if got := w.cli(0, "restore", "first", "--to-cluster", "prod-restore", "--map", ns+"="+ns+"-copy", "--yes"); !strings.Contains(got, "Completed") {
		t.Errorf("the restore says\n%s", got)
	}
	w.drop(ns + "-copy")

	for function, other := range map[string]salvor.EKSCluster{"BackupFunction": restore, "RestoreFunction": backup} {
		if _, err := w.Clusters.SignIn(function, other); !salvor.Is(err, salvor.Forbidden) {
			t.Errorf("%s signs in as %s: %v", function, other.RoleARN, err)
		}
	}
}

var parameter = regexp.MustCompile(`\b([A-Z][A-Za-z]+)=(\S+)`)

// letIn adds the cluster under a name, runs what is printed, and waits until the function may sign in.
func (w *world) letIn(function, name string, flags ...string) salvor.EKSCluster {
	w.t.Helper()
	role := "arn:aws:iam::444455556666:role/salvor-cluster-access-" + name + "-" + testenv.Unique()
	printed := w.cli(0, append([]string{"cluster", "add", name, "--arn", w.k.AWS.ClusterARN, "--role-arn", role, "--no-check"}, flags...)...)
	parameters := map[string]string{}
	for _, m := range parameter.FindAllStringSubmatch(printed, -1) {
		parameters[m[1]] = m[2]
	}
	if made := w.Clusters.Deploy(parameters); made != role {
		w.t.Fatalf("what is printed makes the role %s:\n%s", made, printed)
	}
	spec := salvor.EKSCluster{ARN: w.k.AWS.ClusterARN, RoleARN: role, ExternalID: parameters["ExternalId"]}
	w.Clusters.Await(function, spec)
	return spec
}

// output is one of the stack's.
func (w *world) output(name string) string {
	w.t.Helper()
	v, err := w.Stack.Resolve(w.Stack.Outputs)
	if err != nil {
		w.t.Fatal(err)
	}
	o, _ := v.(map[string]any)[name].(map[string]any)
	value, _ := o["Value"].(string)
	if value == "" {
		w.t.Fatalf("the template has no output %s", name)
	}
	return value
}

// What docs/deploy.md says the alarms cost is of as many as there are, and each has its word of what to do.
func TestTheDocsKnowEveryAlarm(t *testing.T) {
	s, root := template(t, nil)
	data, err := os.ReadFile(filepath.Join(root, "docs", "deploy.md"))
	if err != nil {
		t.Fatal(err)
	}
	alarms, err := s.OfType("AWS::CloudWatch::Alarm")
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	if count := fmt.Sprintf("; %d alarms,", len(alarms)); !strings.Contains(text, count) {
		t.Errorf("docs/deploy.md does not count %q", count)
	}
	for _, name := range alarms {
		p, err := s.Properties(name)
		if err != nil {
			t.Fatal(err)
		}
		_, title, _ := strings.Cut(p["AlarmName"].(string), " ")
		if !strings.Contains(text, "**"+title+"**") {
			t.Errorf("docs/deploy.md does not say what to do about the alarm %q", title)
		}
	}
}

// Each output that docs/deploy.md asks for is one of the template's.
func TestTheDocsNameOutputsThatThereAre(t *testing.T) {
	s, root := template(t, nil)
	text, err := os.ReadFile(filepath.Join(root, "docs", "deploy.md"))
	if err != nil {
		t.Fatal(err)
	}
	asked := regexp.MustCompile(`\$\(output (\w+)\)`).FindAllStringSubmatch(string(text), -1)
	for _, m := range asked {
		if s.Outputs[m[1]] == nil {
			t.Errorf("docs/deploy.md asks for the output %s, which template.yaml does not have", m[1])
		}
	}
	if len(asked) < 5 {
		t.Errorf("docs/deploy.md asks for %v only", asked)
	}
}

// Each function and log group that a page names in a command of AWS's is one of a stack that is called salvor.
func TestTheDocsNameFunctionsThatThereAre(t *testing.T) {
	s, root := template(t, nil)
	functions, err := s.Functions()
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, f := range functions {
		_, name, _ := strings.Cut(f.Name, "-")
		there["salvor-"+name] = true
	}
	named := 0
	for _, page := range []string{"deploy.md", "retention.md", "schedules.md", "search.md"} {
		text, err := os.ReadFile(filepath.Join(root, "docs", page))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`aws (?:lambda|logs) [^\n]*(?:--function-name |/aws/lambda/)(\S+)`).FindAllStringSubmatch(string(text), -1) {
			if named++; !there[m[1]] {
				t.Errorf("docs/%s names the function %s, which template.yaml does not have", page, m[1])
			}
		}
	}
	if named < 3 {
		t.Errorf("only %d commands were found", named)
	}
}
