package cli_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/cmd/salvor/internal/cli"
	"salvor.io/salvor/cmd/salvor/internal/home"
	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/salvor"
)

// noon is the time of all tests.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// shell runs commands in a home of its own.
type shell struct {
	t   *testing.T
	dir string
	env map[string]string
	now time.Time
	// stdin is what the next command reads.
	stdin string
}

func newShell(t *testing.T) *shell {
	t.Helper()
	dir := t.TempDir()
	return &shell{t: t, dir: dir, now: noon, env: map[string]string{"SALVOR_HOME": filepath.Join(dir, "home"), "GOMEMLIMIT": "off"}}
}

// result is how a command ended.
type result struct {
	stdout, stderr string
	code           int
}

func (s *shell) system(stdout, stderr *bytes.Buffer) cli.System {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		s.t.Fatal(err)
	}
	return cli.System{
		Stdin: strings.NewReader(s.stdin), Stdout: stdout, Stderr: stderr,
		Getenv: func(name string) string { return s.env[name] },
		Now:    func() time.Time { return s.now }, Zone: berlin,
		User: "ada@example", Holder: "example/1/test", Version: "v0.0.0-test",
	}
}

// run runs one command.
func (s *shell) run(args ...string) result {
	s.t.Helper()
	var stdout, stderr bytes.Buffer
	code := cli.Exec(s.t.Context(), s.system(&stdout, &stderr), args)
	s.stdin = ""
	return result{stdout.String(), stderr.String(), code}
}

// must runs a command that has to succeed, and returns its standard output.
func (s *shell) must(args ...string) string {
	s.t.Helper()
	r := s.run(args...)
	if r.code != 0 {
		s.t.Fatalf("salvor %s ended with %d\n%s%s", strings.Join(args, " "), r.code, r.stdout, r.stderr)
	}
	return r.stdout
}

// file writes a file and returns its path.
func (s *shell) file(name, content string) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// home opens the home that the commands use.
func (s *shell) home() *home.Home {
	s.t.Helper()
	h, err := home.Open(s.env["SALVOR_HOME"], home.Options{Now: func() time.Time { return s.now }, Holder: "test"})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { h.Close() })
	return h
}

// settings makes a cluster that nobody answers for, and a location.
func (s *shell) settings() (location string) {
	s.t.Helper()
	location = filepath.Join(s.dir, "backups")
	s.must("cluster", "add", "prod", "--kubeconfig", s.deadKubeconfig(), "--no-check")
	s.must("location", "add", "disk", "--dir", location)
	return location
}

// deadKubeconfig names an API server that refuses connections.
func (s *shell) deadKubeconfig() string {
	return s.file("kubeconfig", kubeconfig)
}

const kubeconfig = `apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: u, user: {token: very-secret}}]
contexts: [{name: dead, context: {cluster: c, user: u}}]
current-context: dead
`

// seed records a backup as if it had been made, cut at the time.
func (s *shell) seed(name string, cut time.Time, phase salvor.Phase, change ...func(*salvor.Backup)) *salvor.Backup {
	s.t.Helper()
	b := salvor.New(salvor.KindBackup).(*salvor.Backup)
	b.Name, b.RequestedBy = name, "ada@example"
	b.CreationTimestamp = metav1.NewTime(cut.Add(-time.Second))
	b.Spec = salvor.BackupSpec{Cluster: "prod", Location: "disk", Scope: salvor.Scope{Namespaces: []string{"shop"}}}
	b.Default()
	b.Status = salvor.BackupStatus{Phase: phase, ClusterID: "prod", StartedAt: b.CreationTimestamp, CutAt: metav1.NewMicroTime(cut),
		CompletedAt: metav1.NewTime(cut.Add(2 * time.Second)), Namespaces: []string{"shop"}, Revision: "7", Lease: salvor.Lease{Epoch: 1}}
	for _, c := range change {
		c(b)
	}
	if err := s.home().Catalog.CreateBackup(s.t.Context(), b); err != nil {
		s.t.Fatal(err)
	}
	return b
}

// stored seeds a backup of a few ConfigMaps and stores it, too.
func (s *shell) stored(name string, cut time.Time) *salvor.Backup {
	s.t.Helper()
	ctx := s.t.Context()
	repo, err := s.home().Repository(ctx, "disk", "prod")
	if err != nil {
		s.t.Fatal(err)
	}
	if err := repo.Claim(ctx, s.home().ID); err != nil {
		s.t.Fatal(err)
	}
	m := manifestOf(s.t, name, cut, func(digest string, data []byte) error { return repo.PutSegment(ctx, digest, data) })
	root, err := repo.Commit(ctx, m)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.seed(name, cut, salvor.PhaseCompleted, func(b *salvor.Backup) {
		b.Status.RootDigest = root
		b.Status.Progress = salvor.Progress{Kinds: 1, Objects: m.Totals.Objects, Bytes: m.Totals.Bytes, Segments: 1}
	})
}

func manifestOf(t *testing.T, name string, cut time.Time, put func(string, []byte) error) *archive.Manifest {
	t.Helper()
	lines := ""
	for i := range 3 {
		lines += fmt.Sprintf(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c%d","namespace":"shop"}}`+"\n", i)
	}
	segment, stored := encode(t, lines)
	if err := put(segment.Digest, stored); err != nil {
		t.Fatal(err)
	}
	m := &archive.Manifest{FormatVersion: archive.FormatVersion, Backup: name, Cluster: "prod", CutAt: metav1.NewMicroTime(cut),
		Phase: salvor.PhaseCompleted, Revision: "7", Namespaces: []string{"shop"}}
	m.Kinds = []archive.Kind{{Resource: configMaps, Segments: []archive.Segment{segment}}}
	m.Totals = archive.Totals{Objects: 3, Segments: 1, Bytes: segment.Bytes}
	return m
}

func TestMain(m *testing.M) {
	// A kubeconfig or an AWS profile of whoever runs the tests must not matter.
	for _, name := range []string{"KUBECONFIG", "AWS_PROFILE", "SALVOR_HOME"} {
		os.Unsetenv(name)
	}
	os.Exit(m.Run())
}
