package awkward_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/tests/compare"
	"salvor.io/salvor/tests/roundtrip"
	"salvor.io/salvor/tests/testenv"
)

// dualStack gives Services addresses of both families.
const dualStack = "--service-cluster-ip-range=10.96.0.0/16,fd00:10:96::/108"

func TestAwkwardObjectsComeBackEqual(t *testing.T) {
	s := newSite(t, testenv.KubeOptions{Name: "awkward", APIServerArgs: []string{dualStack}})
	other := newSite(t, testenv.KubeOptions{Name: "elsewhere"})
	home, err := roundtrip.Open(t.Context(), t.TempDir(), map[string]*kube.Client{roundtrip.Source: s.Client, "elsewhere": other.Client})
	if err != nil {
		t.Fatal(err)
	}
	defer home.Close()
	begun := time.Now()
	s.build()
	was := s.snapshot()
	t.Logf("built after %s", time.Since(begun))
	if _, _, err := home.Backup(t.Context(), "b", salvor.Scope{Namespaces: all.Namespaces, ClusterScoped: salvor.ClusterScopedAll}); err != nil {
		t.Fatal(err)
	}
	t.Logf("backed up after %s", time.Since(begun))
	s.destroy()
	t.Logf("deleted after %s", time.Since(begun))

	t.Run("where they were", func(t *testing.T) {
		here := &site{t, s.KubeServer, s.Client}
		stop := here.contend()
		outcomes := here.restore(home, "here", roundtrip.Source, salvor.ConflictSkip)
		stop()
		here.equal(was, "awkward")
		here.particulars(outcomes)
	})
	t.Run("a second time nothing changes", func(t *testing.T) {
		here := &site{t, s.KubeServer, s.Client}
		before := here.snapshot()
		for object, o := range here.restore(home, "again", roundtrip.Source, salvor.ConflictSkip) {
			if o.Outcome != salvor.OutcomeUnchanged && o.Outcome != salvor.OutcomeSkipped {
				t.Errorf("%s is %s: %s %v", object, o.Outcome, o.Reason, o.Fields)
			}
		}
		after := here.snapshot()
		for k, raw := range before.Objects {
			if (k.Kind == "configmaps" || k.Kind == "secrets" || k.Kind == "services") && string(after.Objects[k]) != string(raw) {
				t.Errorf("%s was written", k)
			}
		}
	})
	t.Run("what has changed is made equal", func(t *testing.T) {
		here := &site{t, s.KubeServer, s.Client}
		changed := here.drift(was)
		updated := 0
		for object, o := range here.restore(home, "updated", roundtrip.Source, salvor.ConflictUpdate) {
			if o.Outcome == salvor.OutcomeUpdated {
				updated++
			} else if o.Outcome != salvor.OutcomeSkipped {
				t.Logf("%s is %s: %s", object, o.Outcome, o.Reason)
			}
		}
		if updated != changed || changed < 80 {
			t.Errorf("%d objects were changed, and %d updated", changed, updated)
		}
		here.equal(was, "awkward")
	})
	t.Run("in another cluster", func(t *testing.T) {
		there := &site{t, other.KubeServer, other.Client}
		there.create(services, "default", `"name":"first-come"`, `"spec":{"type":"NodePort","ports":[{"port":1,"nodePort":30281}]}`)
		there.restore(home, "there", "elsewhere", salvor.ConflictSkip)
		there.equal(was, "elsewhere")
	})
}

// restore restores everything, which has to go without a failure.
func (s *site) restore(home *roundtrip.Home, name, into string, conflict salvor.ConflictPolicy) roundtrip.Outcomes {
	s.Helper()
	begun := time.Now()
	r, outcomes, err := home.Restore(s.Context(), name, salvor.RestoreSpec{Backup: "b", TargetCluster: into, Conflict: conflict})
	if err != nil {
		s.Fatal(err)
	}
	s.Logf("restore %s: %s after %s, %v", name, r.Status.Phase, time.Since(begun).Round(time.Millisecond), r.Status.Outcomes)
	if r.Status.Phase != salvor.PhaseCompleted {
		s.Errorf("phase %s", r.Status.Phase)
		for _, f := range r.Status.Failures {
			s.Errorf("%s in %q: %.500s", f.Kind, f.Namespace, f.Reason)
		}
	}
	return outcomes
}

// equal compares what is with what was.
func (s *site) equal(was *compare.Snapshot, comparison string) {
	s.Helper()
	s.await("the token is one of this cluster", func() bool { return text(s.object(secrets, "awkward", "app-token"), "data", "token") != "" })
	allow, err := compare.ReadAllowances(comparison)
	if err != nil {
		s.Fatal(err)
	}
	c, err := compare.Compare(was, s.snapshot(), allow)
	if err != nil {
		s.Fatal(err)
	}
	for _, p := range c.Problems {
		s.Errorf("%.600s", p)
	}
	s.Logf("%d objects, %d fields equal, %d differ as allowed, %d owners", c.Objects, c.Equal, c.Allowed, c.Owned)
	if c.Objects < 80 || c.Owned < 10 {
		s.Errorf("only %d objects and %d references to owners were compared", c.Objects, c.Owned)
	}
}

// particulars are what the comparison leaves open.
func (s *site) particulars(o roundtrip.Outcomes) {
	s.Helper()
	if got := o["jobs.batch awkward/nightly-failed"]; got.Outcome != salvor.OutcomeSkipped || !strings.Contains(got.Reason, "would run again") {
		s.Errorf("a finished Job is %s: %s", got.Outcome, got.Reason)
	}
	if got := text(s.object(relics, "awkward", "old"), "status", "phase"); got != "Dug" {
		s.Errorf("the status of a custom resource that is data like any other is %q", got)
	}
	if s.object(secrets, "awkward", "bootstrap-token-abcdef") != nil {
		s.Error("a token with which machines join the old cluster is back")
	}
	if text(s.object(configMaps, "awkward", "contended"), "metadata", "annotations", "example.com/touched") == "" {
		s.Error("nothing else changed the object during the restore: the test proves nothing")
	}
}

// drift labels every object that a restore brings, and returns how many these are.
func (s *site) drift(was *compare.Snapshot) (changed int) {
	s.Helper()
	d, err := s.Discover(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	kinds := map[string]cluster.Resource{}
	for _, r := range d.Resources {
		kinds[r.String()] = r
	}
	for _, k := range was.Keys() {
		r, raw := kinds[k.Kind], string(was.Objects[k])
		made := k.Kind != "jobs.batch" && strings.Contains(raw, `"controller":true`) || strings.Contains(raw, `managed-by":"endpoint`)
		if made || strings.HasPrefix(k.Kind, "events") || k.Name == "kube-root-ca.crt" || s.object(r, k.Namespace, k.Name) == nil {
			continue
		}
		s.merge(r, k.Namespace, k.Name, `{"metadata":{"labels":{"drift":"yes"}}}`)
		changed++
	}
	return changed
}

// contend changes an object as often as it can, from when it is there until it is stopped.
func (s *site) contend() (stop func()) {
	ctx, cancel := context.WithCancel(s.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ctx.Err() == nil; i++ {
			patch := fmt.Appendf(nil, `{"metadata":{"annotations":{"example.com/touched":"%d"}}}`, i)
			if _, err := s.Patch(ctx, configMaps, "awkward", "contended", types.MergePatchType, patch); err != nil {
				time.Sleep(time.Millisecond)
			}
		}
	}()
	return func() { cancel(); <-done }
}

// destroy deletes everything and waits until nothing of it is left.
func (s *site) destroy() {
	s.Helper()
	s.remove(func(kind string) bool { return strings.HasSuffix(kind, ".admissionregistration.k8s.io") })
	for _, o := range []struct {
		r        cluster.Resource
		ns, name string
	}{{configMaps, "awkward", "finalized"}, {gadgets, "awkward", "first"}, {banners, "", "tenant"}} {
		s.merge(o.r, o.ns, o.name, `{"metadata":{"finalizers":null}}`)
	}
	s.remove(func(kind string) bool { return kind != definitions.String() })
	// What protects claims would hold up the namespaces.
	for _, ns := range []string{"awkward", "full"} {
		s.kubectl("delete", "-n", ns, "--all", "--wait=false", "--grace-period=0", "statefulsets,deployments,daemonsets,jobs,pods,persistentvolumeclaims")
	}
	for _, ns := range all.Namespaces {
		if err := s.Delete(s.Context(), namespaces, "", ns, kube.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			s.Fatal(err)
		}
	}
	for _, ns := range all.Namespaces {
		s.await("namespace "+ns+" is gone", func() bool { return s.object(namespaces, "", ns) == nil })
	}
	s.remove(func(kind string) bool { return kind == definitions.String() })
	s.await("nothing is left", func() bool { return len(s.snapshot().Objects) == 0 })
}

// remove deletes the objects without namespace of the kinds.
func (s *site) remove(which func(kind string) bool) {
	s.Helper()
	args := []string{"delete", "--ignore-not-found", "--wait=false"}
	for kind, names := range all.Global {
		for _, name := range names {
			if which(kind) {
				args = append(args, kind+"/"+name)
			}
		}
	}
	s.kubectl(args...)
}
