package closure_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"salvor.io/salvor/shared/closure"
	"salvor.io/salvor/shared/cluster"
)

// resources are the kinds that the test documents are of.
var resources = map[string]cluster.Resource{}

func init() {
	for _, r := range []struct {
		group, kind, name string
		clusterScoped     bool
	}{
		{"", "Pod", "pods", false}, {"", "ConfigMap", "configmaps", false}, {"", "Secret", "secrets", false}, {"", "Service", "services", false}, {"", "ServiceAccount", "serviceaccounts", false},
		{"vpcresources.k8s.aws", "SecurityGroupPolicy", "securitygrouppolicies", false}, {"elbv2.k8s.aws", "TargetGroupBinding", "targetgroupbindings", false},
		{"", "PersistentVolumeClaim", "persistentvolumeclaims", false}, {"", "PersistentVolume", "persistentvolumes", true}, {"", "Endpoints", "endpoints", false}, {"", "LimitRange", "limitranges", false},
		{"", "ReplicationController", "replicationcontrollers", false}, {"", "PodTemplate", "podtemplates", false},
		{"apps", "Deployment", "deployments", false}, {"apps", "StatefulSet", "statefulsets", false}, {"apps", "ReplicaSet", "replicasets", false}, {"apps", "DaemonSet", "daemonsets", false},
		{"batch", "Job", "jobs", false}, {"batch", "CronJob", "cronjobs", false}, {"autoscaling", "HorizontalPodAutoscaler", "horizontalpodautoscalers", false}, {"policy", "PodDisruptionBudget", "poddisruptionbudgets", false},
		{"networking.k8s.io", "Ingress", "ingresses", false}, {"networking.k8s.io", "NetworkPolicy", "networkpolicies", false}, {"networking.k8s.io", "IngressClass", "ingressclasses", true}, {"discovery.k8s.io", "EndpointSlice", "endpointslices", false},
		{"rbac.authorization.k8s.io", "Role", "roles", false}, {"rbac.authorization.k8s.io", "RoleBinding", "rolebindings", false}, {"rbac.authorization.k8s.io", "ClusterRole", "clusterroles", true}, {"rbac.authorization.k8s.io", "ClusterRoleBinding", "clusterrolebindings", true},
		{"storage.k8s.io", "StorageClass", "storageclasses", true}, {"storage.k8s.io", "VolumeAttributesClass", "volumeattributesclasses", true}, {"scheduling.k8s.io", "PriorityClass", "priorityclasses", true}, {"node.k8s.io", "RuntimeClass", "runtimeclasses", true},
		{"resource.k8s.io", "ResourceClaim", "resourceclaims", false}, {"resource.k8s.io", "ResourceClaimTemplate", "resourceclaimtemplates", false}, {"resource.k8s.io", "DeviceClass", "deviceclasses", true},
		{"apiextensions.k8s.io", "CustomResourceDefinition", "customresourcedefinitions", true}, {"apiregistration.k8s.io", "APIService", "apiservices", true},
		{"admissionregistration.k8s.io", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", true}, {"admissionregistration.k8s.io", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", true},
		{"gateway.networking.k8s.io", "Gateway", "gateways", false}, {"gateway.networking.k8s.io", "GatewayClass", "gatewayclasses", true}, {"gateway.networking.k8s.io", "HTTPRoute", "httproutes", false}, {"gateway.networking.k8s.io", "TLSRoute", "tlsroutes", false}, {"gateway.networking.k8s.io", "ReferenceGrant", "referencegrants", false},
		{"snapshot.storage.k8s.io", "VolumeSnapshot", "volumesnapshots", false}, {"snapshot.storage.k8s.io", "VolumeSnapshotClass", "volumesnapshotclasses", true}, {"snapshot.storage.k8s.io", "VolumeSnapshotContent", "volumesnapshotcontents", true},
		{"secrets-store.csi.x-k8s.io", "SecretProviderClass", "secretproviderclasses", false}, {"cert-manager.io", "Certificate", "certificates", false}, {"cert-manager.io", "Issuer", "issuers", false}, {"cert-manager.io", "ClusterIssuer", "clusterissuers", true},
		{"example.org", "Widget", "widgets", false}, {"example.org", "World", "worlds", true}, {"autoscaling.k8s.io", "VerticalPodAutoscaler", "verticalpodautoscalers", false},
		{"keda.sh", "ScaledObject", "scaledobjects", false}, {"keda.sh", "TriggerAuthentication", "triggerauthentications", false}, {"argoproj.io", "Rollout", "rollouts", false},
		{"monitoring.coreos.com", "ServiceMonitor", "servicemonitors", false}, {"monitoring.coreos.com", "PodMonitor", "podmonitors", false}, {"external-secrets.io", "SecretStore", "secretstores", false}, {"external-secrets.io", "ExternalSecret", "externalsecrets", false},
	} {
		resources[r.kind] = cluster.Resource{Group: r.group, Version: "v1", Name: r.name, Kind: r.kind, Namespaced: !r.clusterScoped}
	}
}

func allResources() []cluster.Resource {
	var list []cluster.Resource
	for _, r := range resources {
		list = append(list, r)
	}
	return list
}

// doc is one object of a test file. In its comment, "chosen" stands for one that the scope chooses, "made" for one that
// another makes again, "-> REASON" for why it has to be taken; without it, it must not be.
type doc struct {
	res     cluster.Resource
	item    cluster.Item
	mark    closure.Mark
	why     string
	comment string
}

func readDocs(t testing.TB, text string) []doc {
	t.Helper()
	var docs []doc
	for _, part := range strings.Split(text, "\n---\n") {
		var d doc
		for _, line := range strings.Split(part, "\n") {
			comment, ok := strings.CutPrefix(line, "# ")
			if !ok {
				continue
			}
			words, why, _ := strings.Cut(comment, "-> ")
			d.comment, d.why = comment, why
			if strings.Contains(words, "chosen") {
				d.mark.Chosen, d.why = "chosen", "chosen"
			}
			if strings.Contains(words, "made") {
				d.mark.Left, d.mark.Made, d.why = "made again", true, ""
			}
		}
		raw, err := yaml.YAMLToJSON([]byte(part))
		if err != nil {
			t.Fatalf("%v in\n%s", err, part)
		}
		var o struct {
			Kind     string
			Metadata struct{ Name, Namespace string }
		}
		if err := yaml.Unmarshal([]byte(part), &o); err != nil {
			t.Fatal(err)
		}
		res, ok := resources[o.Kind]
		if !ok {
			t.Fatalf("no kind %q in the tests, of\n%s", o.Kind, part)
		}
		d.res, d.item = res, cluster.Item{Namespace: o.Metadata.Namespace, Name: o.Metadata.Name, Raw: raw}
		if res.Namespaced && d.item.Namespace == "" {
			d.item.Namespace = "a"
		}
		docs = append(docs, d)
	}
	return docs
}

// Each file is a small world: one application is chosen, and every object says in a comment why it is taken, or nothing.
func TestWhatRefersToWhat(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) < 5 {
		t.Fatalf("files %v: %v", files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			docs := readDocs(t, strings.TrimSpace(string(data)))
			r, g := closeDocs(docs)
			want, got := map[string]string{}, map[string]string{}
			for n, d := range docs {
				id := g.ID(closure.Node(n)).String()
				if d.why != "" {
					want[id] = d.why
				}
				if r.Takes(closure.Node(n)) {
					got[id] = r.Reason(closure.Node(n))
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-file +closure):\n%s", diff)
			}
			if diff := cmp.Diff(expected(string(data)), dangling(r)); diff != "" {
				t.Errorf("references that lead to nothing (-file +closure):\n%s", diff)
			}
		})
	}
}

// expected are lines "#! KIND NAME: REASON" of the file.
func expected(text string) []string {
	var lines []string
	for _, line := range strings.Split(text, "\n") {
		if l, ok := strings.CutPrefix(line, "#! "); ok {
			lines = append(lines, l)
		}
	}
	slices.Sort(lines)
	return lines
}

func dangling(r *closure.Result) []string {
	var lines []string
	for _, d := range append(slices.Clone(r.Missing), r.Outside...) {
		lines = append(lines, fmt.Sprintf("%s, %s %s: %s", d.To, d.Why, d.From, d.Reason))
	}
	slices.Sort(lines)
	return lines
}

func closeDocs(docs []doc) (*closure.Result, *closure.Graph) {
	g := closure.New(allResources(), closure.Policy{})
	for _, d := range docs {
		g.Add(d.res, d.item, d.mark)
	}
	for {
		g.LoadedNamespace("a")
		r := g.Close()
		if r.Demand.Empty() {
			return r, g
		}
		for _, kind := range r.Demand.Kinds {
			g.Loaded(kind)
		}
	}
}

// No object, however it is malformed, may bring down a backup.
func FuzzExtract(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, d := range readDocs(f, strings.TrimSpace(string(data))) {
			f.Add(d.res.Kind, d.item.Raw)
		}
	}
	f.Fuzz(func(t *testing.T, kind string, raw []byte) {
		res, ok := resources[kind]
		if !ok {
			res = resources["Widget"]
		}
		d := doc{res: res, item: cluster.Item{Namespace: "a", Name: "data-web-0", Raw: raw}, mark: closure.Mark{Chosen: "chosen"}}
		if r, _ := closeDocs([]doc{d}); !r.Takes(0) {
			t.Errorf("the only object is not taken")
		}
	})
}
