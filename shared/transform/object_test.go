package transform_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/transform"
)

// resource makes a resource of its name in the notation of Resource.String.
func resource(kind string) cluster.Resource {
	name, group, _ := strings.Cut(kind, ".")
	return cluster.Resource{Group: group, Version: "v1", Name: name, Namespaced: true}
}

// golden is an object as stored, as it goes back, and where it changed.
type golden struct {
	sentence, kind, in, out string
	changes                 string
}

var goldens = []golden{
	{"what only an API server sets goes", "configmaps",
		`{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a","namespace":"n","uid":"u","resourceVersion":"1","generation":2,"creationTimestamp":"2026-01-01T00:00:00Z","selfLink":"/x","labels":{"l":"1"},"managedFields":[{"manager":"x"}],"finalizers":["f"]},"data":{"k":"v"},"immutable":true}`,
		`{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a","namespace":"n","labels":{"l":"1"},"finalizers":["f"]},"data":{"k":"v"},"immutable":true}`,
		"/metadata/uid /metadata/resourceVersion /metadata/generation /metadata/creationTimestamp /metadata/selfLink /metadata/managedFields"},
	{"numbers and order stay as they were", "widgets.example.com",
		`{"spec":{"z":9007199254740993,"a":1.10,"e":1e400},"metadata":{"name":"w"}}`,
		`{"spec":{"z":9007199254740993,"a":1.10,"e":1e400},"metadata":{"name":"w"}}`, ""},
	{"the status of a built-in kind goes", "deployments.apps",
		`{"metadata":{"name":"d","annotations":{"deployment.kubernetes.io/revision":"3","kubectl.kubernetes.io/last-applied-configuration":"{}"}},"spec":{"replicas":2},"status":{"replicas":2}}`,
		`{"metadata":{"name":"d","annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{}"}},"spec":{"replicas":2}}`,
		"/status /metadata/annotations/deployment.kubernetes.io~1revision"},
	{"the status of a custom resource stays", "workflows.argoproj.io",
		`{"metadata":{"name":"w"},"status":{"phase":"Succeeded"}}`,
		`{"metadata":{"name":"w"},"status":{"phase":"Succeeded"}}`, ""},
	{"owners without a UID in the target are left out", "configmaps",
		`{"metadata":{"name":"a","ownerReferences":[{"apiVersion":"v1","kind":"Pod","name":"p","uid":"gone"}]}}`,
		`{"metadata":{"name":"a"}}`, "/metadata/ownerReferences"},
	{"owners with a UID in the target get it", "configmaps",
		`{"metadata":{"name":"a","ownerReferences":[{"apiVersion":"v1","kind":"Pod","name":"p","uid":"gone"},{"apiVersion":"apps/v1","kind":"Deployment","name":"d","uid":"known","controller":true}]}}`,
		`{"metadata":{"name":"a","ownerReferences":[{"apiVersion":"apps/v1","kind":"Deployment","name":"d","uid":"new","controller":true}]}}`,
		"/metadata/ownerReferences"},
	{"a Service gets new addresses and keeps its node ports", "services",
		`{"metadata":{"name":"s"},"spec":{"clusterIP":"10.0.0.1","clusterIPs":["10.0.0.1"],"ports":[{"port":80,"nodePort":30080}],"type":"NodePort"}}`,
		`{"metadata":{"name":"s"},"spec":{"ports":[{"port":80,"nodePort":30080}],"type":"NodePort"}}`,
		"/spec/clusterIP /spec/clusterIPs"},
	{"a headless Service stays headless", "services",
		`{"metadata":{"name":"s"},"spec":{"clusterIP":"None","clusterIPs":["None"]}}`,
		`{"metadata":{"name":"s"},"spec":{"clusterIP":"None","clusterIPs":["None"]}}`, ""},
	{"a claim that a controller bound may be bound to another volume", "persistentvolumeclaims",
		`{"metadata":{"name":"c","annotations":{"pv.kubernetes.io/bind-completed":"yes","pv.kubernetes.io/bound-by-controller":"yes","volume.kubernetes.io/selected-node":"n1","volume.kubernetes.io/storage-provisioner":"p","mine":"1"}},"spec":{"volumeName":"pv1","storageClassName":"gp3"},"status":{"phase":"Bound"}}`,
		`{"metadata":{"name":"c","annotations":{"mine":"1"}},"spec":{"storageClassName":"gp3"}}`,
		"/status /spec/volumeName /metadata/annotations/pv.kubernetes.io~1bound-by-controller /metadata/annotations/pv.kubernetes.io~1bind-completed /metadata/annotations/volume.kubernetes.io~1selected-node /metadata/annotations/volume.kubernetes.io~1storage-provisioner"},
	{"a claim keeps the volume that its user chose", "persistentvolumeclaims",
		`{"metadata":{"name":"c","annotations":{"pv.kubernetes.io/bind-completed":"yes"}},"spec":{"volumeName":"nfs"}}`,
		`{"metadata":{"name":"c","annotations":{}},"spec":{"volumeName":"nfs"}}`,
		"/metadata/annotations/pv.kubernetes.io~1bind-completed"},
	{"a claim of which a snapshot was being cut can be deleted", "persistentvolumeclaims",
		`{"metadata":{"name":"c","finalizers":["kubernetes.io/pvc-protection","snapshot.storage.kubernetes.io/pvc-as-source-protection"]}}`,
		`{"metadata":{"name":"c","finalizers":["kubernetes.io/pvc-protection"]}}`, "/metadata/finalizers"},
	{"a volume stays promised to its claim, by name", "persistentvolumes",
		`{"metadata":{"name":"pv"},"spec":{"persistentVolumeReclaimPolicy":"Retain","claimRef":{"kind":"PersistentVolumeClaim","namespace":"n","name":"c","uid":"u","resourceVersion":"7"}}}`,
		`{"metadata":{"name":"pv"},"spec":{"persistentVolumeReclaimPolicy":"Retain","claimRef":{"kind":"PersistentVolumeClaim","namespace":"n","name":"c"}}}`,
		"/spec/claimRef/uid /spec/claimRef/resourceVersion"},
	{"a Job loses the selector that was made of its UID", "jobs.batch",
		`{"metadata":{"name":"j","labels":{"controller-uid":"u","own":"1"}},"spec":{"selector":{"matchLabels":{"batch.kubernetes.io/controller-uid":"u"}},"template":{"metadata":{"labels":{"controller-uid":"u","batch.kubernetes.io/controller-uid":"u","job-name":"j"}}}}}`,
		`{"metadata":{"name":"j","labels":{"own":"1"}},"spec":{"template":{"metadata":{"labels":{"job-name":"j"}}}}}`,
		"/spec/selector /spec/template/metadata/labels/controller-uid /spec/template/metadata/labels/batch.kubernetes.io~1controller-uid /metadata/labels/controller-uid"},
	{"a Job loses the labels that were copied from its template, to get them again", "jobs.batch",
		`{"metadata":{"name":"j","labels":{"job-name":"j","controller-uid":"u"}},"spec":{"template":{"metadata":{"labels":{"controller-uid":"u","job-name":"j"}}}}}`,
		`{"metadata":{"name":"j"},"spec":{"template":{"metadata":{"labels":{"job-name":"j"}}}}}`,
		"/spec/template/metadata/labels/controller-uid /metadata/labels"},
	{"a Job keeps the selector that its user wrote", "jobs.batch",
		`{"metadata":{"name":"j"},"spec":{"manualSelector":true,"selector":{"matchLabels":{"controller-uid":"mine"}},"template":{"metadata":{"labels":{"controller-uid":"mine"}}}}}`,
		`{"metadata":{"name":"j"},"spec":{"manualSelector":true,"selector":{"matchLabels":{"controller-uid":"mine"}},"template":{"metadata":{"labels":{"controller-uid":"mine"}}}}}`, ""},
	{"a Pod loses its node and its injected token", "pods",
		`{"metadata":{"name":"p"},"spec":{"nodeName":"n1","priority":0,"preemptionPolicy":"PreemptLowerPriority","ephemeralContainers":[{"name":"debug"}],"volumes":[{"name":"d"},{"name":"kube-api-access-abcde"}],"containers":[{"name":"c","volumeMounts":[{"name":"d"},{"name":"kube-api-access-abcde"}]}],"initContainers":[{"name":"i","volumeMounts":[{"name":"kube-api-access-abcde"}]}],"tolerations":[{"key":"k"}]},"status":{"phase":"Running"}}`,
		`{"metadata":{"name":"p"},"spec":{"volumes":[{"name":"d"}],"containers":[{"name":"c","volumeMounts":[{"name":"d"}]}],"initContainers":[{"name":"i"}],"tolerations":[{"key":"k"}]}}`,
		"/status /spec/nodeName /spec/priority /spec/preemptionPolicy /spec/ephemeralContainers /spec/volumes /spec/containers/*/volumeMounts /spec/initContainers/*/volumeMounts"},
	{"a service account loses the tokens that were made for it", "serviceaccounts",
		`{"metadata":{"name":"sa"},"secrets":[{"name":"sa-token-x1y2z"},{"name":"mine"},{"name":"sa-dockercfg-abcde"}],"imagePullSecrets":[{"name":"r"}]}`,
		`{"metadata":{"name":"sa"},"secrets":[{"name":"mine"}],"imagePullSecrets":[{"name":"r"}]}`, "/secrets"},
	{"a token Secret is filled anew", "secrets",
		`{"metadata":{"name":"t","annotations":{"kubernetes.io/service-account.name":"sa","kubernetes.io/service-account.uid":"u"}},"data":{"token":"eA==","ca.crt":"eA==","namespace":"eA==","extra":"eA=="},"type":"kubernetes.io/service-account-token"}`,
		`{"metadata":{"name":"t","annotations":{"kubernetes.io/service-account.name":"sa"}},"data":{"extra":"eA=="},"type":"kubernetes.io/service-account-token"}`,
		"/metadata/annotations/kubernetes.io~1service-account.uid /data/token /data/ca.crt /data/namespace"},
	{"a plain Secret may have a key that is called token", "secrets",
		`{"metadata":{"name":"t"},"data":{"token":"eA=="},"type":"Opaque"}`,
		`{"metadata":{"name":"t"},"data":{"token":"eA=="},"type":"Opaque"}`, ""},
	{"a Namespace loses the server's finalizer", "namespaces",
		`{"metadata":{"name":"n"},"spec":{"finalizers":["kubernetes"]},"status":{"phase":"Active"}}`,
		`{"metadata":{"name":"n"},"spec":{}}`, "/status /spec/finalizers"},
	{"an aggregated ClusterRole is filled by a controller", "clusterroles.rbac.authorization.k8s.io",
		`{"metadata":{"name":"r"},"aggregationRule":{"clusterRoleSelectors":[]},"rules":[{"verbs":["get"]}]}`,
		`{"metadata":{"name":"r"},"aggregationRule":{"clusterRoleSelectors":[]}}`, "/rules"},
	{"a webhook keeps the authority that signs for it", "validatingwebhookconfigurations.admissionregistration.k8s.io",
		`{"metadata":{"name":"w"},"webhooks":[{"clientConfig":{"caBundle":"eA==","service":{"namespace":"n","name":"s"}}}]}`,
		`{"metadata":{"name":"w"},"webhooks":[{"clientConfig":{"caBundle":"eA==","service":{"namespace":"n","name":"s"}}}]}`, ""},
	{"a snapshot's content stays promised to it, by name", "volumesnapshotcontents.snapshot.storage.k8s.io",
		`{"metadata":{"name":"v"},"spec":{"volumeSnapshotRef":{"namespace":"n","name":"s","uid":"u"}}}`,
		`{"metadata":{"name":"v"},"spec":{"volumeSnapshotRef":{"namespace":"n","name":"s"}}}`, "/spec/volumeSnapshotRef/uid"},
	{"a DaemonSet's template generation is counted anew", "daemonsets.apps",
		`{"metadata":{"name":"d","annotations":{"deprecated.daemonset.template.generation":"5"}},"spec":{}}`,
		`{"metadata":{"name":"d","annotations":{}},"spec":{}}`, "/metadata/annotations/deprecated.daemonset.template.generation"},
}

func owner(old string) (string, bool) { return "new", old == "known" }

func TestObject(t *testing.T) {
	for _, g := range goldens {
		t.Run(g.sentence, func(t *testing.T) {
			r, err := transform.Object([]byte(g.in), resource(g.kind), transform.Options{OwnerUID: owner})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(g.out, string(r.Body)); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(g.changes, paths(r.Changes)); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
		})
	}
}

func paths(changes []transform.Change) string {
	var list []string
	for _, c := range changes {
		if c.Reason == "" {
			return "a change without a reason: " + c.Path
		}
		list = append(list, c.Path)
	}
	return strings.Join(list, " ")
}

func TestNamespaceMapping(t *testing.T) {
	for _, g := range []golden{
		{sentence: "an object moves", kind: "configmaps",
			in:  `{"metadata":{"name":"old","namespace":"old"}}`,
			out: `{"metadata":{"name":"old","namespace":"new"}}`},
		{sentence: "a Namespace is renamed with its label", kind: "namespaces",
			in:  `{"metadata":{"name":"old","labels":{"kubernetes.io/metadata.name":"old"}}}`,
			out: `{"metadata":{"name":"new","labels":{"kubernetes.io/metadata.name":"new"}}}`},
		{sentence: "subjects follow", kind: "rolebindings.rbac.authorization.k8s.io",
			in:  `{"metadata":{"name":"b","namespace":"old"},"subjects":[{"kind":"ServiceAccount","name":"s","namespace":"old"},{"kind":"ServiceAccount","name":"s","namespace":"other"},{"kind":"Group","name":"system:serviceaccounts:old"},{"kind":"User","name":"system:serviceaccount:old:s"},{"kind":"User","name":"old"}]}`,
			out: `{"metadata":{"name":"b","namespace":"new"},"subjects":[{"kind":"ServiceAccount","name":"s","namespace":"new"},{"kind":"ServiceAccount","name":"s","namespace":"other"},{"kind":"Group","name":"system:serviceaccounts:new"},{"kind":"User","name":"system:serviceaccount:new:s"},{"kind":"User","name":"old"}]}`},
		{sentence: "the Service of a webhook follows", kind: "mutatingwebhookconfigurations.admissionregistration.k8s.io",
			in:  `{"metadata":{"name":"w"},"webhooks":[{"clientConfig":{"service":{"namespace":"old","name":"s"}},"namespaceSelector":{"matchExpressions":[{"key":"kubernetes.io/metadata.name","operator":"In","values":["old","x"]},{"key":"tier","operator":"In","values":["old"]}]}}]}`,
			out: `{"metadata":{"name":"w"},"webhooks":[{"clientConfig":{"service":{"namespace":"new","name":"s"}},"namespaceSelector":{"matchExpressions":[{"key":"kubernetes.io/metadata.name","operator":"In","values":["new","x"]},{"key":"tier","operator":"In","values":["old"]}]}}]}`},
		{sentence: "a NetworkPolicy lets the renamed namespace in", kind: "networkpolicies.networking.k8s.io",
			in:  `{"metadata":{"name":"p","namespace":"x"},"spec":{"ingress":[{"from":[{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"old"}}}]}],"egress":[{"to":[{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"old"}}}]}]}}`,
			out: `{"metadata":{"name":"p","namespace":"x"},"spec":{"ingress":[{"from":[{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"new"}}}]}],"egress":[{"to":[{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"new"}}}]}]}}`},
		{sentence: "a volume's claim follows", kind: "persistentvolumes",
			in:  `{"metadata":{"name":"v"},"spec":{"claimRef":{"namespace":"old","name":"c"}}}`,
			out: `{"metadata":{"name":"v"},"spec":{"claimRef":{"namespace":"new","name":"c"}}}`},
		{sentence: "the Service of an APIService follows", kind: "apiservices.apiregistration.k8s.io",
			in:  `{"metadata":{"name":"v1.x"},"spec":{"service":{"namespace":"old","name":"s"}}}`,
			out: `{"metadata":{"name":"v1.x"},"spec":{"service":{"namespace":"new","name":"s"}}}`},
		{sentence: "text stays as it is", kind: "configmaps",
			in:  `{"metadata":{"name":"c","namespace":"x"},"data":{"host":"db.old.svc"}}`,
			out: `{"metadata":{"name":"c","namespace":"x"},"data":{"host":"db.old.svc"}}`},
	} {
		t.Run(g.sentence, func(t *testing.T) {
			r, err := transform.Object([]byte(g.in), resource(g.kind), transform.Options{Namespaces: map[string]string{"old": "new"}})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(g.out, string(r.Body)); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSkip(t *testing.T) {
	for _, c := range []struct{ sentence, kind, in, reason string }{
		{"an object that was being deleted", "configmaps", `{"metadata":{"name":"a","deletionTimestamp":"2026-01-01T00:00:00Z"}}`, "being deleted"},
		{"a Pod that has run", "pods", `{"metadata":{"name":"a"},"status":{"phase":"Succeeded"}}`, "run again"},
		{"a Pod that something makes again", "pods", `{"metadata":{"name":"a","ownerReferences":[{"kind":"ReplicaSet","name":"r","uid":"u","controller":true}]}}`, "controller"},
		{"a Job that has run", "jobs.batch", `{"metadata":{"name":"a"},"status":{"conditions":[{"type":"Complete","status":"True"}]}}`, "run again"},
		{"the authority of the old cluster", "configmaps", `{"metadata":{"name":"kube-root-ca.crt"}}`, "each cluster"},
		{"a content that its VolumeSnapshot makes again", "volumesnapshotcontents.snapshot.storage.k8s.io", `{"metadata":{"name":"c"},"spec":{"source":{"volumeHandle":"vol-1"}}}`, "gets a new one"},
		{"a volume that goes with its claim", "persistentvolumes", `{"metadata":{"name":"v","annotations":{"pv.kubernetes.io/provisioned-by":"ebs.csi.aws.com"}},"spec":{"persistentVolumeReclaimPolicy":"Delete"}}`, "provisioned"},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			_, err := transform.Object([]byte(c.in), resource(c.kind), transform.Options{})
			var skip *transform.Skip
			if !errors.As(err, &skip) || !strings.Contains(skip.Reason, c.reason) {
				t.Errorf("got %v, want a skip for %q", err, c.reason)
			}
			if _, err := transform.Normal([]byte(c.in), resource(c.kind)); err != nil {
				t.Errorf("a live one is compared all the same, got %v", err)
			}
		})
	}
	for _, c := range []struct{ sentence, kind, in string }{
		{"a Job that still runs", "jobs.batch", `{"metadata":{"name":"a"},"status":{"conditions":[{"type":"Suspended","status":"True"}]}}`},
		{"a content that names its snapshot", "volumesnapshotcontents.snapshot.storage.k8s.io", `{"metadata":{"name":"c"},"spec":{"source":{"snapshotHandle":"snap-1"}}}`},
		{"a volume that is kept", "persistentvolumes", `{"metadata":{"name":"v","annotations":{"pv.kubernetes.io/provisioned-by":"ebs.csi.aws.com"}},"spec":{"persistentVolumeReclaimPolicy":"Retain"}}`},
	} {
		if _, err := transform.Object([]byte(c.in), resource(c.kind), transform.Options{}); err != nil {
			t.Errorf("%s: got %v, want none", c.sentence, err)
		}
	}
}

func FuzzObject(f *testing.F) {
	for _, g := range goldens {
		f.Add(g.kind, []byte(g.in))
	}
	f.Add("secrets", []byte(`{"metadata":{"name":"é","\u0075id":"x","annotations":null},"spec":[1,2]}`))
	options := transform.Options{OwnerUID: owner, Namespaces: map[string]string{"old": "new"}}
	f.Fuzz(func(t *testing.T, kind string, in []byte) {
		once, err := transform.Object(in, resource(kind), options)
		if err != nil {
			return
		}
		if valid(in) && !valid(once.Body) {
			t.Fatalf("JSON became something else:\n%s\n%s", in, once.Body)
		}
		again, err := transform.Object(once.Body, resource(kind), transform.Options{OwnerUID: sameUID, Namespaces: options.Namespaces})
		if err != nil {
			if errors.As(err, new(*transform.Skip)) {
				return
			}
			t.Fatalf("a second time: %v", err)
		}
		if valid(in) {
			if fields, err := transform.Differences(once.Body, again.Body, false); err != nil || len(fields) > 0 {
				t.Fatalf("a second time changes %v (%v):\n%s\n%s", fields, err, once.Body, again.Body)
			}
		}
	})
}

func sameUID(old string) (string, bool) { return old, true }
