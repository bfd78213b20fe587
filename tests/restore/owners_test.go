package restore_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/tests/testenv"
)

// define makes a custom kind of its own for one test and waits until it is served.
func (w *world) define(namespaced bool, more string) (definition string, res resource) {
	w.t.Helper()
	group := testenv.Unique() + ".example.org"
	scope := map[bool]string{true: "Namespaced", false: "Cluster"}[namespaced]
	definition = "widgets." + group
	w.create(definitions, "", definition, fmt.Sprintf(`"spec":{"group":%q,"scope":%q,"names":{"plural":"widgets","singular":"widget","kind":"Widget","listKind":"WidgetList"},
		"versions":[{"name":"v1","served":true,"storage":true%s,"schema":{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}]}`, group, scope, more))
	w.eventually(definition+" to be served", func() bool { return w.serves(definition) })
	return definition, kind(group, "widgets", "Widget", namespaced)
}

func (w *world) serves(kind string) bool {
	w.t.Helper()
	d, err := w.c.Discover(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, r := range d.Resources {
		if r.String() == kind {
			return true
		}
	}
	return false
}

// ownedBy is the metadata of an object with the owner.
func ownedBy(owner []byte, controller bool) string {
	return fmt.Sprintf(`"ownerReferences":[{"apiVersion":%q,"kind":%q,"name":%q,"uid":%q,"controller":%t}]`,
		value(owner, "apiVersion"), value(owner, "kind"), value(owner, "metadata", "name"), value(owner, "metadata", "uid"), controller)
}

// ownerUIDs are the UIDs of the owners of an object.
func ownerUIDs(t testing.TB, live []byte) (uids []string) {
	t.Helper()
	var o struct {
		Metadata struct{ OwnerReferences []struct{ UID string } }
	}
	if err := json.Unmarshal(live, &o); err != nil {
		t.Fatal(err)
	}
	for _, r := range o.Metadata.OwnerReferences {
		uids = append(uids, r.UID)
	}
	return uids
}

func TestOwnersComeBackWithNewUIDs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	definition, widgets := w.define(true, "")
	ns := w.namespace()
	// The Secret comes back before its owner, the ReplicaSet after it; the owner of an owner is a ConfigMap.
	root := w.create(configMaps, ns, "root", "")
	widget := w.createMeta(widgets, ns, "w", ownedBy(root, false), "")
	w.createMeta(secrets, ns, "of-widget", ownedBy(widget, true), `"data":{"p":"eA=="}`)
	deployment := w.create(deployments, ns, "web", `"spec":{"replicas":0,"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},`+podSpec+`}}`)
	w.createMeta(configMaps, ns, "of-deployment", ownedBy(deployment, false), "")
	var set string
	w.eventually("the replica set", func() bool {
		b := w.take("x", []string{ns}, replicaSets)
		if list := b.objects[replicaSets.String()][ns]; len(list) == 1 {
			set = value(list[0], "metadata", "name")
		}
		return set != ""
	})
	w.take("b", []string{ns}, configMaps, secrets, deployments, replicaSets, widgets).global(w, definitions, definition).store(w)
	w.delete(namespaces, "", ns)
	w.delete(definitions, "", definition)

	o := w.completed(salvor.RestoreSpec{Backup: "b"})
	for _, c := range []struct {
		res, ownerRes resource
		name, owner   string
	}{
		{widgets, configMaps, "w", "root"},
		{secrets, widgets, "of-widget", "w"},
		{configMaps, deployments, "of-deployment", "web"},
		{replicaSets, deployments, set, "web"},
	} {
		w.expect(o, c.res, ns, c.name, salvor.OutcomeCreated, "")
		want := value(w.get(c.ownerRes, ns, c.owner), "metadata", "uid")
		if got := ownerUIDs(t, w.get(c.res, ns, c.name)); len(got) != 1 || got[0] != want {
			t.Errorf("%s %s is owned by %v, want %s", c.res, c.name, got, want)
		}
	}
	w.collect(ns)
	for _, c := range []struct {
		res  resource
		name string
	}{{widgets, "w"}, {secrets, "of-widget"}, {configMaps, "of-deployment"}, {replicaSets, set}} {
		if w.get(c.res, ns, c.name) == nil {
			t.Errorf("the garbage collector took %s %s", c.res, c.name)
		}
	}
	again := w.completed(salvor.RestoreSpec{Backup: "b"})
	for key, v := range again {
		if v.Outcome != salvor.OutcomeUnchanged && !strings.HasSuffix(key, "kube-root-ca.crt") {
			t.Errorf("a second time %s is %s: %s", key, v.Outcome, v.Reason)
		}
	}
}

// collect waits until the garbage collector has taken an object whose owner does not exist: it has seen all before, too.
func (w *world) collect(ns string) {
	w.t.Helper()
	name := "bait-" + testenv.Unique()
	w.createMeta(configMaps, ns, name, `"ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"nobody","uid":"7f9b9f2e-0000-4000-8000-000000000000"}]`, "")
	w.eventually("the garbage collector", func() bool { return w.get(configMaps, ns, name) == nil })
	time.Sleep(time.Second)
}

func TestAnOwnerThatIsNotThereIsLeftOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ns := w.namespace()
	owner := w.create(configMaps, ns, "owner", "")
	w.createMeta(secrets, ns, "owned", ownedBy(owner, false), "")
	w.take("b", []string{ns}, secrets).store(w)
	w.delete(namespaces, "", ns)

	w.expect(w.completed(salvor.RestoreSpec{Backup: "b"}), secrets, ns, "owned", salvor.OutcomeCreated, "owner ConfigMap owner is not in the target")
	w.collect(ns)
	if live := w.get(secrets, ns, "owned"); live == nil || len(ownerUIDs(t, live)) > 0 {
		t.Errorf("got %s, want an object without owners", live)
	}
}

func TestAnOwnerThatIsThereAlreadyTakesItsChildBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ns := w.namespace()
	owner := w.create(configMaps, ns, "owner", "")
	w.createMeta(secrets, ns, "owned", ownedBy(owner, false), "")
	w.take("b", []string{ns}, secrets).store(w)
	w.delete(secrets, ns, "owned")
	w.delete(configMaps, ns, "owner")
	owner = w.create(configMaps, ns, "owner", "")

	w.expect(w.completed(salvor.RestoreSpec{Backup: "b"}), secrets, ns, "owned", salvor.OutcomeCreated, "")
	if got, want := ownerUIDs(t, w.get(secrets, ns, "owned")), value(owner, "metadata", "uid"); len(got) != 1 || got[0] != want {
		t.Errorf("owned by %v, want %s", got, want)
	}
}

func TestAnInterruptedRestoreIsCompleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ns := w.namespace()
	deployment := w.create(deployments, ns, "web", `"spec":{"replicas":0,"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},`+podSpec+`}}`)
	w.createMeta(secrets, ns, "owned", ownedBy(deployment, false), "")
	w.take("b", []string{ns}, deployments, secrets).store(w)
	// As a process leaves it that was killed before it could set the owner.
	w.merge(secrets, ns, "owned", `{"metadata":{"ownerReferences":null}}`)
	w.expect(w.completed(salvor.RestoreSpec{Backup: "b"}), secrets, ns, "owned", salvor.OutcomeUpdated, "owners were missing")
	if got, want := ownerUIDs(t, w.get(secrets, ns, "owned")), value(deployment, "metadata", "uid"); len(got) != 1 || got[0] != want {
		t.Errorf("owned by %v, want %s", got, want)
	}
}

// Owners that can't be set are a failure with the reason that the cluster gives.
func TestAPolicyAgainstOwnersIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ns, name := w.namespace(), "t-"+testenv.Unique()
	const group = "admissionregistration.k8s.io"
	w.create(kind(group, "validatingadmissionpolicies", "ValidatingAdmissionPolicy", false), "", name,
		`"spec":{"matchConstraints":{"resourceRules":[{"apiGroups":[""],"apiVersions":["v1"],"operations":["UPDATE"],"resources":["configmaps"]}]},
		"validations":[{"expression":"!has(object.metadata.ownerReferences)","message":"nobody owns a thing here"}]}`)
	w.create(kind(group, "validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding", false), "", name,
		fmt.Sprintf(`"spec":{"policyName":%q,"validationActions":["Deny"],"matchResources":{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":%q}}}}`, name, ns))
	deployment := w.create(deployments, ns, "web", `"spec":{"replicas":0,"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},`+podSpec+`}}`)
	w.createMeta(configMaps, ns, "owned", ownedBy(deployment, false), "")
	w.eventually("the policy", func() bool {
		_, err := w.c.Patch(t.Context(), configMaps, ns, "owned", types.MergePatchType, []byte(`{"metadata":{"labels":{"a":"b"}}}`))
		return err != nil
	})
	w.take("b", []string{ns}, deployments, configMaps).store(w)
	w.delete(configMaps, ns, "owned")

	r, err := w.restore(salvor.RestoreSpec{Backup: "b"})
	if err != nil || r.Status.Phase != salvor.PhasePartiallyFailed {
		t.Fatalf("%s, %v", r.Status.Phase, err)
	}
	w.expect(w.outcomes(r), configMaps, ns, "owned", salvor.OutcomeFailed, "nobody owns a thing here")
}

func TestDataThatAControllerOwnsIsMadeEqual(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ns := w.namespace()
	owner := w.create(configMaps, ns, "owner", "")
	w.createMeta(secrets, ns, "password", ownedBy(owner, true), `"data":{"p":"b2xk"}`)
	w.take("b", []string{ns}, configMaps, secrets).store(w)
	w.merge(secrets, ns, "password", `{"data":{"p":"bmV3"}}`)

	w.expect(w.completed(salvor.RestoreSpec{Backup: "b"}), secrets, ns, "password", salvor.OutcomeSkipped, "/data/p")
	w.expect(w.completed(salvor.RestoreSpec{Backup: "b", Conflict: salvor.ConflictUpdate}), secrets, ns, "password", salvor.OutcomeUpdated, "")
	if got := value(w.get(secrets, ns, "password"), "data", "p"); got != "b2xk" {
		t.Errorf("the password is %q, want the one that was backed up", got)
	}
}
