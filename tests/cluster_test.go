package tests

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/shared/cluster/kubeconfig"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/tests/testenv"
)

var (
	namespaceKind = cluster.Resource{Version: "v1", Name: "namespaces", Kind: "Namespace"}
	podKind       = cluster.Resource{Version: "v1", Name: "pods", Kind: "Pod", Namespaced: true}
)

// busybox is the image that every node of testenv has.
const busybox = "localhost/salvor/busybox:1"

// object is a Kubernetes object to be written as JSON.
type object map[string]any

// lab is a cluster and a client that may do everything in it.
type lab struct {
	testenv.KubeServer
	*kube.Client
}

// source returns the cluster that the tests of this process share; it runs pods.
func source(t testing.TB) lab {
	t.Helper()
	return labOf(t, testenv.KubeOptions{Name: "source", Node: true})
}

func labOf(t testing.TB, o testenv.KubeOptions) lab {
	t.Helper()
	server := testenv.Kube(t, o)
	return lab{server, client(t, server.Kubeconfig)}
}

// client signs in as a kubeconfig file says.
func client(t testing.TB, path string) *kube.Client {
	t.Helper()
	config, err := kubeconfig.Config(salvor.KubeconfigCluster{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	c, err := kube.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// eventually calls done until it is, for two minutes at most.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after two minutes still not: %s", what)
		}
	}
}

// namespace makes a namespace of this test's own, which goes with the test.
func (l lab) namespace(t testing.TB, labels ...string) string {
	t.Helper()
	name := "t-" + testenv.Unique()
	l.create(t, namespaceKind, "", object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": name, "labels": pairs(labels)}})
	t.Cleanup(func() {
		if err := l.Delete(context.Background(), namespaceKind, "", name, kube.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			t.Errorf("deleting namespace %s: %v", name, err)
		}
	})
	return name
}

// pairs makes a map of "key=value" texts.
func pairs(texts []string) map[string]string {
	m := map[string]string{}
	for _, s := range texts {
		k, v, _ := strings.Cut(s, "=")
		m[k] = v
	}
	return m
}

// create writes an object. A new namespace lacks its service account for a moment: then it tries again.
func (l lab) create(t testing.TB, r cluster.Resource, namespace string, o object) []byte {
	t.Helper()
	body, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	var created []byte
	eventually(t, fmt.Sprintf("creating %s %s", r, body), func() bool {
		created, err = l.Create(t.Context(), r, namespace, body)
		if apierrors.IsForbidden(err) && strings.Contains(err.Error(), "serviceaccount") {
			return false
		}
		if err != nil {
			t.Fatalf("creating %s %s: %v", r, body, err)
		}
		return true
	})
	return created
}

// pod makes a pod of busybox containers that sleep; the first one is called main. Others are named.
func (l lab) pod(t testing.TB, namespace, name string, labels []string, others ...string) {
	t.Helper()
	var containers []object
	for _, c := range append([]string{"main"}, others...) {
		containers = append(containers, object{"name": c, "image": busybox, "imagePullPolicy": "IfNotPresent", "command": []string{"sleep", "infinity"}})
	}
	l.create(t, podKind, namespace, object{"apiVersion": "v1", "kind": "Pod", "metadata": object{"name": name, "labels": pairs(labels)},
		"spec": object{"containers": containers, "terminationGracePeriodSeconds": 0}})
}

// podOf makes a pod of one container, main, that sleeps unless the fields of the pod or of the container say otherwise.
func (l lab) podOf(t testing.TB, namespace, name string, labels []string, pod, container object) {
	t.Helper()
	main := object{"name": "main", "image": busybox, "imagePullPolicy": "IfNotPresent", "command": []string{"sleep", "infinity"}}
	maps.Copy(main, container)
	spec := object{"containers": []object{main}, "terminationGracePeriodSeconds": 0}
	maps.Copy(spec, pod)
	l.create(t, podKind, namespace, object{"apiVersion": "v1", "kind": "Pod", "metadata": object{"name": name, "labels": pairs(labels)}, "spec": spec})
}

// ready waits until every pod of the namespace runs.
func (l lab) ready(t testing.TB, namespace string) {
	t.Helper()
	eventually(t, "all pods of "+namespace+" are ready", func() bool {
		ready := true
		_, err := l.List(t.Context(), cluster.ListRequest{Resource: podKind, Namespace: namespace}, func(i cluster.Item) error {
			var pod struct {
				Status struct {
					Conditions []struct{ Type, Status string }
				}
			}
			if err := json.Unmarshal(i.Raw, &pod); err != nil {
				return err
			}
			found := false
			for _, c := range pod.Status.Conditions {
				found = found || c.Type == "Ready" && c.Status == "True"
			}
			ready = ready && found
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return ready
	})
}

// sh runs a shell line in container main of a pod and returns its standard output.
func (l lab) sh(t testing.TB, namespace, pod, line string) string {
	t.Helper()
	var out, errs strings.Builder
	err := l.Exec(t.Context(), cluster.ExecRequest{Namespace: namespace, Pod: pod, Container: "main",
		Command: []string{"sh", "-c", line}, Stdout: &out, Stderr: &errs})
	if err != nil {
		t.Fatalf("%s in %s/%s: %v: %s", line, namespace, pod, err, errs.String())
	}
	return out.String()
}
