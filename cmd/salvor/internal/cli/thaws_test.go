package cli_test

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/salvor"
)

// frozen seeds a backup that owes a thaw, and holds what is found by that.
func (s *shell) frozen(name string, phase salvor.Phase, change ...func(*salvor.Backup)) *salvor.Backup {
	s.t.Helper()
	held := salvor.New(salvor.KindFreeze).(*salvor.Freeze)
	held.Name, held.CreationTimestamp = salvor.FreezeName("prod", name), metav1.NewTime(noon)
	held.Spec = salvor.FreezeSpec{Backup: salvor.BackupID{ClusterID: "prod", Name: name}, Namespace: "shop"}
	if err := s.home().Catalog.Create(s.t.Context(), held); err != nil {
		s.t.Fatal(err)
	}
	return s.seed(name, noon.Add(-time.Hour), phase, append([]func(*salvor.Backup){func(b *salvor.Backup) {
		rule := salvor.RuleSpec{SubRules: []salvor.SubRule{{Name: "thaw", PodSelectors: []metav1.LabelSelector{{}}, Actions: []salvor.Action{{Shell: "true"}}}}}
		b.Status.Thaw = &salvor.OwedThaw{Rule: rule, Namespaces: []string{"shop"}, Since: metav1.NewTime(noon.Add(-time.Hour))}
		if !phase.Done() {
			b.Status.Lease = salvor.Lease{Holder: "other/1/x", Epoch: 1, Expires: metav1.NewTime(noon.Add(-time.Minute))}
		}
	}}, change...)...)
}

func TestWhatIsOwedIsShown(t *testing.T) {
	s := newShell(t)
	s.settings()
	if got := s.run("get", "thaws"); got.code != 0 || !strings.Contains(got.stderr, "no thaws are owed") {
		t.Errorf("of none it says %+v", got)
	}
	s.stored("fine", noon)
	s.frozen("failed", salvor.PhaseFailed)
	s.frozen("dead", salvor.PhaseQuiescing, func(b *salvor.Backup) {
		b.Status.Thaw.Begun = []salvor.PodRef{{Namespace: "dead", Name: "db-0", UID: "u0"}, {Namespace: "dead", Name: "db-1", UID: "u1"}}
		b.Status.Thaw.Spared = []salvor.PodRef{{Namespace: "dead", Name: "db-2", UID: "u2"}}
	})
	s.frozen("running", salvor.PhaseQuiescing, func(b *salvor.Backup) { b.Status.Lease.Expires = metav1.NewTime(noon.Add(time.Minute)) })
	if r := s.run("backup", "resume", "failed"); r.code != 8 {
		t.Errorf("resuming while the cluster is away ended with %d: %s", r.code, r.stderr)
	}
	got := s.must("get", "thaws")
	lines := strings.Split(got, "\n")
	for i, want := range [][]string{
		{"BACKUP", "CLUSTER", "NAMESPACES", "PODS", "SINCE", "AGE", "ATTEMPTS", "NEXT", "LAST ERROR"},
		{"dead", "prod", "shop", "2", "2026-11-22 12:00:00 CET", "60m", "0", "due", "-"},
		{"failed", "prod", "shop", "not known", "2026-11-22 12:00:00 CET", "60m", "1", "2026-11-22 13:00:05 CET", "connection refused"},
		{"running", "prod", "shop", "not known", "2026-11-22 12:00:00 CET", "60m", "0", "by other/1/x", "-"},
	} {
		rest := lines[i]
		for _, cell := range want {
			_, after, there := strings.Cut(rest, cell)
			if !there {
				t.Errorf("%q is not in its place in %q", cell, lines[i])
			}
			rest = after
		}
	}
	if len(lines) != 5 {
		t.Errorf("what owes nothing is listed:\n%s", got)
	}
	if got := s.must("get", "thaws", "-o", "name"); got != "backup/prod/dead\nbackup/prod/failed\nbackup/prod/running\n" {
		t.Errorf("by name: %q", got)
	}
	list := s.must("backups")
	for _, want := range []string{"Failed (thaw owed)", "Quiescing (thaw owed)"} {
		if !strings.Contains(list, want) {
			t.Errorf("%q is not in\n%s", want, list)
		}
	}
	for name, want := range map[string]string{"failed": "tried once, the last time at 2026-11-22 13:00:00 CET", "dead": "may be frozen   dead/db-0",
		"running": "next by other/1/x"} {
		if got := s.must("describe", "backup", name); !strings.Contains(got, want) || !strings.Contains(got, "OWED") {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
}

func TestACanceledBackupSaysHowLongItWasFrozen(t *testing.T) {
	s := newShell(t)
	s.settings()
	s.seed("b1", noon, salvor.PhaseCanceled, func(b *salvor.Backup) { b.Status.FrozenFor.Duration = 1200 * time.Millisecond })
	if got := s.must("describe", "backup", "b1"); !strings.Contains(got, "1.2s, and thawed") {
		t.Errorf("it says\n%s", got)
	}
}
