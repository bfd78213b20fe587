package restore_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
)

const podSpec = `"spec":{"containers":[{"name":"c","image":"busybox:1"}]}`

// application makes one object of every kind that needs some care on its way back.
func (w *world) application(ns string) []cluster.Resource {
	w.create(configMaps, ns, "settings", `"data":{"k":"v","unicode":"äöü <>&"}`)
	w.create(secrets, ns, "password", `"data":{"p":"c2VjcmV0"}`)
	w.create(accounts, ns, "app", "")
	w.create(roles, ns, "app", `"rules":[{"apiGroups":[""],"resources":["configmaps"],"verbs":["get"]}]`)
	w.create(bindings, ns, "app", `"subjects":[{"kind":"ServiceAccount","name":"app","namespace":"`+ns+`"}],"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"app"}`)
	w.create(services, ns, "web", `"spec":{"selector":{"app":"web"},"ports":[{"port":80}],"type":"NodePort"}`)
	w.create(services, ns, "headless", `"spec":{"clusterIP":"None","ports":[{"port":80}]}`)
	w.create(claims, ns, "data", `"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}`)
	w.create(deployments, ns, "web", `"spec":{"replicas":0,"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},`+podSpec+`}}`)
	w.create(jobs, ns, "once", `"spec":{"suspend":true,"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"busybox:1"}]}}}`)
	w.create(pods, ns, "bare", podSpec)
	w.create(policies, ns, "deny", `"spec":{"podSelector":{},"policyTypes":["Ingress"]}`)
	w.create(limits, ns, "limits", `"spec":{"limits":[{"type":"Container","default":{"cpu":"1"}}]}`)
	w.create(quotas, ns, "quota", `"spec":{"hard":{"configmaps":"3"}}`)
	return []cluster.Resource{configMaps, secrets, accounts, roles, bindings, services, claims, deployments, jobs, pods, policies, limits, quotas}
}

// allowed are the differences between an object before and after; everything else has to be the same.
var allowed = []string{"uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "status", "clusterIP", "clusterIPs",
	"controller-uid", "batch.kubernetes.io/controller-uid", "deployment.kubernetes.io/revision", "kube-api-access"}

// strip takes out what may differ, by its own means.
func strip(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			for _, a := range allowed {
				if key == a {
					delete(v, key)
				}
			}
			v[key] = strip(inner)
			if _, gone := v[key]; gone && (v[key] == nil || cmp.Equal(v[key], map[string]any{})) {
				delete(v, key)
			}
			for _, a := range allowed {
				if key == a {
					delete(v, key)
				}
			}
		}
		return v
	case []any:
		var kept []any
		for _, inner := range v {
			if m, ok := inner.(map[string]any); ok {
				if name, _ := m["name"].(string); strings.HasPrefix(name, "kube-api-access-") {
					continue
				}
			}
			kept = append(kept, strip(inner))
		}
		return kept
	}
	return v
}

func decoded(t testing.TB, raw []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return strip(v)
}

func TestWhatWasDeletedComesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ns := w.namespace()
	kinds := w.application(ns)
	b := w.take("b", []string{ns}, kinds...)
	b.store(w)
	w.delete(namespaces, "", ns)

	o := w.completed(salvor.RestoreSpec{Backup: "b"})
	compared := 0
	for _, res := range b.resources {
		for ns, list := range b.objects[res.String()] {
			for _, before := range list {
				name := value(before, "metadata", "name")
				if name == "kube-root-ca.crt" {
					w.expect(o, res, ns, name, salvor.OutcomeSkipped, "each cluster")
					continue
				}
				after := w.get(res, ns, name)
				if after == nil {
					t.Errorf("%s %s is not there (%v)", res, name, o.of(res, ns, name))
					continue
				}
				if value(after, "metadata", "uid") == value(before, "metadata", "uid") {
					t.Errorf("%s %s was never deleted: the test proves nothing", res, name)
				}
				if diff := cmp.Diff(decoded(t, before), decoded(t, after)); diff != "" {
					t.Errorf("%s %s (-before +after):\n%s", res, name, diff)
				}
				compared++
			}
		}
	}
	if compared < 15 {
		t.Errorf("only %d objects were compared", compared)
	}

	again := w.completed(salvor.RestoreSpec{Backup: "b"})
	for key, v := range again {
		if v.Outcome != salvor.OutcomeUnchanged && !strings.HasSuffix(key, "kube-root-ca.crt") {
			t.Errorf("a second time %s is %s: %s", key, v.Outcome, v.Reason)
		}
	}
	if len(again) != len(o) {
		t.Errorf("a second time has %d outcomes, the first %d", len(again), len(o))
	}
	for _, policy := range []salvor.ConflictPolicy{salvor.ConflictUpdate, salvor.ConflictFail} {
		if again := w.completed(salvor.RestoreSpec{Backup: "b", Conflict: policy}); again.count(salvor.OutcomeUnchanged) != len(o)-1 {
			t.Errorf("a third time with %s: %v", policy, again)
		}
	}
}
