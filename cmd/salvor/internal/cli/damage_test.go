package cli_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/salvor"
)

// blobs returns the files of the location whose path contains part.
func (s *shell) blobs(part string) []string {
	s.t.Helper()
	var found []string
	err := filepath.WalkDir(filepath.Join(s.dir, "backups"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.Contains(path, part) {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return found
}

func TestVerify(t *testing.T) {
	s := newShell(t)
	s.settings()
	s.stored("b1", noon)
	if got := s.must("verify", "b1"); !strings.HasPrefix(got, "backup/prod/b1 is sound: 3 objects, 1 segment, ") {
		t.Errorf("of a sound backup it says %q", got)
	}
	for _, part := range []string{"/segments/", "manifest.json"} {
		files := s.blobs(part)
		if len(files) != 1 {
			t.Fatalf("%d files of %s", len(files), part)
		}
		data, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		data[len(data)/2] ^= 1
		if err := os.WriteFile(files[0], data, 0o600); err != nil {
			t.Fatal(err)
		}
		if r := s.run("verify", "b1"); r.code != 7 || !strings.Contains(r.stderr, "is damaged") || r.stdout == "" {
			t.Errorf("with a flipped bit in %s it ended with %d: %s%s", part, r.code, r.stdout, r.stderr)
		}
		if r := s.run("verify", "b1", "--json"); r.code != 7 || !strings.Contains(r.stdout, `"problems"`) {
			t.Errorf("as JSON it ended with %d: %s", r.code, r.stdout)
		}
		for format, says := range map[string]string{"json": `"problems": [`, "yaml": "problems:\n", "name": "backup/prod/b1\n", "wide": ": "} {
			if r := s.run("verify", "b1", "-o", format); r.code != 7 || !strings.Contains(r.stdout, says) {
				t.Errorf("as %s it ended with %d: %s", format, r.code, r.stdout)
			}
		}
	}
	if marks := s.blobs("/damaged/"); len(marks) != 1 {
		t.Errorf("the damaged segment is marked by %v", marks)
	}
	s.seed("failed", noon, salvor.PhaseFailed)
	if r := s.run("verify", "failed"); r.code != 3 {
		t.Errorf("verifying what has no manifest ended with %d: %s", r.code, r.stderr)
	}
}

func TestDeleteBackup(t *testing.T) {
	s := newShell(t)
	s.settings()
	s.stored("b1", noon)
	if r := s.run("delete", "backup", "b1"); r.code != 2 || !strings.Contains(r.stderr, "--yes") {
		t.Errorf("unasked it ended with %d: %s", r.code, r.stderr)
	}
	if len(s.blobs("manifest.json")) != 1 {
		t.Fatal("the manifest is gone before anybody confirmed")
	}
	got := s.must("delete", "backup", "b1", "--yes")
	if !strings.Contains(got, "its segments stay") {
		t.Errorf("it says %q", got)
	}
	if len(s.blobs("/backups/b1/")) != 0 || len(s.blobs("/segments/")) != 1 {
		t.Errorf("left over are %v", s.blobs(""))
	}
	if r := s.run("verify", "b1"); r.code != 3 {
		t.Errorf("the deleted backup is still known: %d %s", r.code, r.stderr)
	}
}

func TestDeleteBackupRefuses(t *testing.T) {
	s := newShell(t)
	s.settings()
	s.seed("busy", noon, salvor.PhaseCapturing, func(b *salvor.Backup) {
		b.Status.Lease = salvor.Lease{Holder: "other/1/x", Epoch: 1, Expires: metav1.NewTime(noon.Add(1e9))}
	})
	s.seed("frozen", noon, salvor.PhaseFailed, func(b *salvor.Backup) {
		b.Status.Thaw = &salvor.OwedThaw{Namespaces: []string{"shop"}, Since: metav1.NewTime(noon)}
	})
	for name, why := range map[string]string{"busy": "other/1/x", "frozen": "owes a thaw"} {
		if r := s.run("delete", "backup", name, "--yes"); r.code != 4 || !strings.Contains(r.stderr, why) {
			t.Errorf("deleting %s ended with %d: %s", name, r.code, r.stderr)
		}
	}
	s.must("delete", "backup", "frozen", "--yes", "--force")
}

func TestCancel(t *testing.T) {
	s := newShell(t)
	s.settings()
	s.seed("waiting", noon, salvor.PhasePending, func(b *salvor.Backup) { b.Status.Lease = salvor.Lease{} })
	s.seed("busy", noon, salvor.PhaseCapturing, func(b *salvor.Backup) { b.Status.Lease.Holder = "other/1/x" })
	s.seed("done", noon, salvor.PhaseCompleted)
	if got := s.must("cancel", "backup", "waiting"); got != "backup/prod/waiting canceled\n" {
		t.Errorf("it says %q", got)
	}
	if got := s.must("cancel", "backup", "busy"); !strings.Contains(got, "asked to stop") {
		t.Errorf("it says %q", got)
	}
	if r := s.run("cancel", "backup", "done"); r.code != 4 {
		t.Errorf("canceling what is done ended with %d", r.code)
	}
	if r := s.run("cancel", "restore", "none"); r.code != 3 {
		t.Errorf("canceling what is not there ended with %d", r.code)
	}
}
