package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestClusterAdd(t *testing.T) {
	s := newShell(t)
	path := s.deadKubeconfig()
	r := s.run("cluster", "add", "prod", "--kubeconfig", path)
	if r.code != 8 || !strings.Contains(r.stderr, "--no-check") {
		t.Errorf("a cluster that doesn't answer ended with %d: %s", r.code, r.stderr)
	}
	if strings.Contains(r.stderr, "very-secret") {
		t.Errorf("the token is in the message: %s", r.stderr)
	}
	if got := s.must("get", "clusters", "-o", "name"); got != "" {
		t.Errorf("it was added all the same: %s", got)
	}
	s.must("cluster", "add", "prod", "--kubeconfig", path, "--no-check", "--id", "prod-1")
	if got := s.must("get", "cluster", "prod", "-o", "yaml"); !strings.Contains(got, "context: dead") || !strings.Contains(got, "id: prod-1") || !strings.Contains(got, "path: "+path) {
		t.Errorf("file and context are not written down:\n%s", got)
	}
	if r := s.run("cluster", "add", "x", "--kubeconfig", path, "--context", "nope"); r.code != 3 || !strings.Contains(r.stderr, `"dead"`) {
		t.Errorf("a context that isn't there ended with %d: %s", r.code, r.stderr)
	}
}

func TestLocationAdd(t *testing.T) {
	s := newShell(t)
	dir := filepath.Join(s.dir, "a", "b")
	s.must("location", "add", "disk", "--dir", dir)
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory is %v: %v", info, err)
	}
	if r := s.run("location", "add", "file", "--dir", s.file("plain", "")); r.code == 0 {
		t.Errorf("a file passes for a directory: %s", r.stdout)
	}
	s.env["AWS_REGION"] = ""
	r := s.run("location", "add", "s3", "--s3-bucket", "my-backups", "--s3-endpoint", "http://127.0.0.1:1", "--s3-region", "us-east-1", "--no-check")
	if r.code != 0 || !strings.Contains(s.must("get", "locations"), "s3://my-backups") {
		t.Errorf("a bucket that isn't checked ended with %d: %s", r.code, r.stderr)
	}
	key := "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
	s.must("location", "add", "sealed", "--dir", filepath.Join(s.dir, "sealed"), "--age-recipient", key)
	if got := s.must("get", "location", "sealed"); !strings.Contains(got, "(age)") {
		t.Errorf("nothing says that it is encrypted: %s", got)
	}
}

func TestTheHomeIsPrivate(t *testing.T) {
	s := newShell(t)
	s.stdin = freeze
	s.must("apply", "-f", "-")
	home := s.env["SALVOR_HOME"]
	for path, mode := range map[string]os.FileMode{home: 0o700, home + "/catalog.db": 0o600, home + "/catalog-id": 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s has mode %v, want %v: %v", path, info.Mode().Perm(), mode, err)
		}
	}
	before, err := os.ReadFile(home + "/catalog-id")
	if err != nil {
		t.Fatal(err)
	}
	s.must("get", "rules")
	if after, _ := os.ReadFile(home + "/catalog-id"); string(after) != string(before) || len(after) < 20 {
		t.Errorf("the catalog's id went from %q to %q", before, after)
	}
	other := filepath.Join(s.dir, "other")
	if got := s.must("--home", other, "get", "rules", "-o", "name"); got != "" {
		t.Errorf("--home shows the rules of another home: %s", got)
	}
	delete(s.env, "SALVOR_HOME")
	s.env["HOME"] = s.dir
	s.must("get", "rules")
	if _, err := os.Stat(filepath.Join(s.dir, ".local/share/salvor/catalog.db")); err != nil {
		t.Error(err)
	}
	delete(s.env, "HOME")
	if r := s.run("get", "rules"); r.code != 2 || !strings.Contains(r.stderr, "SALVOR_HOME") {
		t.Errorf("without any directory it ended with %d: %s", r.code, r.stderr)
	}
}
