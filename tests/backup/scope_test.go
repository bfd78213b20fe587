package backup_test

import (
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
)

var deployments = cluster.Resource{Group: "apps", Version: "v1", Name: "deployments", Kind: "Deployment", Namespaced: true}

func labels(key, value string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{key: value}}
}

// A whole namespace brings the webhooks that its Services answer and the roles that its accounts have; a webhook of
// another namespace stays.
func TestANamespaceBringsWhatActsOnIt(t *testing.T) {
	c := client(t, server(t).Kubeconfig)
	defineWidgets(t, c)
	ns, other := namespace(t, c), namespace(t, c)
	deploy(t, c, ns, "shop.yaml")
	deploy(t, c, other, "shop.yaml")
	s := testSite(t, c)
	for name, scope := range map[string]salvor.Scope{"whole": {Namespaces: []string{ns}}, "part": {Namespaces: []string{ns}, ExcludeKinds: []string{"jobs"}}} {
		_, m := s.backUp(t, name+"-"+ns, scope)
		stored := s.stored(t, m)
		for _, want := range []string{
			"validatingwebhookconfigurations.admissionregistration.k8s.io /NS-web", "clusterroles.rbac.authorization.k8s.io /NS-part",
			"clusterrolebindings.rbac.authorization.k8s.io /NS-web", "priorityclasses.scheduling.k8s.io /NS-high", "storageclasses.storage.k8s.io /NS-fast",
			"ingressclasses.networking.k8s.io /NS-class", crds.String() + " /widgets.example.org", "horizontalpodautoscalers.autoscaling NS/web", "serviceaccounts NS/default",
		} {
			if stored[strings.ReplaceAll(want, "NS", ns)] == nil {
				t.Errorf("%s: %s is missing", name, want)
			}
		}
		for key := range stored {
			if strings.Contains(key, other) {
				t.Errorf("%s: %s is of the other namespace", name, key)
			}
		}
	}
}

// A reference into another namespace is named, and followed if the scope says so.
func TestAClosureCrossesIntoAnotherNamespaceWhenAsked(t *testing.T) {
	c := client(t, server(t).Kubeconfig)
	defineWidgets(t, c)
	ns, other := namespace(t, c), namespace(t, c)
	create(t, c, widgets, ns, "w", `"spec":{"credentialsSecretRef":{"namespace":"`+other+`","name":"credentials"},"ref":{"kind":"Widget","name":"far","namespace":"`+other+`"}}`)
	create(t, c, secrets, other, "credentials", "")
	create(t, c, secrets, other, "unrelated", "")
	create(t, c, widgets, other, "far", `"spec":{"settings":{"configMapRef":{"name":"far"}}}`)
	create(t, c, configMaps, other, "far", "")
	s := testSite(t, c)
	scope := salvor.Scope{Objects: []salvor.ObjectPattern{{Kind: "widgets.example.org", Namespace: ns, Name: "w"}}}
	shown, err := s.engine.Scope(t.Context(), "test", scope)
	if err != nil {
		t.Fatal(err)
	}
	if len(shown.NotFollowed) != 2 || len(shown.Objects) != 3 { // the widget, its definition, the Namespace
		t.Errorf("not followed %+v, taken %+v", shown.NotFollowed, shown.Objects)
	}
	scope.Closure = &salvor.Closure{Namespaces: []string{other}}
	_, m := s.backUp(t, "far-"+ns, scope)
	stored := s.stored(t, m)
	for _, want := range []string{"secrets " + other + "/credentials", "widgets.example.org " + other + "/far", "configmaps " + other + "/far", "namespaces /" + other, "namespaces /" + ns} {
		if stored[want] == nil {
			t.Errorf("%s is missing", want)
		}
	}
	if len(stored) != 7 || len(m.Namespaces) != 2 {
		t.Errorf("stored %d objects of %v", len(stored), m.Namespaces)
	}
}

// What refers to the application from a namespace that the closure names comes along, too.
func TestAClosureLooksIntoTheNamespacesThatItNames(t *testing.T) {
	c := client(t, server(t).Kubeconfig)
	ns, other := namespace(t, c), namespace(t, c)
	bindings := cluster.Resource{Group: "rbac.authorization.k8s.io", Version: "v1", Name: "rolebindings", Kind: "RoleBinding", Namespaced: true}
	create(t, c, configMaps, other, "unrelated", "")
	create(t, c, cluster.Resource{Version: "v1", Name: "serviceaccounts", Kind: "ServiceAccount", Namespaced: true}, ns, "app", "")
	for name, of := range map[string]string{"of-app": ns, "of-others": other} {
		create(t, c, bindings, other, name, `"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"view"},"subjects":[{"kind":"ServiceAccount","name":"app","namespace":"`+of+`"}]`)
	}
	s := testSite(t, c)
	for follow, want := range map[string]int{other: 4, other + "*": 2} { // the account and its Namespace; the binding and its Namespace
		shown, err := s.engine.Scope(t.Context(), "test", salvor.Scope{Objects: []salvor.ObjectPattern{{Kind: "serviceaccounts", Namespace: ns, Name: "app"}}, Closure: &salvor.Closure{Namespaces: []string{follow}}})
		if err != nil || len(shown.Objects) != want {
			t.Errorf("following into %s takes %+v, %v", follow, shown, err)
		}
		if want == 4 && !slices.ContainsFunc(shown.Objects, func(o backup.ScopeObject) bool {
			return o.Name == "of-app" && o.Reason == "binds ServiceAccount "+ns+"/app"
		}) {
			t.Errorf("the binding is not taken: %+v", shown.Objects)
		}
	}
}

// A backup of which nothing is left but its Namespace is an empty one, too.
func TestAScopeOfWhichAllIsLeftOut(t *testing.T) {
	c := client(t, server(t).Kubeconfig)
	ns := namespace(t, c)
	for name, mark := range map[string]string{"velero": `"labels":{"app":"shy","velero.io/exclude-from-backup":"true"}`,
		"stork": `"labels":{"app":"shy"},"annotations":{"stork.libopenstorage.org/skip-resource":"true"}`} {
		if _, err := c.Create(t.Context(), secrets, ns, []byte(`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"`+name+`",`+mark+`}}`)); err != nil {
			t.Fatal(err)
		}
	}
	s := testSite(t, c)
	for name, scope := range map[string]salvor.Scope{
		"by-label":  {Namespaces: []string{ns}, LabelSelector: labels("app", "shy")},
		"by-name":   {Objects: []salvor.ObjectPattern{{Kind: "secrets", Namespace: ns, Name: "*o*"}}},
		"unclosed":  {Namespaces: []string{ns}, LabelSelector: labels("app", "shy"), Closure: &salvor.Closure{Mode: salvor.ClosureNone}},
		"namespace": {Namespaces: []string{ns}, Kinds: []string{"secrets"}, OnEmpty: salvor.OnEmptyFail},
	} {
		b, _, err := s.engine.Begin(t.Context(), newBackup(name+"-"+ns, scope))
		if err != nil {
			t.Fatal(err)
		}
		b, err = s.engine.Run(t.Context(), b.ID())
		if b.Status.Phase != salvor.PhaseFailed || err == nil || !strings.Contains(err.Error(), "labelled velero.io/exclude-from-backup=true") || !strings.Contains(err.Error(), "annotated stork") {
			t.Errorf("%s: %s, %v", name, b.Status.Phase, err)
		}
		scope.OnEmpty = salvor.OnEmptyComplete
		b, m := s.backUp(t, name+"-empty-"+ns, scope)
		if b.Status.Phase != salvor.PhaseCompleted || len(m.Warnings) != 1 || !strings.Contains(m.Warnings[0], "all that the scope chooses is left out") {
			t.Errorf("%s, asked for: %s with %q", name, b.Status.Phase, m.Warnings)
		}
	}
}

func TestAScopeThatMatchesNothing(t *testing.T) {
	c := client(t, server(t).Kubeconfig)
	ns := namespace(t, c)
	create(t, c, configMaps, ns, "there", "")
	s := testSite(t, c)
	b, _, err := s.engine.Begin(t.Context(), newBackup("typo-"+ns, salvor.Scope{Namespaces: []string{ns}, LabelSelector: labels("app", "wbe")}))
	if err != nil {
		t.Fatal(err)
	}
	if b, err = s.engine.Run(t.Context(), b.ID()); !salvor.Is(err, salvor.Invalid) || b.Status.Phase != salvor.PhaseFailed || !strings.Contains(err.Error(), `labelSelector "app=wbe"`) {
		t.Errorf("a selector that matches nothing: %v", err)
	}
	if _, _, err := s.repo.Manifest(t.Context(), b.Name); !salvor.Is(err, salvor.NotFound) {
		t.Errorf("there is a backup all the same: %v", err)
	}
	b, m := s.backUp(t, "empty-"+ns, salvor.Scope{Namespaces: []string{ns}, LabelSelector: labels("app", "wbe"), OnEmpty: salvor.OnEmptyComplete})
	if b.Status.Phase != salvor.PhaseCompleted || len(m.Warnings) != 1 || !strings.Contains(m.Warnings[0], `"app=wbe"`) {
		t.Errorf("asked for, it is %s with %q", b.Status.Phase, m.Warnings)
	}
	b, m = s.backUp(t, "half-"+ns, salvor.Scope{Namespaces: []string{ns}, Objects: []salvor.ObjectPattern{{Kind: "configmaps", Name: "there"}, {Kind: "configmaps", Name: "gone"}, {Kind: "secrets", Name: "no-*"}}})
	if b.Status.Phase != salvor.PhasePartiallyFailed || len(m.Failures) != 1 || !strings.Contains(m.Failures[0].Reason, "configmaps gone") || len(m.Warnings) != 1 {
		t.Errorf("a named object that is missing: %s, %+v, %q", b.Status.Phase, m.Failures, m.Warnings)
	}
	if _, err := c.Create(t.Context(), deployments, ns, []byte(`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d","labels":{"app":"d"}},"spec":{"replicas":0,"selector":{"matchLabels":{"a":"d"}},"template":{"metadata":{"labels":{"a":"d"}},"spec":{"containers":[{"name":"c","image":"example.org/c","envFrom":[{"configMapRef":{"name":"nowhere"}}]}]}}}}`)); err != nil {
		t.Fatal(err)
	}
	b, m = s.backUp(t, "dangling-"+ns, salvor.Scope{Namespaces: []string{ns}, LabelSelector: labels("app", "d")})
	if b.Status.Phase != salvor.PhaseCompleted || len(m.Warnings) != 1 || !strings.Contains(m.Warnings[0], "configmaps "+ns+"/nowhere") {
		t.Errorf("a reference to nothing: %s, %q", b.Status.Phase, m.Warnings)
	}
}
