package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The same thing ends with the same code, whichever command meets it.
func TestExitCodes(t *testing.T) {
	for name, c := range map[string]struct {
		arrange func(*shell)
		code    int
		says    string
		// commands are separated by semicolons.
		commands string
	}{
		"a name that there isn't": {nil, 3, "there is no",
			"backup create x -n a --cluster no; backup create x -n a --location no; backup create x -n a --pre-exec-rule no; restore b1 --to-cluster no --yes; verify no; restore no --yes"},
		"a location whose directory is gone": {func(s *shell) { s.move("backups", "away") }, 3, "mount the disk", "verify b1; restore b1 --yes; describe backup b1"},
		"a location that holds nothing of the cluster": {func(s *shell) {
			s.move("backups", "away")
			s.must("location", "add", "disk", "--dir", filepath.Join(s.dir, "backups"))
		}, 3, "still names the place", "verify b1; restore b1 --yes; describe backup b1"},
		"a manifest that somebody removed": {func(s *shell) { s.remove("manifest.json") }, 7, "manifest", "verify b1; restore b1 --yes; describe backup b1"},
		"a manifest that was changed":      {func(s *shell) { s.flip("manifest.json") }, 7, "manifest", "verify b1; restore b1 --yes; describe backup b1"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShell(t)
			s.settings()
			s.stored("b1", noon)
			if c.arrange != nil {
				c.arrange(s)
			}
			for _, command := range strings.Split(c.commands, "; ") {
				if r := s.run(strings.Fields(command)...); r.code != c.code || !strings.Contains(r.stdout+r.stderr, c.says) {
					t.Errorf("%s ended with %d, want %d: %s%s", command, r.code, c.code, r.stdout, r.stderr)
				}
			}
		})
	}
}

// What the file system says is not what a network says, although its errors have the same methods.
func TestExitCodesOfFiles(t *testing.T) {
	s := newShell(t)
	file := s.file("file", "")
	for _, c := range []struct {
		code    int
		command []string
	}{
		{1, []string{"--home", file, "backups"}},
		{3, []string{"--home", "/proc/nothing", "backups"}},
		{3, []string{"apply", "-f", filepath.Join(s.dir, "missing")}},
		{2, []string{"location", "add", "disk", "--dir", file}},
		{2, []string{"location", "add", "disk", "--dir", filepath.Join(file, "below")}},
		{8, []string{"cluster", "add", "prod", "--kubeconfig", s.deadKubeconfig()}},
	} {
		if r := s.run(c.command...); r.code != c.code || r.stderr == "" {
			t.Errorf("%v ended with %d, want %d: %s", c.command, r.code, c.code, r.stderr)
		}
	}
}

// A deletion that could not be done is said to be unfinished, and is finished by another.
func TestADeletionIsDoneAgain(t *testing.T) {
	s := newShell(t)
	s.settings()
	s.stored("b1", noon)
	s.move("backups", "away")
	if r := s.run("delete", "backup", "b1", "--yes"); r.code != 3 || !strings.Contains(r.stderr, "stays Deleting") {
		t.Errorf("without its location it ended with %d: %s", r.code, r.stderr)
	}
	s.move("away", "backups")
	s.must("delete", "backup", "b1", "--yes")
	if left := s.blobs("/backups/b1/"); len(left) != 0 {
		t.Errorf("left over are %v", left)
	}
}

func (s *shell) move(from, to string) {
	s.t.Helper()
	if err := os.Rename(filepath.Join(s.dir, from), filepath.Join(s.dir, to)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shell) remove(part string) {
	s.t.Helper()
	for _, file := range s.blobs(part) {
		if err := os.Remove(file); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *shell) flip(part string) {
	s.t.Helper()
	for _, file := range s.blobs(part) {
		data, err := os.ReadFile(file)
		if err != nil {
			s.t.Fatal(err)
		}
		data[len(data)/2] ^= 1
		if err := os.WriteFile(file, data, 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
}
