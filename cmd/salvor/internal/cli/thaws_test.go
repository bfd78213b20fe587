package cli_test

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/salvor"
)

// frozen seeds a backup that owes a thaw.
func (s *shell) frozen(name string, phase salvor.Phase, change ...func(*salvor.Backup)) *salvor.Backup {
	s.t.Helper()
	return s.seed(name, noon.Add(-time.Hour), phase, append(change, func(b *salvor.Backup) {
		rule := salvor.RuleSpec{SubRules: []salvor.SubRule{{Name: "thaw", PodSelectors: []metav1.LabelSelector{{}}, Actions: []salvor.Action{{Shell: "true"}}}}}
		b.Status.Thaw = &salvor.OwedThaw{Rule: rule, Namespaces: []string{"shop"}, Since: metav1.NewTime(noon.Add(-time.Hour))}
		if !phase.Done() {
			b.Status.Lease = salvor.Lease{Holder: "other/1/x", Epoch: 1, Expires: metav1.NewTime(noon.Add(-time.Minute))}
		}
	})...)
}

func TestWhatIsOwedIsShown(t *testing.T) {
	s := newShell(t)
	s.settings()
	if got := s.run("get", "thaws"); got.code != 0 || !strings.Contains(got.stderr, "no thaws are owed") {
		t.Errorf("of none it says %+v", got)
	}
	s.stored("fine", noon)
	s.frozen("failed", salvor.PhaseFailed)
	s.frozen("dead", salvor.PhaseQuiescing)
	if r := s.run("backup", "resume", "failed"); r.code != 8 {
		t.Errorf("resuming while the cluster is away ended with %d: %s", r.code, r.stderr)
	}
	got := s.must("get", "thaws")
	for _, want := range []string{"BACKUP", "failed", "dead", "shop", "60m", "connection refused", "2026-11-22 13:00:05 CET", "due"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	if strings.Contains(got, "fine") {
		t.Errorf("what owes nothing is listed:\n%s", got)
	}
	if got := s.must("get", "thaws", "-o", "name"); got != "backup/prod/dead\nbackup/prod/failed\n" && got != "backup/prod/failed\nbackup/prod/dead\n" {
		t.Errorf("by name: %q", got)
	}
	list := s.must("backups")
	for _, want := range []string{"Failed (thaw owed)", "Quiescing (thaw owed)"} {
		if !strings.Contains(list, want) {
			t.Errorf("%q is not in\n%s", want, list)
		}
	}
	for name, want := range map[string]string{"failed": "tried once, the last time at 2026-11-22 13:00:00 CET", "dead": "salvor backup resume prod/dead takes it over"} {
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
