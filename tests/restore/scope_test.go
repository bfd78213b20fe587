package restore_test

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/tests/testenv"
)

func TestNamespaceMapping(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ns, other := w.namespace(), w.namespace()
	w.merge(namespaces, "", ns, `{"metadata":{"labels":{"tier":"gold"}}}`)
	w.create(accounts, ns, "app", "")
	role := "r-" + testenv.Unique()
	w.create(globalRoles, "", role, `"rules":[]`)
	w.create(globalBinds, "", role, `"subjects":[{"kind":"ServiceAccount","name":"app","namespace":"`+ns+`"}],"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"`+role+`"}`)
	w.create(bindings, ns, "b", `"subjects":[{"kind":"ServiceAccount","name":"app","namespace":"`+ns+`"},{"kind":"ServiceAccount","name":"app","namespace":"`+other+`"}],"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"`+role+`"}`)
	w.create(policies, ns, "p", `"spec":{"podSelector":{},"ingress":[{"from":[{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"`+ns+`"}}}]}]}`)
	owner := w.create(configMaps, ns, "owner", "")
	w.createMeta(secrets, ns, "owned", ownedBy(owner, false), "")
	w.take("b", []string{ns}, accounts, bindings, policies, configMaps, secrets).global(w, globalRoles, role).global(w, globalBinds, role).store(w)

	copied := ns + "-copy"
	o := w.completed(salvor.RestoreSpec{Backup: "b", NamespaceMapping: map[string]string{ns: copied}, Conflict: salvor.ConflictUpdate})
	if live := w.get(namespaces, "", copied); value(live, "metadata", "labels", "tier") != "gold" {
		t.Errorf("the new namespace is %s", live)
	}
	if got := value(w.get(bindings, copied, "b"), "subjects"); !strings.Contains(got, copied) || !strings.Contains(got, other) {
		t.Errorf("subjects %s", got)
	}
	if got := value(w.get(globalBinds, "", role), "subjects"); !strings.Contains(got, `"namespace":"`+copied+`"`) || !strings.Contains(got, `"namespace":"`+ns+`"`) {
		t.Errorf("the subjects of the binding for both namespaces are %s", got)
	}
	if got := value(w.get(policies, copied, "p"), "spec", "ingress"); !strings.Contains(got, copied) {
		t.Errorf("the policy lets in %s", got)
	}
	want := value(w.get(configMaps, copied, "owner"), "metadata", "uid")
	if got := ownerUIDs(t, w.get(secrets, copied, "owned")); len(got) != 1 || got[0] != want {
		t.Errorf("owned by %v, want %s: the owner in the same namespace", got, want)
	}
	w.expect(o, namespaces, "", copied, salvor.OutcomeCreated, "")
	w.expect(o, globalBinds, "", role, salvor.OutcomeUpdated, "")
	if value(w.get(configMaps, ns, "owner"), "metadata", "uid") != value(owner, "metadata", "uid") {
		t.Error("the original was touched")
	}
}

func TestAKindComesBackBeforeItsObjects(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	definition, widgets := w.define(true, "")
	_, gadgets := w.define(false, "")
	ns := w.namespace()
	w.create(widgets, ns, "w", `"spec":{"n":9007199254740993},"status":{"phase":"Done"}`)
	w.create(gadgets, "", "g", `"spec":{}`)
	w.take("b", []string{ns}, widgets).global(w, definitions, definition).global(w, gadgets, "g").store(w)
	w.delete(namespaces, "", ns)
	w.delete(definitions, "", definition)

	o := w.completed(salvor.RestoreSpec{Backup: "b"})
	w.expect(o, definitions, "", definition, salvor.OutcomeCreated, "")
	w.expect(o, widgets, ns, "w", salvor.OutcomeCreated, "")
	live := w.get(widgets, ns, "w")
	if value(live, "spec", "n") != "9007199254740993" || value(live, "status", "phase") != "Done" {
		t.Errorf("it came back as %s", live)
	}
	w.expect(o, gadgets, "", "g", salvor.OutcomeUnchanged, "")
	again := w.completed(salvor.RestoreSpec{Backup: "b"})
	w.expect(again, definitions, "", definition, salvor.OutcomeUnchanged, "")
	w.expect(again, widgets, ns, "w", salvor.OutcomeUnchanged, "")
}

func TestStatusThatAControllerKeepsIsNoDifference(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, widgets := w.define(true, `,"subresources":{"status":{}}`)
	ns := w.namespace()
	live := w.create(widgets, ns, "w", `"spec":{"n":1}`)
	raw := strings.Replace(strings.TrimSpace(string(live)), `"spec":`, `"status":{"phase":"Old"},"spec":`, 1)
	w.take("b", []string{ns}, configMaps).add(widgets, ns, []byte(raw)).store(w)
	w.expect(w.completed(salvor.RestoreSpec{Backup: "b"}), widgets, ns, "w", salvor.OutcomeUnchanged, "")
	w.expect(w.completed(salvor.RestoreSpec{Backup: "b", Conflict: salvor.ConflictFail}), widgets, ns, "w", salvor.OutcomeUnchanged, "")
	w.expect(w.completed(salvor.RestoreSpec{Backup: "b", Conflict: salvor.ConflictUpdate}), widgets, ns, "w", salvor.OutcomeUnchanged, "")
}

func TestAKindThatTheTargetDoesNotServe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ns := w.namespace()
	kafkas := kind("kafka.example.org", "kafkas", "Kafka", true)
	old := versioned("apps", "v1beta2", "deployments", "Deployment")
	w.take("b", []string{ns}, configMaps).
		add(kafkas, ns, fmt.Appendf(nil, `{"apiVersion":"kafka.example.org/v1","kind":"Kafka","metadata":{"name":"k","namespace":%q}}`, ns)).
		add(old, ns, fmt.Appendf(nil, `{"apiVersion":"apps/v1beta2","kind":"Deployment","metadata":{"name":"d","namespace":%q}}`, ns)).
		store(w)
	r, err := w.restore(salvor.RestoreSpec{Backup: "b"})
	if err != nil || r.Status.Phase != salvor.PhasePartiallyFailed {
		t.Fatalf("phase %s, error %v", r.Status.Phase, err)
	}
	o := w.outcomes(r)
	w.expect(o, kafkas, ns, "k", salvor.OutcomeFailed, "target cluster does not serve kafkas.kafka.example.org/v1; install its CRD or include it")
	w.expect(o, old, ns, "d", salvor.OutcomeFailed, "does not serve deployments.apps in version apps/v1beta2; it prefers apps/v1")
	if !strings.Contains(r.Status.Message, "1 kafkas.kafka.example.org") {
		t.Errorf("message %q", r.Status.Message)
	}
}

// A selector that nothing has is said: most often it is misspelled.
func TestLabelsThatNothingHas(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	spec, ns := w.some(2)
	spec.LabelSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "shpo"}}
	r, err := w.restore(spec)
	if err != nil || len(r.Status.Warnings) != 1 || !strings.Contains(r.Status.Warnings[0], "app=shpo") {
		t.Errorf("error %v, warnings %q", err, r.Status.Warnings)
	}
	if w.get(configMaps, ns, "c00") != nil {
		t.Error("something came back that has no such label")
	}
}

func versioned(group, version, name, k string) resource {
	r := kind(group, name, k, true)
	r.Version = version
	return r
}

func TestOnlyWhatTheChosenNamespacesNeedComesWithThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.namespace(), w.namespace()
	id := testenv.Unique()
	for _, x := range []struct{ ns, suffix string }{{a, "-a"}, {b, "-b"}} {
		w.create(priorities, "", id+x.suffix, `"value":7`)
		w.create(globalRoles, "", id+x.suffix, `"rules":[]`)
		w.create(bindings, x.ns, "b", `"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"`+id+x.suffix+`"}`)
		w.create(deployments, x.ns, "d", `"spec":{"replicas":0,"selector":{"matchLabels":{"app":"d"}},"template":{"metadata":{"labels":{"app":"d"}},"spec":{"priorityClassName":"`+id+x.suffix+`","containers":[{"name":"c","image":"busybox:1"}]}}}`)
	}
	full := w.take("b", []string{a, b}, bindings, deployments)
	for _, suffix := range []string{"-a", "-b"} {
		full.global(w, priorities, id+suffix).global(w, globalRoles, id+suffix)
	}
	full.store(w)
	for _, suffix := range []string{"-a", "-b"} {
		w.delete(priorities, "", id+suffix)
		w.delete(globalRoles, "", id+suffix)
	}
	w.delete(namespaces, "", a)
	w.delete(namespaces, "", b)

	w.completed(salvor.RestoreSpec{Backup: "b", Namespaces: []string{a}})
	for _, res := range []resource{priorities, globalRoles} {
		if w.get(res, "", id+"-a") == nil {
			t.Errorf("%s of the chosen namespace is missing", res)
		}
		if w.get(res, "", id+"-b") != nil {
			t.Errorf("%s of the other namespace came back, too", res)
		}
	}
	if w.get(namespaces, "", b) != nil {
		t.Error("the other namespace came back, too")
	}
	w.completed(salvor.RestoreSpec{Backup: "b", Namespaces: []string{b}, ClusterScoped: salvor.ClusterScopedNone})
	if w.get(globalRoles, "", id+"-b") != nil {
		t.Error("a cluster role came back with clusterScoped None")
	}
	w.completed(salvor.RestoreSpec{Backup: "b"})
	if w.get(globalRoles, "", id+"-b") == nil {
		t.Error("a cluster role is missing after the whole backup was restored")
	}
}

func TestKindsAndLabelsNarrow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ns := w.namespace()
	w.createMeta(configMaps, ns, "shop", `"labels":{"app":"shop"}`, "")
	w.createMeta(configMaps, ns, "other", `"labels":{"app":"other"}`, "")
	w.createMeta(secrets, ns, "shop", `"labels":{"app":"shop"}`, "")
	w.take("b", []string{ns}, configMaps, secrets).store(w)
	w.delete(namespaces, "", ns)

	o := w.completed(salvor.RestoreSpec{Backup: "b", Kinds: []string{"configmaps"}, LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "shop"}}})
	w.expect(o, configMaps, ns, "shop", salvor.OutcomeCreated, "")
	w.expect(o, namespaces, "", ns, salvor.OutcomeCreated, "")
	if len(o) != 2 || w.get(configMaps, ns, "other") != nil || w.get(secrets, ns, "shop") != nil {
		t.Errorf("outcomes %v", o)
	}
	o = w.completed(salvor.RestoreSpec{Backup: "b", ExcludeKinds: []string{"configmaps"}})
	w.expect(o, secrets, ns, "shop", salvor.OutcomeCreated, "")
	if w.get(configMaps, ns, "other") != nil {
		t.Error("an excluded kind came back")
	}
}

func TestAUserWhoMayNotDoEverything(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ns := w.namespace()
	w.create(configMaps, ns, "c", `"data":{"k":"v"}`)
	for i := range 3 {
		w.create(secrets, ns, fmt.Sprintf("s%d", i), `"data":{"p":"c2VjcmV0"}`)
	}
	w.take("b", []string{ns}, configMaps, secrets).store(w)
	w.delete(configMaps, ns, "c")
	for i := range 3 {
		w.delete(secrets, ns, fmt.Sprintf("s%d", i))
	}
	w.create(roles, ns, "writer", `"rules":[{"apiGroups":[""],"resources":["configmaps"],"verbs":["*"]}]`)
	user := "u-" + testenv.Unique()
	w.create(bindings, ns, "writer", `"subjects":[{"kind":"User","name":"`+user+`"}],"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"writer"}`)
	w.target = client(t, server(t).User(t, user))

	r, err := w.restore(salvor.RestoreSpec{Backup: "b"})
	if err != nil || r.Status.Phase != salvor.PhasePartiallyFailed {
		t.Fatalf("phase %s, error %v", r.Status.Phase, err)
	}
	if w.get(configMaps, ns, "c") == nil {
		t.Error("what the user may create was not created")
	}
	found := false
	for _, f := range r.Status.Failures {
		if f.Kind == "secrets" && f.Objects == 3 && f.Namespace == ns && strings.Contains(f.Reason, user) && strings.Contains(f.Reason, "cannot create") {
			found = true
		}
	}
	if !found {
		t.Errorf("failures %+v, want the three Secrets and the user", r.Status.Failures)
	}
}

func TestAVolumeStaysPromisedToItsClaim(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ns := w.namespace()
	id := testenv.Unique()
	w.create(volumes, "", id, `"spec":{"capacity":{"storage":"1Gi"},"accessModes":["ReadWriteOnce"],"persistentVolumeReclaimPolicy":"Retain","storageClassName":"`+id+`","hostPath":{"path":"/tmp/x"}}`)
	w.create(claims, ns, "data", `"spec":{"accessModes":["ReadWriteOnce"],"storageClassName":"`+id+`","resources":{"requests":{"storage":"1Gi"}}}`)
	bound := func() bool { return value(w.get(claims, ns, "data"), "status", "phase") == "Bound" }
	w.eventually("the claim to be bound", bound)
	w.take("b", []string{ns}, claims).global(w, volumes, id).store(w)

	copied := ns + "-copy"
	o := w.completed(salvor.RestoreSpec{Backup: "b", NamespaceMapping: map[string]string{ns: copied}, Conflict: salvor.ConflictUpdate})
	w.expect(o, volumes, "", id, salvor.OutcomeSkipped, "is bound to the claim "+ns+"/data")
	if !bound() {
		t.Error("a live volume was taken from its claim")
	}
	w.delete(namespaces, "", copied)
	w.free(claims, ns, "data")
	w.delete(namespaces, "", ns)
	o = w.completed(salvor.RestoreSpec{Backup: "b", Conflict: salvor.ConflictUpdate})
	w.expect(o, volumes, "", id, salvor.OutcomeUpdated, "")
	w.eventually("the claim to be bound again", bound)
	if got := value(w.get(claims, ns, "data"), "spec", "volumeName"); got != id {
		t.Errorf("it is bound to %s", got)
	}
}
