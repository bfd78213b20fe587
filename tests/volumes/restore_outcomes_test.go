package volumes_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/location/dir"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/restore"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/tests/testenv"
)

// outcome is that of the claim in a restore that has ended.
func (s *shelf) outcome(t *testing.T, r *salvor.Restore, namespace string) salvor.ObjectOutcome {
	t.Helper()
	disk, err := dir.Open(t.Context(), filepath.Join(s.home, "backups"), dir.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	report, err := repository.New(disk, s.backup(t, r.Spec.Backup).Status.ClusterID).RestoreReport(t.Context(), r.Status.Report)
	if err != nil {
		t.Fatalf("restore %s is %s (%s): %v", r.Name, r.Status.Phase, r.Status.Message, err)
	}
	defer report.Close()
	for d := json.NewDecoder(report); d.More(); {
		var o salvor.ObjectOutcome
		if err := d.Decode(&o); err != nil {
			t.Fatal(err)
		}
		if o.Kind == claimKind.String() && o.Namespace == namespace && o.Name == shelfClaim {
			return o
		}
	}
	return salvor.ObjectOutcome{}
}

// restored does a restore of the backup, and fails unless the claim has this outcome with this reason.
func (s *shelf) restored(t *testing.T, name, backup string, spec salvor.RestoreSpec, want salvor.Outcome, reason string) *salvor.Restore {
	t.Helper()
	s.begin(t, name, backup, spec)
	r := s.goOn(t, name)
	namespace := s.namespace
	if to, ok := spec.NamespaceMapping[namespace]; ok {
		namespace = to
	}
	if o := s.outcome(t, r, namespace); o.Outcome != want || !strings.Contains(o.Reason, reason) {
		t.Errorf("%s: the claim is %s (%s), want %s (%s); the restore is %s: %s", name, o.Outcome, o.Reason, want, reason, r.Status.Phase, r.Status.Message)
	}
	return r
}

func (s *shelf) into(volumes salvor.RestoreVolumes) (salvor.RestoreSpec, string) {
	to := "t-" + testenv.Unique()
	return salvor.RestoreSpec{NamespaceMapping: map[string]string{s.namespace: to}, ExcludeKinds: []string{"deployments"}, Volumes: &volumes}, to
}

// TestWhatARestoreSaysOfVolumes: data that can't come back is never missing in silence, and what exists is not lost.
func TestWhatARestoreSaysOfVolumes(t *testing.T) {
	t.Parallel()
	s := newWorld(t).shelf(t)
	s.write(t, "as backed up")
	s.backUp(t, "good")
	s.backUp(t, "lost")
	for _, handle := range s.handles(t, "lost") {
		s.LoseSnapshot(t, handle)
	}
	s.write(t, "newer")

	t.Run("a claim that exists keeps its data", func(t *testing.T) {
		for _, conflict := range []salvor.ConflictPolicy{salvor.ConflictSkip, salvor.ConflictUpdate} {
			r := s.restored(t, "exists-"+strings.ToLower(string(conflict)), "good", salvor.RestoreSpec{Conflict: conflict}, salvor.OutcomeSkipped, "keeps the data that it has")
			if r.Status.Volumes.Kept != 1 || s.holds(t, s.namespace) != "newer" {
				t.Errorf("%s: %+v, and the volume holds %q", conflict, r.Status.Volumes, s.holds(t, s.namespace))
			}
		}
		s.restored(t, "exists-fail", "good", salvor.RestoreSpec{Conflict: salvor.ConflictFail}, salvor.OutcomeFailed, "its data")
	})
	t.Run("a lost snapshot", func(t *testing.T) {
		spec, to := s.into(salvor.RestoreVolumes{})
		r := s.restored(t, "of-nothing", "lost", spec, salvor.OutcomeFailed, "can't be used")
		if r.Status.Phase != salvor.PhasePartiallyFailed || r.Status.Volumes.Failed != 1 {
			t.Errorf("it is %s, %+v", r.Status.Phase, r.Status.Volumes)
		}
		s.none(t, to)
		s.restored(t, "of-nothing-in-place", "lost", salvor.RestoreSpec{Volumes: &salvor.RestoreVolumes{InPlace: true}}, salvor.OutcomeFailed, "can't be used")
		s.unharmed(t, "of-nothing-in-place")
	})
	t.Run("a storage class that is not there", func(t *testing.T) {
		spec, to := s.into(salvor.RestoreVolumes{StorageClassMapping: map[string]string{"gp3-immediate": "nowhere"}})
		s.begin(t, "no-class", "good", spec)
		if r := s.goOn(t, "no-class"); r.Status.Phase != salvor.PhaseFailed || !strings.Contains(r.Status.Message, `there is no StorageClass "nowhere"`) {
			t.Errorf("it is %s: %s", r.Status.Phase, r.Status.Message)
		}
		if _, err := s.client.Get(t.Context(), namespaceKind, "", to); err == nil {
			t.Error("it had begun to apply")
		}
	})
	t.Run("a claim that no pod uses", func(t *testing.T) {
		spec, to := s.into(salvor.RestoreVolumes{StorageClassMapping: map[string]string{"gp3-immediate": "gp3"}})
		r := s.restored(t, "unused", "good", spec, salvor.OutcomeCreated, "no pod uses it yet")
		if r.Status.Phase != salvor.PhaseCompleted || r.Status.Volumes.Waiting != 1 || len(r.Status.Warnings) == 0 {
			t.Errorf("it is %s, %+v, %q", r.Status.Phase, r.Status.Volumes, r.Status.Warnings)
		}
		if out := s.salvor(t, "cluster", "clean-up", "here"); !strings.Contains(out, "1 still needed") {
			t.Errorf("cleaning up too early: %s", out)
		}
		s.create(t, cluster.Resource{Version: "v1", Name: "pods", Kind: "Pod", Namespaced: true}, to, `
metadata: {name: late}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: main, image: "localhost/salvor/busybox:1", command: [sleep, "1000"], volumeMounts: [{name: v, mountPath: /v}]}]
  volumes: [{name: v, persistentVolumeClaim: {claimName: stock}}]`)
		eventually(t, time.Minute, "its volume is made", func() bool { return s.file(t, to) != "" })
		if got := s.holds(t, to); got != "as backed up" {
			t.Errorf("the volume holds %q", got)
		}
		eventually(t, time.Minute, "the claim is bound", func() bool {
			return strings.Contains(s.Kubectl(t, "-n", to, "get", "pvc", shelfClaim, "-o", "jsonpath={.status.phase}"), "Bound")
		})
		if out := s.salvor(t, "cluster", "clean-up", "here"); !strings.Contains(out, "1 removed") {
			t.Errorf("cleaning up: %s", out)
		}
		s.none(t, to)
	})
	t.Run("a claim that is waited for by two processes", func(t *testing.T) {
		spec, to := s.into(salvor.RestoreVolumes{StorageClassMapping: map[string]string{"gp3-immediate": "gp3"}})
		s.begin(t, "suspended", "good", spec)
		s.suspended(t, "suspended", to)
		r := s.goOn(t, "suspended")
		if o := s.outcome(t, r, to); o.Outcome != salvor.OutcomeCreated || r.Status.Volumes != (salvor.RestoreVolumeCounts{Waiting: 1}) {
			t.Errorf("the claim is %s (%s), the restore %s, %+v", o.Outcome, o.Reason, r.Status.Phase, r.Status.Volumes)
		}
		s.Kubectl(t, "delete", "namespace", to)
		s.salvor(t, "cluster", "clean-up", "here")
		s.none(t, to)
	})
	t.Run("without data on request", func(t *testing.T) {
		spec, to := s.into(salvor.RestoreVolumes{Mode: salvor.RestoreVolumeEmpty})
		s.restored(t, "empty", "good", spec, salvor.OutcomeCreated, "without data")
		eventually(t, time.Minute, "the claim is bound", func() bool { return s.file(t, to) != "" })
		if _, err := os.Stat(s.file(t, to)); !os.IsNotExist(err) {
			t.Errorf("the volume has a file: %v", err)
		}
	})
	t.Run("a VolumeSnapshot of the user's", func(t *testing.T) {
		s.create(t, snapshotKind, s.namespace, "metadata: {name: mine}\nspec: {volumeSnapshotClassName: ebs, source: {persistentVolumeClaimName: stock}}")
		eventually(t, time.Minute, "it is ready", func() bool { return len(s.contentsOf(t, s.namespace, "mine")) == 1 })
		s.backUp(t, "with-own")
		s.Kubectl(t, "-n", s.namespace, "delete", "volumesnapshot", "mine")
		spec, to := s.into(salvor.RestoreVolumes{})
		s.restored(t, "own", "with-own", spec, salvor.OutcomeCreated, "its volume is made")
		if out := s.salvor(t, "describe", "restore", "own", "--outcomes"); !strings.Contains(out, "it is a new snapshot") {
			t.Errorf("it does not say that the snapshot is another one:\n%s", out)
		}
		eventually(t, time.Minute, "it is cut anew", func() bool { return len(s.contentsOf(t, to, "mine")) > 0 })
		if got := s.contentsOf(t, to, "mine"); len(got) != 1 {
			t.Errorf("its contents are %q, want the new one alone", got)
		}
		s.Kubectl(t, "delete", "namespace", to, "--wait=false")
	})
	t.Run("in place, and no volume is made", func(t *testing.T) {
		class := "c-" + testenv.Unique()
		s.create(t, cluster.Resource{Group: "storage.k8s.io", Version: "v1", Name: "storageclasses", Kind: "StorageClass"}, "",
			fmt.Sprintf("metadata: {name: %s}\nprovisioner: ebs.csi.aws.com\nvolumeBindingMode: Immediate\nparameters: {%s: no room}", class, testenv.FaultError))
		s.restored(t, "no-room", "good", salvor.RestoreSpec{Volumes: &salvor.RestoreVolumes{InPlace: true, StorageClassMapping: map[string]string{"gp3-immediate": class},
			Timeout: metav1.Duration{Duration: 15 * time.Second}}}, salvor.OutcomeFailed, "no room")
		s.unharmed(t, "no-room")
	})
	t.Run("in place, again under the name of one that was deleted", func(t *testing.T) {
		for range 2 {
			s.restored(t, "again", "good", salvor.RestoreSpec{Volumes: &salvor.RestoreVolumes{InPlace: true}}, salvor.OutcomeUpdated, "replaced in place")
			if got := s.holds(t, s.namespace); got != "as backed up" {
				t.Errorf("the volume holds %q", got)
			}
			s.asBefore(t, "again")
			s.salvor(t, "delete", "restore", "again")
			s.write(t, "newer")
		}
	})
	t.Run("in place under a bare pod", func(t *testing.T) {
		s.create(t, cluster.Resource{Version: "v1", Name: "pods", Kind: "Pod", Namespaced: true}, s.namespace, `
metadata: {name: bare}
spec:
  nodeSelector: {nowhere: "true"}
  containers: [{name: main, image: "localhost/salvor/busybox:1"}]
  volumes: [{name: v, persistentVolumeClaim: {claimName: stock}}]`)
		s.restored(t, "bare", "good", salvor.RestoreSpec{Volumes: &salvor.RestoreVolumes{InPlace: true}}, salvor.OutcomeFailed, "nothing would make again")
		s.unharmed(t, "bare")
	})
}

// suspended does the restore until it waits for the claim, and leaves it to the next process.
func (s *shelf) suspended(t *testing.T, name, namespace string) {
	t.Helper()
	c, e, err := restorer(t.Context(), s.home)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	e.Tuning.Consumer = time.Hour
	ctx, cancel := context.WithCancelCause(t.Context())
	e.Progress = func(p restore.Progress) {
		if strings.HasPrefix(p.Step, "volumes:") {
			cancel(salvor.Errorf(salvor.Suspended, "the time of this process is over"))
		}
	}
	o, err := c.Get(ctx, salvor.KindRestore, name)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Run(ctx, o.(*salvor.Restore)); !salvor.Is(err, salvor.Suspended) {
		t.Fatalf("the first process ended with %v", err)
	}
	if left := s.leftOfRestores(t, namespace); len(left) != 2 {
		t.Errorf("between the two processes there is %q", left)
	}
}

// contentsOf are the names of the VolumeSnapshotContents for a VolumeSnapshot.
func (s *shelf) contentsOf(t *testing.T, namespace, snapshot string) []string {
	t.Helper()
	all := strings.Fields(s.Kubectl(t, "get", "volumesnapshotcontents", "-o",
		"jsonpath={range .items[*]}{.spec.volumeSnapshotRef.namespace}/{.spec.volumeSnapshotRef.name}={.metadata.name} {end}"))
	return slices.DeleteFunc(all, func(c string) bool { return !strings.HasPrefix(c, namespace+"/"+snapshot+"=") })
}

// none fails if restores into the namespace have left anything.
func (s *shelf) none(t *testing.T, namespace string) {
	t.Helper()
	if left := s.leftOfRestores(t, namespace); len(left) > 0 {
		t.Errorf("left in the cluster: %q", left)
	}
}

// unharmed fails unless everything is as it was before the restore.
func (s *shelf) unharmed(t *testing.T, restore string) {
	t.Helper()
	if got := s.holds(t, s.namespace); got != "newer" {
		t.Errorf("after restore %s the volume holds %q", restore, got)
	}
	s.asBefore(t, restore)
}
