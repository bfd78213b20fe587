package cli_test

import (
	"strings"
	"testing"
	"time"

	"salvor.io/salvor/shared/salvor"
)

// What changes an object prints it, when asked, so that a program can go on with it.
func TestWhatChangesAnObjectPrintsIt(t *testing.T) {
	s := newShell(t)
	s.settings()
	s.stored("b1", noon.Add(-time.Hour))
	never := func(b *salvor.Backup) { b.Status.Lease = salvor.Lease{} }
	s.seed("other", noon, salvor.PhasePending, never)
	s.seed("waiting", noon, salvor.PhasePending, never)
	location := []string{"location", "add", "more", "--dir", s.dir + "/more", "-o"}
	for _, tt := range []struct {
		args []string
		name string // what -o name prints
		has  string // what is in the object
	}{
		{[]string{"cluster", "add", "dev", "--kubeconfig", s.deadKubeconfig(), "--no-check", "-o"}, "cluster/dev", `"context": "dead"`},
		{location, "backuplocation/more", `"kind": "BackupLocation"`},
		{[]string{"hold", "b1", "-o"}, "backup/prod/b1", `"by": "ada@example"`},
		{[]string{"release", "b1", "-o"}, "backup/prod/b1", `"phase": "Completed"`},
	} {
		if got := s.must(append(tt.args, "json")...); !strings.HasPrefix(got, "{") || !strings.Contains(got, tt.has) {
			t.Errorf("%v json prints\n%s", tt.args, got)
		}
		if got := s.must(append(tt.args, "name")...); got != tt.name+"\n" {
			t.Errorf("%v name prints\n%s", tt.args, got)
		}
	}
	if got := s.must("cancel", "backup", "waiting", "-o", "json"); !strings.HasPrefix(got, "{") || !strings.Contains(got, `"phase": "Canceled"`) {
		t.Errorf("a canceled backup is printed as\n%s", got)
	}
	if got := s.must("cancel", "backup", "other", "-o", "name"); got != "backup/prod/other\n" {
		t.Errorf("a canceled backup is printed as\n%s", got)
	}
	if got := s.must("delete", "location", "more", "-o", "json"); !strings.HasPrefix(got, "{") || !strings.Contains(got, `"name": "more"`) {
		t.Errorf("a deleted location is printed as\n%s", got)
	}
	if got := s.must("delete", "backup", "b1", "waiting", "--yes", "-o", "name"); got != "backup/prod/b1\nbackup/prod/waiting\n" {
		t.Errorf("deleted backups are printed as\n%s", got)
	}
	s.must(append(location, "name")...)
	r := s.run("delete", "cluster", "nobody", "-o", "json")
	if r.code == 0 || r.stdout != "" {
		t.Errorf("of what is not there it prints %+v", r)
	}
}
