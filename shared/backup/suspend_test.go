package backup_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
)

// runUntil runs the backup in a process that has to end when stop says so.
func (b *bench) runUntil(t *testing.T, id salvor.BackupID, stop func(end func())) (*salvor.Backup, error) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	stop(func() { cancel(salvor.Errorf(salvor.Suspended, "time is up")) })
	return b.Run(ctx, id)
}

// suspendAfterNamespaced ends the process when all that has a namespace is stored: when namespaces are listed at the
// revision for the second time.
func suspendAfterNamespaced(f *fakeCluster, end func()) {
	lists := 0
	f.fault = func(r cluster.ListRequest, n int) error {
		if r.Resource.Name == "namespaces" && r.Revision != "" && n == 0 {
			if lists++; lists == 2 {
				end()
				return context.Canceled
			}
		}
		return nil
	}
}

func TestASuspendedCaptureGoesOnAtTheSameCut(t *testing.T) {
	for name, compacted := range map[string]bool{"at the same revision": false, "after its revision was compacted away": true} {
		t.Run(name, func(t *testing.T) {
			f, want := filled(20)
			for _, ns := range []string{"a", "a-b", "c"} {
				f.add(secrets, ns, "s", "1")
			}
			b := newBench(t, f)
			begun, _, err := b.Begin(t.Context(), quiesced("b", "*"))
			if err != nil {
				t.Fatal(err)
			}
			first, err := b.runUntil(t, begun.ID(), func(end func()) { suspendAfterNamespaced(f, end) })
			if !salvor.Is(err, salvor.Suspended) || first.Status.Phase != salvor.PhaseCapturing || first.Status.Thaw != nil || first.Status.Lease.Holder != "" {
				t.Fatalf("suspended, it is %+v, %v", first, err)
			}
			var lists []string
			cut := first.Status.Revision
			f.revision += 50
			f.fault = func(r cluster.ListRequest, n int) error {
				if n == 0 {
					lists = append(lists, r.Resource.Name)
				}
				if compacted && r.Revision == cut {
					return apierrors.NewResourceExpired("compacted")
				}
				return nil
			}
			b.Holder = "another process"
			done, err := b.Run(t.Context(), begun.ID())
			if err != nil || done.Status.Phase != salvor.PhaseCompleted || done.Status.Revision != cut || done.Status.Checkpoint != "" || !done.Status.CutAt.Equal(&first.Status.CutAt) {
				t.Fatalf("it ends %+v, %v", done.Status, err)
			}
			if diff := cmp.Diff([]string{"pre-exec", "post-exec"}, b.rules.ran); diff != "" {
				t.Errorf("rules ran again: %s", diff)
			}
			if diff := cmp.Diff(want, b.keys(t, "b", "configmaps")); diff != "" {
				t.Error(diff)
			}
			if got := b.keys(t, "b", "secrets"); len(got) != 3 {
				t.Errorf("secrets are %v", got)
			}
			for _, l := range lists {
				if l != "namespaces" {
					t.Error("what was read to its end is read again")
				}
			}
			m, _, err := b.repo.Manifest(t.Context(), "b")
			if err != nil {
				t.Fatal(err)
			}
			if got := len(m.Exceptions) > 0; got != compacted {
				t.Errorf("exceptions are %+v", m.Exceptions)
			}
			if len(m.Warnings) > 0 || len(m.Failures) > 0 {
				t.Errorf("it warns of %v, and lacks %v", m.Warnings, m.Failures)
			}
		})
	}
}

// An application that is frozen longer than a process lives is not frozen again and again.
func TestRulesThatTakeLongerThanAProcessFail(t *testing.T) {
	f, _ := filled(2)
	b := newBench(t, f)
	begun, _, err := b.Begin(t.Context(), quiesced("b", "a"))
	if err != nil {
		t.Fatal(err)
	}
	done, err := b.runUntil(t, begun.ID(), func(end func()) {
		b.rules.hook = func(phase string) {
			if phase == "pre-exec" {
				end()
			}
		}
	})
	if !salvor.Is(err, salvor.DeadlineExceeded) || done.Status.Phase != salvor.PhaseFailed || done.Status.Thaw != nil {
		t.Fatalf("got %+v, %v", done, err)
	}
	if diff := cmp.Diff([]string{"pre-exec", "post-exec"}, b.rules.ran); diff != "" {
		t.Error(diff)
	}
}

// Before anything is frozen there is nothing to keep: the next process begins anew.
func TestASuspendedPlanBeginsAnew(t *testing.T) {
	f, want := filled(5)
	b := newBench(t, f)
	begun, _, err := b.Begin(t.Context(), quiesced("b", "*"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.runUntil(t, begun.ID(), func(end func()) {
		b.OnStep = func(s backup.Step) {
			if s == backup.StepPlan {
				end()
			}
		}
	}); !salvor.Is(err, salvor.Suspended) {
		t.Fatal(err)
	}
	b.OnStep = nil
	done, err := b.Run(t.Context(), begun.ID())
	if err != nil || done.Status.Phase != salvor.PhaseCompleted {
		t.Fatalf("got %+v, %v", done, err)
	}
	if diff := cmp.Diff(want, b.keys(t, "b", "configmaps")); diff != "" {
		t.Error(diff)
	}
}
