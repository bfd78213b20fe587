package aws_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"salvor.io/salvor/tests/aws/cloud"
	"salvor.io/salvor/tests/testenv"
)

// cli runs the real command against the API, with the caller's credentials, and expects it to end with the code.
func (w *world) cli(code int, args ...string) string {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), testenv.Salvor(w.t), append([]string{"--api", w.API.URL}, args...)...)
	cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID="+w.API.AccessKey, "AWS_SECRET_ACCESS_KEY="+w.API.SecretKey, "AWS_SESSION_TOKEN=",
		"AWS_REGION="+cloud.Region, "AWS_EC2_METADATA_DISABLED=true", "TZ=UTC", "HOME="+w.t.TempDir())
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != code {
		w.t.Fatalf("salvor %s ended %v, want %d\n%s", strings.Join(args, " "), err, code, &out)
	}
	return out.String()
}

// The command line speaks the API: what takes long is done by the functions, and waited for.
func TestTheCommandLineSpeaksTheAPI(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ns := w.namespace()
	if got := w.cli(0, "get", "clusters", "-o", "name"); got != "cluster/prod\n" {
		t.Errorf("clusters are %q", got)
	}
	if got := w.cli(0, "backup", "create", "b1", "-n", ns, "--labels", "app=shop"); !strings.Contains(got, "Completed") {
		t.Errorf("the backup says\n%s", got)
	}
	for args, want := range map[string]string{
		"--from yesterday":          "backup/prod/b1\n",
		"--on today -l app=shop":    "backup/prod/b1\n",
		"--to 2020-01-01":           "",
		"--cluster prod --last 30m": "backup/prod/b1\n",
	} {
		if got := w.cli(0, append([]string{"backups", "-o", "name"}, strings.Fields(args)...)...); got != want && !(want == "" && strings.HasPrefix(got, "no backups")) {
			t.Errorf("salvor backups %s finds %q, want %q", args, got, want)
		}
	}
	w.drop(ns)
	if got := w.cli(0, "restore", "b1", "--name", "r1", "--yes"); !strings.Contains(got, "Completed") {
		t.Errorf("the restore says\n%s", got)
	}
	if _, err := w.kube.Get(t.Context(), configMapKind, ns, "settings"); err != nil {
		t.Error(err)
	}
	file := filepath.Join(t.TempDir(), "rule.yaml")
	rule := "apiVersion: salvor.io/v1\nkind: Rule\nmetadata: {name: freeze}\nspec: {subRules: [{podSelectors: [{}], actions: [{shell: sync}]}]}\n"
	if err := os.WriteFile(file, []byte(rule), 0o600); err != nil {
		t.Fatal(err)
	}
	w.cli(0, "apply", "-f", file)
	if got := w.cli(0, "apply", "-f", file); !strings.Contains(got, "unchanged") {
		t.Errorf("applied twice it says %s", got)
	}
	w.cli(0, "delete", "rule", "freeze")
	w.cli(3, "get", "rule", "freeze")
	w.cli(4, "cancel", "backup", "b1")
	w.cli(0, "delete", "backup", "b1", "--yes")
	w.Machine.Idle()
	w.cli(3, "get", "backup", "b1")
	w.API.SecretKey = "wrong"
	if got := w.cli(6, "get", "clusters"); !strings.Contains(got, "execute-api:Invoke") {
		t.Errorf("refused, it says %s", got)
	}
}
