package cli_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/salvor"
)

func withRules(b *salvor.Backup) { b.Spec.PreExecRule, b.Spec.PostExecRule = "freeze", "freeze" }

// What a backup in hand needs is neither deleted nor pointed elsewhere.
func TestWhatIsInHandIsKept(t *testing.T) {
	for name, c := range map[string]struct {
		arrange func(*shell)
		want    string
	}{
		"a backup that failed and owes a thaw": {func(s *shell) { s.frozen("b1", salvor.PhaseFailed, withRules) }, "salvor backup resume prod/b1"},
		"one whose process died":               {func(s *shell) { s.frozen("b1", salvor.PhaseQuiescing, withRules) }, "owes a thaw to shop"},
		"one that runs": {func(s *shell) {
			s.seed("b1", noon, salvor.PhaseCapturing, withRules, func(b *salvor.Backup) {
				b.Status.Lease = salvor.Lease{Holder: "other/1/x", Epoch: 1, Expires: metav1.NewTime(noon.Add(time.Minute))}
			})
		}, "other/1/x"},
		"one that was left before it froze": {func(s *shell) {
			s.seed("b1", noon.Add(-time.Hour), salvor.PhasePending, withRules, func(b *salvor.Backup) { b.Status.Lease = salvor.Lease{} })
		}, "left unfinished"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShell(t)
			s.settings()
			s.stdin = freeze
			s.must("apply", "-f", "-")
			c.arrange(s)
			other := s.file("other", strings.ReplaceAll(kubeconfig, "dead", "other"))
			for _, args := range [][]string{
				{"delete", "cluster", "prod"}, {"delete", "location", "disk"}, {"delete", "rule", "freeze"},
				{"cluster", "add", "prod", "--kubeconfig", other, "--no-check"},
				{"location", "add", "disk", "--dir", filepath.Join(s.dir, "elsewhere")},
			} {
				if r := s.run(args...); r.code != 4 || !strings.Contains(r.stderr, "backup/prod/b1") || !strings.Contains(r.stderr, c.want) {
					t.Errorf("%v ended with %d: %s", args, r.code, r.stderr)
				}
			}
			document := strings.ReplaceAll(s.must("get", "cluster", "prod", "-o", "yaml"), "context: dead", "context: other")
			if r := s.run("apply", "-f", s.file("c.yaml", document)); r.code != 4 || !strings.Contains(r.stderr, "backup/prod/b1") {
				t.Errorf("applying another context ended with %d: %s", r.code, r.stderr)
			}
			s.must("cluster", "add", "prod", "--kubeconfig", s.deadKubeconfig(), "--no-check") // no change
			s.must("cluster", "add", "prod", "--kubeconfig", other, "--no-check", "--force")
			s.must("delete", "cluster", "prod", "--force")
		})
	}
}

func TestWhatIsNotInHandGoes(t *testing.T) {
	s := newShell(t)
	s.settings()
	s.seed("b1", noon, salvor.PhaseFailed)
	s.must("cluster", "add", "prod", "--kubeconfig", s.file("other", strings.ReplaceAll(kubeconfig, "dead", "other")), "--no-check")
	s.must("location", "add", "disk", "--dir", filepath.Join(s.dir, "elsewhere"))
	s.must("delete", "cluster", "prod")
	s.must("delete", "location", "disk")
}

func TestALocationWithBackupsIsNotMoved(t *testing.T) {
	s := newShell(t)
	place := s.settings()
	s.stored("b1", noon)
	elsewhere := filepath.Join(s.dir, "elsewhere")
	for _, args := range [][]string{
		{"location", "add", "disk", "--dir", elsewhere}, {"location", "add", "disk", "--s3-bucket", "other-bucket", "--s3-region", "eu-central-1", "--no-check"},
		{"apply", "-f", s.file("l.yaml", strings.ReplaceAll(s.must("get", "location", "disk", "-o", "yaml"), place, elsewhere))},
	} {
		if r := s.run(args...); r.code != 4 || !strings.Contains(r.stderr, "prod/b1") || !strings.Contains(r.stderr, "--force") {
			t.Errorf("%v ended with %d: %s", args, r.code, r.stderr)
		}
	}
	s.must("verify", "b1")
	s.must("location", "add", "disk", "--dir", place) // where it was
	s.must("location", "add", "disk", "--dir", elsewhere, "--force")
}

// answering is a kubeconfig of an API server whose kube-system has the uid.
func (s *shell) answering(name, uid string) string {
	s.t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/version" {
			fmt.Fprint(w, `{"major":"1","minor":"36","gitVersion":"v1.36.3"}`)
			return
		}
		if r.URL.Path == "/api" || r.URL.Path == "/apis" {
			w.Header().Set("Content-Type", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList")
			fmt.Fprint(w, `{"kind":"APIGroupDiscoveryList","apiVersion":"apidiscovery.k8s.io/v2","items":[]}`)
			return
		}
		fmt.Fprintf(w, `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"kube-system","uid":%q}}`, uid)
	}))
	s.t.Cleanup(server.Close)
	return s.file(name, strings.ReplaceAll(kubeconfig, "http://127.0.0.1:1", server.URL))
}

// A kubeconfig that has moved must not keep a thaw from being paid: the cluster itself says that it is the same.
func TestTheSameClusterMayBeReachedOtherwise(t *testing.T) {
	s := newShell(t)
	s.must("cluster", "add", "prod", "--kubeconfig", s.answering("first", "uid-1"))
	s.must("location", "add", "disk", "--dir", filepath.Join(s.dir, "backups"))
	s.frozen("b1", salvor.PhaseFailed)
	if r := s.run("cluster", "add", "prod", "--kubeconfig", s.answering("other", "uid-2")); r.code != 4 || !strings.Contains(r.stderr, "owes a thaw") {
		t.Errorf("another cluster: %d %s", r.code, r.stderr)
	}
	if r := s.run("cluster", "add", "prod", "--kubeconfig", s.answering("moved", "uid-1")); r.code != 0 || r.stderr != "" {
		t.Errorf("the same cluster: %d %s", r.code, r.stderr)
	}
	if r := s.run("cluster", "add", "prod", "--kubeconfig", s.answering("another", "uid-3"), "--force"); r.code != 0 || !strings.Contains(r.stderr, "another cluster than before") {
		t.Errorf("another cluster by force: %d %s", r.code, r.stderr)
	}
}
