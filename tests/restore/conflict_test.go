package restore_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"salvor.io/salvor/shared/restore"
	"salvor.io/salvor/shared/salvor"
)

// merge patches a live object.
func (w *world) merge(res resource, ns, name, patch string) {
	w.t.Helper()
	if _, err := w.c.Patch(w.t.Context(), res, ns, name, types.MergePatchType, []byte(patch)); err != nil {
		w.t.Fatalf("patching %s %s/%s: %v", res, ns, name, err)
	}
}

// free takes the finalizers off a live object when a test is over.
func (w *world) free(res resource, ns, name string) {
	_, _ = w.c.Patch(context.WithoutCancel(w.t.Context()), res, ns, name, types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))
}

// drifted is a namespace of which one object was changed, one deleted and one left as it was since the backup.
func drifted(t *testing.T) (*world, string) {
	w := newWorld(t)
	ns := w.namespace()
	for _, name := range []string{"changed", "deleted", "same"} {
		w.create(configMaps, ns, name, `"data":{"k":"backup"}`)
	}
	w.take("b", []string{ns}, configMaps).store(w)
	w.merge(configMaps, ns, "changed", `{"data":{"k":"live","more":"1"},"metadata":{"labels":{"l":"1"}}}`)
	w.delete(configMaps, ns, "deleted")
	return w, ns
}

func TestSkipLeavesWhatExists(t *testing.T) {
	w, ns := drifted(t)
	o := w.completed(salvor.RestoreSpec{Backup: "b", Conflict: salvor.ConflictSkip})
	w.expect(o, configMaps, ns, "changed", salvor.OutcomeSkipped, "/data/k, /data/more, /metadata/labels")
	w.expect(o, configMaps, ns, "deleted", salvor.OutcomeCreated, "")
	w.expect(o, configMaps, ns, "same", salvor.OutcomeUnchanged, "")
	if got := value(w.get(configMaps, ns, "changed"), "data", "k"); got != "live" {
		t.Errorf("the existing object was changed to %q", got)
	}
}

// What was there before is not taken for the restore's own by a process that goes on with it, though the clock of the first one
// was behind that of the API server.
func TestSkipLeavesWhatExistsWhenARestoreGoesOn(t *testing.T) {
	w, ns := drifted(t)
	r := &salvor.Restore{ObjectMeta: salvor.ObjectMeta{Name: "r"}, Spec: salvor.RestoreSpec{SourceCluster: "source", TargetCluster: "target", Backup: "b", Conflict: salvor.ConflictSkip}}
	if _, _, err := w.engine.Begin(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	r.Status.Phase, r.Status.StartedAt = salvor.PhaseRestoring, metav1.NewTime(time.Now().Add(-time.Hour)) // and it died
	if err := w.catalog.Update(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if err := w.engine.Run(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	w.expect(w.outcomes(r), configMaps, ns, "changed", salvor.OutcomeSkipped, "/data/k, /data/more, /metadata/labels")
	if got := value(w.get(configMaps, ns, "changed"), "data", "k"); got != "live" {
		t.Errorf("the existing object was changed to %q", got)
	}
}

func TestUpdateMakesEqual(t *testing.T) {
	w, ns := drifted(t)
	o := w.completed(salvor.RestoreSpec{Backup: "b", Conflict: salvor.ConflictUpdate})
	w.expect(o, configMaps, ns, "changed", salvor.OutcomeUpdated, "")
	if got := strings.Join(o.of(configMaps, ns, "changed").Fields, " "); got != "/data/k /data/more /metadata/labels" {
		t.Errorf("fields %q", got)
	}
	live := w.get(configMaps, ns, "changed")
	if value(live, "data", "k") != "backup" || value(live, "data", "more") != "" || value(live, "metadata", "labels") != "" {
		t.Errorf("not equal to the backup's: %s", live)
	}
	again := w.completed(salvor.RestoreSpec{Backup: "b", Conflict: salvor.ConflictUpdate})
	w.expect(again, configMaps, ns, "changed", salvor.OutcomeUnchanged, "")
}

func TestFailChangesNothing(t *testing.T) {
	w, ns := drifted(t)
	r, err := w.restore(salvor.RestoreSpec{Backup: "b", Conflict: salvor.ConflictFail})
	if !salvor.Is(err, salvor.Conflict) || r.Status.Phase != salvor.PhaseFailed || !strings.Contains(r.Status.Message, "what exists differs from 1 object of the backup") {
		t.Fatalf("phase %s, message %q, error %v", r.Status.Phase, r.Status.Message, err)
	}
	w.expect(w.outcomes(r), configMaps, ns, "changed", salvor.OutcomeFailed, "/data/k")
	if w.get(configMaps, ns, "deleted") != nil {
		t.Error("an object was created all the same")
	}
	w.delete(configMaps, ns, "changed")
	o := w.completed(salvor.RestoreSpec{Backup: "b", Conflict: salvor.ConflictFail})
	w.expect(o, configMaps, ns, "changed", salvor.OutcomeCreated, "")
	w.expect(o, configMaps, ns, "same", salvor.OutcomeUnchanged, "")
}

func TestFailWithManyObjectsListsThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ns := w.namespace()
	for i := range 60 {
		w.create(configMaps, ns, "c"+strings.Repeat("x", i), `"data":{"k":"backup"}`)
	}
	w.take("b", []string{ns}, configMaps).store(w)
	w.merge(configMaps, ns, "cxx", `{"data":{"k":"live"}}`)
	r, err := w.restore(salvor.RestoreSpec{Backup: "b", Conflict: salvor.ConflictFail})
	if !salvor.Is(err, salvor.Conflict) || r.Status.Outcomes[salvor.OutcomeFailed] != 1 {
		t.Fatalf("outcomes %v, error %v", r.Status.Outcomes, err)
	}
}

func TestWhatAControllerMadeFirstIsOurs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ns := w.namespace()
	w.eventually("the default service account", func() bool { return w.get(accounts, ns, "default") != nil })
	w.merge(accounts, ns, "default", `{"metadata":{"annotations":{"eks.amazonaws.com/role-arn":"arn:aws:iam::1:role/app"}}}`)
	w.take("b", []string{ns}, accounts).store(w)
	w.delete(namespaces, "", ns)
	w.completed(salvor.RestoreSpec{Backup: "b"})
	live := w.get(accounts, ns, "default")
	if value(live, "metadata", "annotations", "eks.amazonaws.com/role-arn") == "" {
		t.Errorf("the default service account is not the backup's: %s", live)
	}
	again := w.completed(salvor.RestoreSpec{Backup: "b"})
	w.expect(again, accounts, ns, "default", salvor.OutcomeUnchanged, "")
}

// operator is a target in which a controller makes its children as soon as its ServiceAccount called owner is there.
type operator struct {
	restore.Target
	children []makes
}

type makes struct {
	res          resource
	name, fields string
}

func (o *operator) Create(ctx context.Context, res resource, ns string, body []byte) ([]byte, error) {
	live, err := o.Target.Create(ctx, res, ns, body)
	if err != nil || res.String() != accounts.String() || value(live, "metadata", "name") != "owner" {
		return live, err
	}
	for _, c := range o.children {
		if _, err := o.Target.Create(ctx, c.res, ns, fmt.Appendf(nil, `{"apiVersion":%q,"kind":%q,"metadata":{"name":%q,%s},%s}`, c.res.APIVersion(), c.res.Kind, c.name, ownedBy(live, true), c.fields)); err != nil {
			return nil, err
		}
	}
	return live, nil
}

// What a restored controller makes anew, before it comes from the backup, is made equal; where the cluster refuses that, it
// stays as its controller makes it, which is no failure. With data it is one.
func TestWhatARestoredControllerMakesFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ns := w.namespace()
	owner := ownedBy(w.create(accounts, ns, "owner", ""), true)
	w.createMeta(services, ns, "port", owner, `"spec":{"type":"NodePort","ports":[{"port":80}]}`)
	w.createMeta(services, ns, "headless", owner, `"spec":{"clusterIP":"None","ports":[{"port":80}]}`)
	w.createMeta(deployments, ns, "d", owner, `"spec":{"replicas":0,"selector":{"matchLabels":{"app":"d"}},"template":{"metadata":{"labels":{"app":"d"}},`+podSpec+`}}`)
	w.createMeta(secrets, ns, "s", owner, `"immutable":true,"data":{"p":"b2xk"}`)
	port := value(w.get(services, ns, "port"), "spec", "ports")
	w.createMeta(services, ns, "balanced", owner, `"spec":{"type":"LoadBalancer","loadBalancerClass":"example.com/old","ports":[{"port":80}]}`)
	w.take("b", []string{ns}, accounts, services, deployments, secrets).store(w)
	w.delete(namespaces, "", ns)
	w.target = &operator{Target: w.c, children: []makes{
		{services, "port", `"spec":{"type":"NodePort","ports":[{"port":80}]}`},
		{services, "headless", `"spec":{"ports":[{"port":80}]}`},
		{services, "balanced", `"spec":{"type":"LoadBalancer","loadBalancerClass":"example.com/new","ports":[{"port":80}]}`},
		{deployments, "d", `"spec":{"replicas":0,"selector":{"matchLabels":{"app":"new"}},"template":{"metadata":{"labels":{"app":"new"}},` + podSpec + `}}`},
		{secrets, "s", `"immutable":true,"data":{"p":"bmV3"}`},
	}}

	r, err := w.restore(salvor.RestoreSpec{Backup: "b", ExcludeKinds: []string{"secrets"}})
	if err != nil || r.Status.Phase != salvor.PhaseCompleted {
		t.Fatalf("%s, %v: %v", r.Status.Phase, err, r.Status.Failures)
	}
	o := w.outcomes(r)
	w.expect(o, services, ns, "port", salvor.OutcomeUpdated, "a controller of the target made it first")
	w.expect(o, services, ns, "balanced", salvor.OutcomeCreated, "its controller makes it what it is, and can't be made equal: /spec/loadBalancerClass")
	w.expect(o, services, ns, "headless", salvor.OutcomeSkipped, "is not headless, which can't be changed")
	w.expect(o, deployments, ns, "d", salvor.OutcomeCreated, "its controller makes it what it is")
	if got := value(w.get(services, ns, "port"), "spec", "ports"); got != port {
		t.Errorf("the ports are %s, want %s", got, port)
	}
	w.delete(namespaces, "", ns)
	if r, err = w.restore(salvor.RestoreSpec{Backup: "b", Kinds: []string{"serviceaccounts", "secrets"}}); err != nil || r.Status.Phase != salvor.PhasePartiallyFailed {
		t.Fatalf("%s, %v", r.Status.Phase, err)
	}
	w.expect(w.outcomes(r), secrets, ns, "s", salvor.OutcomeFailed, "/data/p")
}

func TestAnImmutableSecretThatDiffersFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ns := w.namespace()
	w.create(secrets, ns, "s", `"immutable":true,"data":{"p":"dG9wc2VjcmV0"}`)
	w.take("b", []string{ns}, secrets).store(w)
	w.delete(secrets, ns, "s")
	w.create(secrets, ns, "s", `"immutable":true,"data":{"p":"b3RoZXI="}`)

	w.expect(w.completed(salvor.RestoreSpec{Backup: "b"}), secrets, ns, "s", salvor.OutcomeSkipped, "/data/p")
	r, err := w.restore(salvor.RestoreSpec{Backup: "b", Conflict: salvor.ConflictUpdate})
	if err != nil || r.Status.Phase != salvor.PhasePartiallyFailed {
		t.Fatalf("phase %s, error %v", r.Status.Phase, err)
	}
	w.expect(w.outcomes(r), secrets, ns, "s", salvor.OutcomeFailed, "/data/p")
	if reason := w.outcomes(r).of(secrets, ns, "s").Reason; strings.Contains(reason, "dG9w") || strings.Contains(reason, "topsecret") {
		t.Errorf("the reason tells the secret: %s", reason)
	}
}

func TestUpdateKeepsWhatTheLiveObjectNeeds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ns := w.namespace()
	w.create(services, ns, "s", `"spec":{"ports":[{"port":80}],"selector":{"v":"backup"}}`)
	w.create(jobs, ns, "j", `"spec":{"suspend":true,"parallelism":2,"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"busybox:1"}]}}}`)
	w.create(pods, ns, "p", podSpec)
	w.createMeta(configMaps, ns, "f", `"finalizers":["example.org/keep"]`, `"data":{"k":"backup"}`)
	w.take("b", []string{ns}, services, jobs, pods, configMaps).store(w)
	w.merge(services, ns, "s", `{"spec":{"selector":{"v":"live"}}}`)
	w.merge(jobs, ns, "j", `{"spec":{"parallelism":1}}`)
	w.merge(pods, ns, "p", `{"metadata":{"labels":{"l":"live"}}}`)
	w.merge(configMaps, ns, "f", `{"metadata":{"finalizers":["example.org/keep","example.org/live"]},"data":{"k":"live"}}`)
	t.Cleanup(func() { w.free(configMaps, ns, "f") })
	address := value(w.get(services, ns, "s"), "spec", "clusterIP")

	o := w.completed(salvor.RestoreSpec{Backup: "b", Conflict: salvor.ConflictUpdate})
	for _, c := range []struct {
		res  resource
		name string
	}{{services, "s"}, {jobs, "j"}, {pods, "p"}, {configMaps, "f"}} {
		w.expect(o, c.res, ns, c.name, salvor.OutcomeUpdated, "")
	}
	if got := value(w.get(services, ns, "s"), "spec", "clusterIP"); got != address {
		t.Errorf("the address was %s and is %s", address, got)
	}
	if got := value(w.get(configMaps, ns, "f"), "metadata", "finalizers"); !strings.Contains(got, "example.org/live") {
		t.Errorf("a finalizer was taken away: %s", got)
	}
}

func TestANodePortThatIsTakenIsReplaced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ns := w.namespace()
	w.create(services, ns, "s", `"spec":{"type":"NodePort","ports":[{"port":80}]}`)
	w.take("b", []string{ns}, services).store(w)
	port := value(w.get(services, ns, "s"), "spec", "ports")

	copied := ns + "-copy"
	spec := salvor.RestoreSpec{Backup: "b", NamespaceMapping: map[string]string{ns: copied}}
	w.expect(w.completed(spec), services, copied, "s", salvor.OutcomeCreated, "a node port was taken")
	if got := value(w.get(services, copied, "s"), "spec", "ports"); got == port || !strings.Contains(got, "nodePort") {
		t.Errorf("ports %s, those of the original %s", got, port)
	}
	w.expect(w.completed(spec), services, copied, "s", salvor.OutcomeUnchanged, "")
	spec.Conflict = salvor.ConflictUpdate
	w.expect(w.completed(spec), services, copied, "s", salvor.OutcomeUnchanged, "")
}
