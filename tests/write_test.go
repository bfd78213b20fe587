package tests

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/cluster/kube"
)

var (
	configMapKind  = cluster.Resource{Version: "v1", Name: "configmaps", Kind: "ConfigMap", Namespaced: true}
	deploymentKind = cluster.Resource{Group: "apps", Version: "v1", Name: "deployments", Kind: "Deployment", Namespaced: true}
)

// meta reads what a server puts into metadata, and the data of a ConfigMap.
func meta(t *testing.T, raw []byte) (m struct {
	Metadata struct {
		UID             types.UID
		ResourceVersion string
		ManagedFields   []struct{ Manager string }
	}
	Data   map[string]string
	Status struct{ ObservedGeneration, Replicas int }
}) {
	t.Helper()
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestWrites(t *testing.T) {
	t.Parallel()
	l := source(t)
	ns := l.namespace(t)
	ctx := t.Context()
	const name = "settings"
	configMap := func(more, value string) []byte {
		return fmt.Appendf(nil, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":%q%s},"data":{"a":%q},"unknown":{"field":1}}`, name, more, value)
	}
	raw, err := l.Create(ctx, configMapKind, ns, configMap("", "1"))
	if err != nil {
		t.Fatalf("a field that the server doesn't know must not prevent a create: %v", err)
	}
	created := meta(t, raw)
	if created.Metadata.UID == "" || created.Metadata.ManagedFields[0].Manager != kube.FieldManager {
		t.Errorf("got %s", raw)
	}
	if _, err = l.Create(ctx, configMapKind, ns, configMap("", "1")); !apierrors.IsAlreadyExists(err) {
		t.Errorf("a second create: got %v", err)
	}
	if _, err = l.Create(ctx, configMapKind, ns, []byte(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"Bad_Name"}}`)); !apierrors.IsInvalid(err) ||
		len(err.(apierrors.APIStatus).Status().Details.Causes) == 0 {
		t.Errorf("an invalid create has to say what is wrong: got %v", err)
	}

	version := fmt.Sprintf(`,"resourceVersion":%q`, created.Metadata.ResourceVersion)
	if raw, err = l.Update(ctx, configMapKind, ns, name, configMap(version, "2")); err != nil || meta(t, raw).Data["a"] != "2" {
		t.Errorf("update: got %s, %v", raw, err)
	}
	if _, err = l.Update(ctx, configMapKind, ns, name, configMap(version, "3")); !apierrors.IsConflict(err) {
		t.Errorf("an update of what has changed since: got %v", err)
	}
	if raw, err = l.Patch(ctx, configMapKind, ns, name, types.MergePatchType, []byte(`{"data":{"b":"4"}}`)); err != nil || meta(t, raw).Data["b"] != "4" {
		t.Errorf("patch: got %s, %v", raw, err)
	}
	if raw, err = l.Get(ctx, configMapKind, ns, name); err != nil || meta(t, raw).Data["a"] != "2" {
		t.Errorf("get: got %s, %v", raw, err)
	}
	if err = l.Delete(ctx, configMapKind, ns, name, kube.DeleteOptions{UID: "another"}); !apierrors.IsConflict(err) {
		t.Errorf("a delete of another identity: got %v", err)
	}
	if err = l.Delete(ctx, configMapKind, ns, name, kube.DeleteOptions{UID: created.Metadata.UID, Propagation: metav1.DeletePropagationBackground}); err != nil {
		t.Errorf("delete: %v", err)
	}
	if _, err = l.Get(ctx, configMapKind, ns, name); !apierrors.IsNotFound(err) {
		t.Errorf("after the delete: got %v", err)
	}
}

func TestWritesOfAStatus(t *testing.T) {
	t.Parallel()
	l := source(t)
	ns := l.namespace(t)
	l.create(t, deploymentKind, ns, object{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": object{"name": "d"}, "spec": object{
		"replicas": 0, "paused": true, "selector": object{"matchLabels": object{"a": "b"}},
		"template": object{"metadata": object{"labels": object{"a": "b"}}, "spec": object{"containers": []object{{"name": "c", "image": busybox}}}}}})
	raw, err := l.Patch(t.Context(), deploymentKind, ns, "d", types.MergePatchType, []byte(`{"status":{"observedGeneration":77}}`), "status")
	if err != nil || meta(t, raw).Status.ObservedGeneration != 77 {
		t.Errorf("patch: got %s, %v", raw, err)
	}
	eventually(t, "the status is replaced", func() bool { // its controller writes it too
		raw, err := l.Get(t.Context(), deploymentKind, ns, "d")
		if err != nil {
			t.Fatal(err)
		}
		now := fmt.Sprintf(`"observedGeneration":%d`, meta(t, raw).Status.ObservedGeneration)
		raw, err = l.Update(t.Context(), deploymentKind, ns, "d", []byte(strings.Replace(string(raw), now, `"observedGeneration":78`, 1)), "status")
		if apierrors.IsConflict(err) {
			return false
		}
		if err != nil {
			t.Fatal(err)
		}
		return meta(t, raw).Status.ObservedGeneration == 78
	})
}
