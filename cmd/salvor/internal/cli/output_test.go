package cli_test

import (
	"strings"
	"testing"
	"time"

	"salvor.io/salvor/shared/salvor"
)

// What changes an object prints it, when asked, so that a program can go on with it.
func TestWhatChangesAnObjectPrintsIt(t *testing.T) {
	noAWS(t)
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
		{[]string{"cluster", "add", "e", "--arn", prodARN, "--role-arn", prodRole, "--no-check", "-o"}, "cluster/e", `"externalID"`},
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
	s.must("hold", "other")
	if r := s.run("delete", "backup", "b1", "other", "waiting", "--yes", "-o", "name"); r.stdout != "backup/prod/b1\nbackup/prod/waiting\n" || r.code != 4 || !strings.Contains(r.stderr, "is held") {
		t.Errorf("of three backups, one of which is held, it prints %+v", r)
	}
	r := s.run("delete", "cluster", "nobody", "-o", "json")
	if r.code == 0 || r.stdout != "" {
		t.Errorf("of what is not there it prints %+v", r)
	}
	// It is stored before it is known that its access is missing.
	r = s.run("cluster", "add", "later", "--arn", prodARN, "-o", "name")
	if r.code == 0 || r.stdout != "cluster/later\n" || !strings.Contains(r.stderr, "create-access-entry") {
		t.Errorf("of a cluster without access it prints %+v", r)
	}
	if got := s.must("__complete", "version", "-o", ""); !strings.HasPrefix(got, "table\njson\n") {
		t.Errorf("-o is completed by\n%s", got)
	}
}
