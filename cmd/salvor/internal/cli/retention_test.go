package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

// retained makes a home with a schedule that keeps two a day by the time of Auckland, and nightly backups, stored.
func retained(t *testing.T) *shell {
	s := newShell(t)
	s.settings()
	s.must("apply", "-f", s.file("schedule.yaml", `
apiVersion: salvor.io/v1
kind: SchedulePolicy
metadata: {name: nightly}
spec: {timeZone: Pacific/Auckland, daily: {times: ["02:00"]}, retention: {last: 1, daily: 2}}
---
apiVersion: salvor.io/v1
kind: BackupSchedule
metadata: {name: nightly}
spec: {policy: nightly, template: {spec: {cluster: prod, location: disk, scope: {namespaces: [shop]}}}}
`))
	h := s.home()
	for _, b := range []struct {
		name string
		cut  time.Time
	}{
		{"n1", time.Date(2026, 11, 20, 2, 0, 0, 0, time.UTC)},
		{"n2", time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC)},
		{"n3", time.Date(2026, 11, 21, 10, 30, 0, 0, time.UTC)}, // still the 21st in Auckland
		{"n4", time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)},  // the 22nd there
	} {
		stored := s.stored(b.name, b.cut)
		stored.Spec.Schedule = "nightly"
		if err := h.Catalog.DeleteBackup(t.Context(), stored.ID(), ""); err != nil {
			t.Fatal(err)
		}
		stored.ResourceVersion = ""
		if err := h.Catalog.CreateBackup(t.Context(), stored); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func TestRetentionPlanSaysWhy(t *testing.T) {
	s := retained(t)
	const want = `BACKUP    DATE                      PHASE       PLAN       WHY
prod/n4   2026-11-21 13:00:00 CET   Completed   stays      is number 1 of the newest 1 that are complete; is the newest that is complete of 2026-11-22, 1 of 2 days; is the last good backup of namespace shop
prod/n3   2026-11-21 11:30:00 CET   Completed   stays      is the newest that is complete of 2026-11-21, 2 of 2 days
prod/n2   2026-11-21 03:00:00 CET   Completed   would go   is not among the newest 1 that are complete and is not the newest that is complete of one of the newest 2 days
prod/n1   2026-11-20 03:00:00 CET   Completed   would go   is not among the newest 1 that are complete and is not the newest that is complete of one of the newest 2 days
schedule nightly by policy nightly (Pacific/Auckland): 2 backups would stay, 0 of them only for their lock; 2 would go
`
	for _, args := range [][]string{{"retention", "plan", "nightly"}, {"retention", "plan"}, {"retention", "apply", "--dry-run"}} {
		if diff := cmp.Diff(want, s.must(args...)); diff != "" {
			t.Errorf("salvor %s: -want +got\n%s", strings.Join(args, " "), diff)
		}
	}
	var plans []struct {
		Schedule, TimeZone string
		Remove             []struct {
			Backup  string
			Phase   salvor.Phase
			Reasons []string
		}
	}
	if err := json.Unmarshal([]byte(s.must("retention", "plan", "-o", "json")), &plans); err != nil {
		t.Fatal(err)
	}
	if len(plans) != 1 || plans[0].Schedule != "nightly" || len(plans[0].Remove) != 2 || plans[0].Remove[0].Backup != "n2" || len(plans[0].Remove[0].Reasons) != 1 {
		t.Errorf("as JSON it is %+v", plans)
	}
	if r := s.run("retention", "plan", "none"); r.code == 0 || !strings.Contains(r.stderr, "none") {
		t.Errorf("of a schedule that is not there: %d %s", r.code, r.stderr)
	}
	if r := s.run("retention", "plan", "-o", "xml"); r.code != 2 {
		t.Errorf("with an output that is not there: %d %s", r.code, r.stderr)
	}
}

func TestRetentionApplyDeletesWhatThePlanNames(t *testing.T) {
	s := retained(t)
	s.must("hold", "n1", "--reason", "audit")
	if r := s.run("delete", "backup", "n1", "--yes", "--force"); r.code == 0 || !strings.Contains(r.stderr, "is held by ada@example") || !strings.Contains(r.stderr, "salvor release prod/n1") {
		t.Errorf("deleting what is held: %d %s", r.code, r.stderr)
	}
	if r := s.run("retention", "apply"); r.code == 0 || !strings.Contains(r.stderr, "--yes") {
		t.Errorf("without anybody to ask: %d %s", r.code, r.stderr)
	}
	out := s.must("retention", "apply", "--yes")
	if !strings.HasPrefix(out, "backup/prod/n2 deleted: is not among") || !strings.Contains(out, "1 backup deleted, 3 kept, 0 of them only for their lock") {
		t.Errorf("it says %s", out)
	}
	if got := s.must("backups", "-o", "name"); got != "backup/prod/n4\nbackup/prod/n3\nbackup/prod/n1\n" {
		t.Errorf("left are %s", got)
	}
	for _, name := range []string{"n1", "n3", "n4"} {
		s.must("verify", name)
	}
	if held := s.must("retention", "plan"); !strings.Contains(held, "is held by ada@example: audit") {
		t.Errorf("the plan says\n%s", held)
	}
	s.must("release", "prod/n1")
	if out := s.must("retention", "apply", "--yes"); !strings.Contains(out, "backup/prod/n1 deleted") {
		t.Errorf("when it is released: %s", out)
	}
}

// Holds and releases of one second are told by the location in their order.
func TestAHoldAfterAReleaseOutlivesTheCatalog(t *testing.T) {
	s := newShell(t)
	location := s.settings()
	s.stored("b1", noon)
	for i, args := range [][]string{{"hold", "b1", "--reason", "first"}, {"release", "b1"}, {"hold", "b1", "--reason", "second"}} {
		s.now = noon.Add(time.Minute + time.Duration(i+1)*200*time.Millisecond)
		s.must(args...)
	}
	files, _ := filepath.Glob(filepath.Join(s.env["SALVOR_HOME"], "catalog.db*"))
	for _, f := range files {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	s.must("location", "sync", "disk", "--dir", location)
	if got := s.must("get", "backup", "prod/b1", "-o", "yaml"); len(files) == 0 || !strings.Contains(got, "reason: second") {
		t.Errorf("after the catalog was lost the backup is\n%s", got)
	}
}

// A home that only reads the location of another neither holds nor deletes what is there, and goes on finding it.
func TestAReaderLeavesAlone(t *testing.T) {
	s := retained(t)
	s.env["SALVOR_HOME"] = filepath.Join(s.dir, "reader")
	s.must("location", "sync", "disk", "--dir", filepath.Join(s.dir, "backups"), "--force")
	for _, args := range [][]string{{"hold", "n1"}, {"release", "n1"}, {"delete", "backup", "n1", "--yes"}} {
		if r := s.run(args...); r.code == 0 || !strings.Contains(r.stderr, "is read-only for this one") {
			t.Errorf("salvor %s ended with %d: %s%s", strings.Join(args, " "), r.code, r.stdout, r.stderr)
		}
	}
	s.must("apply", "-f", s.file("nightly.yaml", "apiVersion: salvor.io/v1\nkind: SchedulePolicy\nmetadata: {name: nightly}\nspec: {daily: {times: ['02:00']}, retention: {last: 1}}\n---\n"+
		"apiVersion: salvor.io/v1\nkind: BackupSchedule\nmetadata: {name: nightly}\nspec: {policy: nightly, clusterSelector: {}, template: {spec: {location: disk, scope: {namespaces: [shop]}}}}\n"))
	for _, name := range []string{"n1", "n2", "n3", "n4"} { // their manifests tell of no schedule
		_, err := catalog.MutateBackup(t.Context(), s.home().Catalog, salvor.BackupID{ClusterID: "prod", Name: name}, func(b *salvor.Backup) error {
			b.Spec.Schedule = "nightly"
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if out := s.must("retention", "apply", "--yes"); !strings.Contains(out, "0 backups deleted, 4 kept") {
		t.Errorf("retention says %s", out)
	}
	if got := s.must("backups", "--phase", "Completed", "-o", "name"); strings.Count(got, "\n") != 4 {
		t.Errorf("left are %s", got)
	}
}
