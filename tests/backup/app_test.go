package backup_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/shared/salvor"
)

// deploy creates the objects of the files in a namespace whose name stands in for NS.
func deploy(t testing.TB, c *kube.Client, ns string, files ...string) {
	t.Helper()
	served, err := c.Discover(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile("testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, doc := range strings.Split(strings.ReplaceAll(string(data), "NS", ns), "\n---\n") {
			raw, err := yaml.YAMLToJSON([]byte(doc))
			if err != nil {
				t.Fatal(err)
			}
			var head struct{ APIVersion, Kind string }
			if err := json.Unmarshal(raw, &head); err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(served.Resources, func(r cluster.Resource) bool { return r.Kind == head.Kind && r.APIVersion() == head.APIVersion })
			if i < 0 {
				t.Fatalf("the cluster serves no %s %s", head.APIVersion, head.Kind)
			}
			res, in := served.Resources[i], ns
			if !res.Namespaced {
				in = ""
			}
			if _, err := c.Create(t.Context(), res, in, raw); err != nil {
				t.Fatalf("%s: %v\n%s", file, err, doc)
			}
		}
	}
}

// shopObjects are those of the shop with the reason that each is there. Only web, db, clean and scratch carry its label,
// and the pods of api.
func shopObjects(ns string) map[string]string {
	chosen := "matches app=shop"
	want := map[string]string{
		"deployments.apps web": chosen, "statefulsets.apps db": chosen, "cronjobs.batch clean": chosen,
		"deployments.apps api":                                                "owner of ReplicaSet RS",
		"persistentvolumeclaims data-db-7":                                    "claim of StatefulSet db",
		"persistentvolumeclaims data-db-0":                                    "claim of StatefulSet db",
		"services web":                                                        "selects the pods of Deployment web",
		"services db":                                                         "governing Service of StatefulSet db",
		"ingresses.networking.k8s.io front":                                   "routes to Service web",
		"horizontalpodautoscalers.autoscaling web":                            "scales Deployment web",
		"poddisruptionbudgets.policy db":                                      "limits disruptions of StatefulSet db",
		"networkpolicies.networking.k8s.io db":                                "selects the pods of StatefulSet db",
		"networkpolicies.networking.k8s.io nobody":                            "selects the pods of CronJob clean",
		"serviceaccounts web":                                                 "service account of Deployment web",
		"serviceaccounts default":                                             "service account of CronJob clean",
		"rolebindings.rbac.authorization.k8s.io web":                          "binds ServiceAccount web",
		"roles.rbac.authorization.k8s.io web":                                 "role of RoleBinding web",
		"clusterrolebindings.rbac.authorization.k8s.io NS-web":                "binds ServiceAccount NS/web",
		"clusterroles.rbac.authorization.k8s.io NS-sum":                       "role of ClusterRoleBinding NS-web",
		"clusterroles.rbac.authorization.k8s.io NS-part":                      "aggregated into ClusterRole NS-sum",
		"customresourcedefinitions.apiextensions.k8s.io widgets.example.org":  "kind that may be changed by ClusterRole …",
		"priorityclasses.scheduling.k8s.io NS-high":                           "priority class of Deployment NS/web",
		"storageclasses.storage.k8s.io NS-fast":                               "storage class of StatefulSet NS/db",
		"ingressclasses.networking.k8s.io NS-class":                           "ingress class of Ingress NS/front",
		"validatingwebhookconfigurations.admissionregistration.k8s.io NS-web": "calls Service NS/web",
		"configmaps web-colours":                                              "env of Deployment web", "configmaps web-pages": "volume of Deployment web",
		"configmaps api-settings": "envFrom of Deployment api", "configmaps both-use": "envFrom of Deployment api",
		"secrets web-session": "envFrom of Deployment web", "secrets web-key": "volume of Deployment web", "secrets db-password": "env of StatefulSet db",
		"secrets clean-token": "envFrom of CronJob clean", "secrets registry": "image pull secret of Deployment web", "secrets front-tls": "TLS certificate of Ingress front",
		"namespaces NS": "a namespace of the backup",
	}
	named := map[string]string{}
	for k, v := range want {
		named[strings.ReplaceAll(k, "NS", ns)] = strings.ReplaceAll(v, "NS", ns)
	}
	return named
}

// One label brings the whole application, although its ConfigMaps, Secrets, Services and the like carry none, and nothing
// of its neighbour. What the scope shows before is what the backup holds, and the backup says why.
func TestOneLabelTakesTheWholeApplication(t *testing.T) {
	k := server(t)
	c := client(t, k.Kubeconfig)
	defineWidgets(t, c)
	ns := namespace(t, c)
	deploy(t, c, ns, "shop.yaml", "blog.yaml")
	s := testSite(t, c)
	awaitPods(t, c, ns, 4)
	scope := salvor.Scope{Namespaces: []string{ns}, LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "shop"}}}
	want := shopObjects(ns)

	shown, err := s.engine.Scope(t.Context(), "test", scope)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, reasonsOf(shown.Objects)); d != "" {
		t.Errorf("shown (-want +got):\n%s", d)
	}
	if !slices.ContainsFunc(shown.Left, func(l backup.LeftObject) bool {
		return l.Name == "scratch" && l.Reason == "labelled salvor.io/exclude-from-backup=true"
	}) {
		t.Errorf("what opted out is not named: %+v", shown.Left)
	}
	if len(shown.Missing) > 0 || len(shown.NotFollowed) > 0 {
		t.Errorf("missing %+v, not followed %+v", shown.Missing, shown.NotFollowed)
	}

	b, m := s.backUp(t, "shop", scope)
	if b.Status.Phase != salvor.PhaseCompleted {
		t.Fatalf("%s: %s", b.Status.Phase, b.Status.Message)
	}
	stored := map[string]bool{}
	for key := range s.stored(t, m) {
		kind, name, _ := strings.Cut(key, " ")
		stored[kind+" "+name[strings.Index(name, "/")+1:]] = true
	}
	if d := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(stored))); d != "" {
		t.Errorf("stored (-want +got):\n%s", d)
	}
	if d := cmp.Diff(want, reasonsOf(s.reasons(t, m))); d != "" {
		t.Errorf("reasons (-want +got):\n%s", d)
	}
	if v, err := s.repo.Verify(t.Context(), "shop", b.Status.RootDigest, nil); err != nil || len(v.Problems) > 0 {
		t.Errorf("verify: %v %v", err, v)
	}
}

func reasonsOf(objects []backup.ScopeObject) map[string]string {
	got := map[string]string{}
	for _, o := range objects {
		reason := o.Reason
		if strings.HasPrefix(reason, "owner of ReplicaSet api-") {
			reason = "owner of ReplicaSet RS"
		}
		if before, _, ok := strings.Cut(reason, "ClusterRole "); ok && o.Kind == crds.String() {
			reason = before + "ClusterRole …" // of the sum too, once the controller has put it together
		}
		got[o.Kind+" "+o.Name] = reason
	}
	return got
}

// reasons reads those of the backup.
func (s *site) reasons(t testing.TB, m *archive.Manifest) []backup.ScopeObject {
	t.Helper()
	data, err := s.repo.Report(t.Context(), m.Backup, m.Reasons, m.ReasonsDigest)
	if err != nil {
		t.Fatal(err)
	}
	r, err := archive.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	var lines bytes.Buffer
	if _, err := lines.ReadFrom(r); err != nil {
		t.Fatal(err)
	}
	var objects []backup.ScopeObject
	for line := range archive.Lines(lines.Bytes()) {
		var o backup.ScopeObject
		if err := json.Unmarshal(line, &o); err != nil {
			t.Fatal(err)
		}
		objects = append(objects, o)
	}
	return objects
}

// awaitPods waits until the controllers have made so many pods.
func awaitPods(t testing.TB, c *kube.Client, ns string, n int) {
	t.Helper()
	pods := cluster.Resource{Version: "v1", Name: "pods", Kind: "Pod", Namespaced: true}
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		result, err := c.List(t.Context(), cluster.ListRequest{Resource: pods, Namespace: ns}, func(cluster.Item) error { return nil })
		if err == nil && result.Items >= n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d pods instead of %d: %v", result.Items, n, err)
		}
	}
}
