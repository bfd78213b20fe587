package transform_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/shared/transform"
)

func valid(raw []byte) bool {
	var m map[string]any
	return json.Unmarshal(raw, &m) == nil
}

func TestDifferences(t *testing.T) {
	for _, c := range []struct{ sentence, want, live, fields string }{
		{"order of keys and empty things mean nothing", `{"a":1,"b":{"c":[]},"n":null}`, `{"b":{},"a":1.0}`, ""},
		{"large numbers are told apart", `{"a":9007199254740993}`, `{"a":9007199254740992}`, "/a"},
		{"a value", `{"data":{"a/b":"1"}}`, `{"data":{"a/b":"2"}}`, "/data/a~1b"},
		{"what one side lacks", `{"x":"1"}`, `{"y":"1"}`, "/x /y"},
		{"lists of another length differ as a whole", `{"l":[1]}`, `{"l":[1,2]}`, "/l"},
		{"an element of a list", `{"l":[{"a":1},{"a":2}]}`, `{"l":[{"a":1},{"a":3}]}`, "/l/1/a"},
		{"false is not nothing", `{"a":false}`, `{}`, "/a"},
		{"a type", `{"a":"1"}`, `{"a":{"b":1}}`, "/a"},
		{"the order of owners means nothing", `{"metadata":{"ownerReferences":[{"uid":"a"},{"uid":"b"}]}}`, `{"metadata":{"ownerReferences":[{"uid":"b"},{"uid":"a"}]}}`, ""},
		{"an owner", `{"metadata":{"ownerReferences":[{"uid":"a"}]}}`, `{"metadata":{"ownerReferences":[{"uid":"b"}]}}`, "/metadata/ownerReferences/a /metadata/ownerReferences/b"},
		{"a finalizer more is no difference", `{"metadata":{"finalizers":["a"]}}`, `{"metadata":{"finalizers":["b","a"]}}`, ""},
		{"a finalizer less is one", `{"metadata":{"finalizers":["a"]}}`, `{"metadata":{}}`, "/metadata/finalizers"},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			fields, err := transform.Differences([]byte(c.want), []byte(c.live), false)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(fields, " "); got != c.fields {
				t.Errorf("got %q, want %q", got, c.fields)
			}
		})
	}
}

func TestMerge(t *testing.T) {
	for _, c := range []struct{ sentence, kind, want, live, body string }{
		{"identity comes from the live object", "configmaps",
			`{"metadata":{"name":"a"},"data":{"k":"1"}}`, `{"metadata":{"name":"a","uid":"u","resourceVersion":"9"},"data":{"k":"2","x":"3"}}`,
			`{"metadata":{"name":"a","uid":"u","resourceVersion":"9"},"data":{"k":"1"}}`},
		{"finalizers are added", "configmaps",
			`{"metadata":{"name":"a","finalizers":["f"]}}`, `{"metadata":{"name":"a","finalizers":["g"]}}`,
			`{"metadata":{"name":"a","finalizers":["f","g"]}}`},
		{"a bound claim stays bound", "persistentvolumeclaims",
			`{"metadata":{"name":"a"},"spec":{"x":1}}`,
			`{"metadata":{"name":"a","annotations":{"pv.kubernetes.io/bound-by-controller":"yes","other":"1"}},"spec":{"volumeName":"v"}}`,
			`{"metadata":{"name":"a","annotations":{"pv.kubernetes.io/bound-by-controller":"yes"}},"spec":{"x":1,"volumeName":"v"}}`},
		{"a Job keeps the selector of its live UID", "jobs.batch",
			`{"metadata":{"name":"a"},"spec":{"template":{}}}`,
			`{"metadata":{"name":"a"},"spec":{"selector":{"matchLabels":{"x":"u"}},"template":{"metadata":{"labels":{"controller-uid":"u"}}}}}`,
			`{"metadata":{"name":"a"},"spec":{"template":{"metadata":{"labels":{"controller-uid":"u"}}},"selector":{"matchLabels":{"x":"u"}}}}`},
		{"a Job whose labels were copied from its template leaves all of them to the server", "jobs.batch",
			`{"metadata":{"name":"a","labels":{"controller-uid":"old","job-name":"a"}},"spec":{"template":{"metadata":{"labels":{"controller-uid":"old","job-name":"a"}}}}}`,
			`{"metadata":{"name":"a","labels":{"controller-uid":"u","job-name":"a","more":"1"}},"spec":{"template":{"metadata":{"labels":{"controller-uid":"u","job-name":"a"}}}}}`,
			`{"metadata":{"name":"a"},"spec":{"template":{"metadata":{"labels":{"job-name":"a","controller-uid":"u"}}}}}`},
		{"a volume keeps its claim", "persistentvolumes",
			`{"metadata":{"name":"v"},"spec":{"claimRef":{"namespace":"n","name":"c"}}}`,
			`{"metadata":{"name":"v"},"spec":{"claimRef":{"namespace":"n","name":"c","uid":"u"}},"status":{"phase":"Bound"}}`,
			`{"metadata":{"name":"v"},"spec":{"claimRef":{"namespace":"n","name":"c","uid":"u"}}}`},
		{"a volume whose claim is gone waits for one of that name", "persistentvolumes",
			`{"metadata":{"name":"v"},"spec":{"claimRef":{"namespace":"n","name":"c"}}}`,
			`{"metadata":{"name":"v"},"spec":{"claimRef":{"namespace":"n","name":"c","uid":"u"}},"status":{"phase":"Released"}}`,
			`{"metadata":{"name":"v"},"spec":{"claimRef":{"namespace":"n","name":"c"}}}`},
		{"the server fills in the address of a Service", "services",
			`{"metadata":{"name":"a"},"spec":{"type":"ExternalName"}}`, `{"metadata":{"name":"a"},"spec":{"clusterIP":"10.0.0.1"}}`,
			`{"metadata":{"name":"a"},"spec":{"type":"ExternalName"}}`},
		{"a live token stays with its account", "serviceaccounts",
			`{"metadata":{"name":"a"},"secrets":[{"name":"mine"}]}`, `{"metadata":{"name":"a"},"secrets":[{"name":"a-token-1"},{"name":"theirs"}]}`,
			`{"metadata":{"name":"a"},"secrets":[{"name":"mine"},{"name":"a-token-1"}]}`},
		{"a pod keeps what was injected into it", "pods",
			`{"metadata":{"name":"a","labels":{"l":"1"}},"spec":{"containers":[{"name":"c"}]}}`,
			`{"metadata":{"name":"a"},"spec":{"nodeName":"n","containers":[{"name":"c","volumeMounts":[{"name":"kube-api-access-1"}]}],"volumes":[{"name":"kube-api-access-1"}]}}`,
			`{"metadata":{"name":"a","labels":{"l":"1"}},"spec":{"nodeName":"n","containers":[{"name":"c","volumeMounts":[{"name":"kube-api-access-1"}]}],"volumes":[{"name":"kube-api-access-1"}]}}`},
		{"unresolved owners leave the live ones", "configmaps",
			`{"metadata":{"name":"a","ownerReferences":[{"kind":"X","name":"x","uid":"gone"}]}}`,
			`{"metadata":{"name":"a","ownerReferences":[{"uid":"live"}]}}`,
			`{"metadata":{"name":"a","ownerReferences":[{"uid":"live"}]}}`},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			r, err := transform.Object([]byte(c.want), resource(c.kind), transform.Options{})
			if err != nil {
				t.Fatal(err)
			}
			body, err := r.Merge([]byte(c.live), resource(c.kind))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.body, string(body)); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMergeKeepsSubjectsOfTheOldNamespace(t *testing.T) {
	bindings := resource("clusterrolebindings.rbac.authorization.k8s.io")
	stored := []byte(`{"metadata":{"name":"b"},"subjects":[{"kind":"ServiceAccount","name":"s","namespace":"old"}]}`)
	r, err := transform.Object(stored, bindings, transform.Options{Namespaces: map[string]string{"old": "new"}})
	if err != nil {
		t.Fatal(err)
	}
	body, err := r.Merge(stored, bindings)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"metadata":{"name":"b"},"subjects":[{"kind":"ServiceAccount","name":"s","namespace":"new"},{"kind":"ServiceAccount","name":"s","namespace":"old"}]}`
	if diff := cmp.Diff(want, string(body)); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
}

func TestMergeLeavesABoundVolume(t *testing.T) {
	volumes := resource("persistentvolumes")
	r, err := transform.Object([]byte(`{"metadata":{"name":"v"},"spec":{"claimRef":{"namespace":"new","name":"c"}}}`), volumes, transform.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Merge([]byte(`{"metadata":{"name":"v"},"spec":{"claimRef":{"namespace":"old","name":"c"}},"status":{"phase":"Bound"}}`), volumes)
	var skip *transform.Skip
	if !errors.As(err, &skip) || !strings.Contains(skip.Reason, "old/c") {
		t.Errorf("got %v, want a skip that names the claim", err)
	}
}

func TestMergeLeavesAServiceThatIsHeadlessOrNot(t *testing.T) {
	for _, c := range []struct {
		stored, live string
		left         bool
	}{
		{`{"clusterIP":"None"}`, `{"clusterIP":"10.0.0.1"}`, true},
		{`{"clusterIP":"10.0.0.2"}`, `{"clusterIP":"None"}`, true},
		{`{"clusterIP":"10.0.0.2"}`, `{"clusterIP":"10.0.0.1"}`, false},
		{`{"clusterIP":"None"}`, `{"clusterIP":"None"}`, false},
		{`{"clusterIP":"None"}`, `{"type":"ExternalName"}`, false},
		{`{"type":"ExternalName"}`, `{"clusterIP":"None"}`, false},
		{`{"type":"ExternalName"}`, `{"clusterIP":"10.0.0.1"}`, false},
	} {
		r, err := transform.Object([]byte(`{"metadata":{"name":"s"},"spec":`+c.stored+`}`), resource("services"), transform.Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.Merge([]byte(`{"metadata":{"name":"s"},"spec":`+c.live+`}`), resource("services"))
		var skip *transform.Skip
		if errors.As(err, &skip) != c.left || err != nil && !strings.Contains(skip.Reason, "headless") {
			t.Errorf("%s over %s: %v", c.stored, c.live, err)
		}
	}
}

func TestRelax(t *testing.T) {
	body := []byte(`{"spec":{"ports":[{"port":80,"nodePort":30080},{"port":81,"nodePort":30081}],"healthCheckNodePort":30090}}`)
	got, changes := transform.Relax(body, resource("services"), []string{"spec.ports[0].nodePort"})
	if diff := cmp.Diff(`{"spec":{"ports":[{"port":80},{"port":81}],"healthCheckNodePort":30090}}`, string(got)); diff != "" || len(changes) != 1 {
		t.Errorf("changes %v, body (-want +got):\n%s", changes, diff)
	}
	if got, changes := transform.Relax(body, resource("services"), []string{"spec.type"}); len(changes) != 0 || string(got) != string(body) {
		t.Errorf("a refused type: got %s and %v, want nothing given up", got, changes)
	}
}

func BenchmarkObject(b *testing.B) {
	stored := []byte(`{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"cm-00001","namespace":"bench","uid":"4b0bb9a8-3b0a-4b7e-9d50-0a5f3f3b0001","resourceVersion":"12345","creationTimestamp":"2026-11-20T02:00:00Z","labels":{"app":"shop"},"managedFields":[{"manager":"x","operation":"Update","apiVersion":"v1","time":"2026-11-20T02:00:00Z","fieldsType":"FieldsV1","fieldsV1":{"f:data":{".":{},"f:k":{}},"f:metadata":{"f:labels":{".":{},"f:app":{}}}}}]},"data":{"k":"` + strings.Repeat("x", 1024) + `"}}`)
	b.SetBytes(int64(len(stored)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := transform.Object(stored, resource("configmaps"), transform.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
