package serve_test

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/salvor"
)

func TestServeTakesOverWhatWasLeft(t *testing.T) {
	s := newServed(t)
	for name, lease := range map[string]salvor.Lease{
		"dead":  {Holder: "other/1/x", Epoch: 1, Expires: metav1.NewTime(noon.Add(-time.Second))},
		"alive": {Holder: "other/2/x", Epoch: 1, Expires: metav1.NewTime(noon.Add(time.Minute))},
		"young": {},
	} {
		b := &salvor.Backup{ObjectMeta: salvor.ObjectMeta{Name: name, CreationTimestamp: metav1.NewTime(noon.Add(-30 * time.Second))}}
		b.Spec = salvor.BackupSpec{Cluster: "prod", Location: "disk", Scope: salvor.Scope{Namespaces: []string{"shop"}}}
		b.Default()
		b.Status = salvor.BackupStatus{Phase: salvor.PhaseQuiescing, ClusterID: "prod", Lease: lease}
		if err := s.CreateBackup(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	s.start(t)
	s.eventually(t, "what a dead process left was taken over", s.ended(t, "dead"))
	if s.ended(t, "alive")() || s.ended(t, "young")() {
		t.Error("what another process works on, or is about to, was taken over")
	}
	s.set(noon.Add(2 * time.Minute))
	s.eventually(t, "the others were taken over in time", func() bool { return s.ended(t, "alive")() && s.ended(t, "young")() })
}

// Each of several servers fires a run, and all but one find that it is being made: that is no mistake.
func TestServeLeavesARunToAnotherServer(t *testing.T) {
	s := newServed(t)
	s.schedule(t, "shop", false)
	b := &salvor.Backup{ObjectMeta: salvor.ObjectMeta{Name: "shop-20261122t120000z", CreationTimestamp: metav1.NewTime(noon)}}
	b.Spec = salvor.BackupSpec{Cluster: "prod", Location: "disk", Schedule: "shop", ScheduledFor: metav1.NewTime(noon), Scope: salvor.Scope{Namespaces: []string{"shop"}}}
	b.Default()
	b.Status = salvor.BackupStatus{Phase: salvor.PhaseQuiescing, ClusterID: "prod", StartedAt: metav1.NewTime(noon),
		Lease: salvor.Lease{Holder: "other/2/x", Epoch: 1, Expires: metav1.NewTime(noon.Add(time.Minute))}}
	if err := s.CreateBackup(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	s.start(t)
	s.eventually(t, "it is left to the other", func() bool { return strings.Contains(s.logged(), "another process works on the backup") })
	s.end(t)
	if strings.Contains(s.logged(), "level=ERROR") {
		t.Errorf("that is logged as a mistake: %s", s.logged())
	}
}

// A backup that kills its worker each time would freeze the application again and again, and one whose time is over is late.
func TestServeGivesUpWhatNobodyCanMake(t *testing.T) {
	s := newServed(t)
	for name, b := range map[string]struct {
		epoch int64
		began time.Duration
	}{"deadly": {6, time.Hour}, "late": {1, 5 * time.Hour}, "dead": {5, time.Hour}} {
		o := &salvor.Backup{ObjectMeta: salvor.ObjectMeta{Name: name, CreationTimestamp: metav1.NewTime(noon.Add(-b.began))}}
		o.Spec = salvor.BackupSpec{Cluster: "prod", Location: "disk", Scope: salvor.Scope{Namespaces: []string{"shop"}}}
		o.Default()
		o.Status = salvor.BackupStatus{Phase: salvor.PhaseQuiescing, ClusterID: "prod", StartedAt: o.CreationTimestamp, Lease: salvor.Lease{Epoch: b.epoch}}
		if err := s.CreateBackup(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	s.start(t)
	for name, why := range map[string]string{"deadly": "its workers died, or could not thaw, again and again", "late": "not done within 4h", "dead": "no cluster here"} {
		s.eventually(t, name+" has ended", s.ended(t, name))
		if b := s.get(t, name); b.Status.Phase != salvor.PhaseFailed || !strings.Contains(b.Status.Message, why) {
			t.Errorf("%s is %s: %s", name, b.Status.Phase, b.Status.Message)
		}
	}
	if name := <-s.reached; name != "dead" || len(s.reached) > 0 {
		t.Errorf("%s was begun once more, and %d others", name, len(s.reached))
	}
}

// A restore whose process died may have left workloads scaled down.
func TestServeTakesOverRestores(t *testing.T) {
	s := newServed(t)
	for name, status := range map[string]salvor.RestoreStatus{
		"dead":   {Phase: salvor.PhaseRestoring, StartedAt: metav1.NewTime(noon), Lease: salvor.Lease{Holder: "other/1/x", Epoch: 1, Expires: metav1.NewTime(noon.Add(-time.Second))}},
		"alive":  {Phase: salvor.PhaseRestoring, StartedAt: metav1.NewTime(noon), Lease: salvor.Lease{Holder: "other/2/x", Epoch: 1, Expires: metav1.NewTime(noon.Add(time.Minute))}},
		"done":   {Phase: salvor.PhaseCompleted, StartedAt: metav1.NewTime(noon)},
		"asleep": {Phase: salvor.PhasePending},
	} {
		r := &salvor.Restore{ObjectMeta: salvor.ObjectMeta{Name: name}, Spec: salvor.RestoreSpec{SourceCluster: "prod", TargetCluster: "prod", Backup: "b"}, Status: status}
		s.create(t, r)
	}
	s.start(t)
	if name := <-s.restored; name != "dead" {
		t.Errorf("%s was taken over", name)
	}
	s.set(noon.Add(2 * time.Minute))
	for range 2 { // nothing came of "dead", so that it is still there to be taken over
		<-s.restored
	}
	if strings.Contains(s.logged(), "restore=done") || strings.Contains(s.logged(), "restore=asleep") {
		t.Errorf("what is over, or was not begun, was taken over: %s", s.logged())
	}
	if !strings.Contains(s.logged(), "restore=alive") {
		t.Errorf("the other was not taken over when its lease had expired: %s", s.logged())
	}
}
