package selection_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/selection"
)

var (
	deployments = resource("apps", "deployments", "Deployment", true)
	secrets     = resource("", "secrets", "Secret", true)
	pods        = resource("", "pods", "Pod", true)
	roles       = resource("rbac.authorization.k8s.io", "clusterroles", "ClusterRole", false)
)

func labelled(name, labels string) cluster.Item {
	return cluster.Item{Namespace: "shop", Name: name, Raw: fmt.Appendf(nil, `{"metadata":{"name":%q,"labels":%s}}`, name, labels)}
}

func TestChosen(t *testing.T) {
	web := labelled("web", `{"app":"web","tier":"front"}`)
	global := cluster.Item{Name: "reader", Raw: []byte(`{"metadata":{"name":"reader","labels":{"app":"web"}}}`)}
	match := func(key, value string) *metav1.LabelSelector {
		return &metav1.LabelSelector{MatchLabels: map[string]string{key: value}}
	}
	tests := map[string]struct {
		scope salvor.Scope
		res   cluster.Resource
		item  cluster.Item
		want  string
	}{
		"everything of a namespace":               {salvor.Scope{}, deployments, web, "in a chosen namespace"},
		"what has the label":                      {salvor.Scope{LabelSelector: match("app", "web")}, deployments, web, "matches app=web"},
		"not what has another":                    {salvor.Scope{LabelSelector: match("app", "blog")}, deployments, web, ""},
		"not what has the value elsewhere":        {salvor.Scope{LabelSelector: match("app", "front")}, deployments, web, ""},
		"one of several selectors":                {salvor.Scope{OrLabelSelectors: []metav1.LabelSelector{*match("app", "blog"), *match("tier", "front")}}, deployments, web, "matches tier=front"},
		"what lacks a label":                      {salvor.Scope{LabelSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "x", Operator: "DoesNotExist"}}}}, deployments, web, "matches !x"},
		"not of other kinds":                      {salvor.Scope{Kinds: []string{"secrets"}, LabelSelector: match("app", "web")}, deployments, web, ""},
		"a named object":                          {salvor.Scope{Objects: []salvor.ObjectPattern{{Kind: "Deployment.apps", Namespace: "shop", Name: "web"}}}, deployments, web, "named by Deployment.apps shop/web"},
		"objects by a glob":                       {salvor.Scope{Objects: []salvor.ObjectPattern{{Kind: "deployments", Name: "w*"}}}, deployments, web, "named by deployments w*"},
		"not what is named in another namespace":  {salvor.Scope{Objects: []salvor.ObjectPattern{{Kind: "deployments", Namespace: "b", Name: "web"}}}, deployments, web, ""},
		"with names alone, nothing else":          {salvor.Scope{Objects: []salvor.ObjectPattern{{Kind: "secrets", Name: "x"}}}, deployments, web, ""},
		"with names and labels, either":           {salvor.Scope{LabelSelector: match("app", "web"), Objects: []salvor.ObjectPattern{{Kind: "secrets", Name: "x"}}}, deployments, web, "matches app=web"},
		"a filter lets through":                   {salvor.Scope{Filters: []salvor.KindFilter{{Kinds: []string{"deployments"}, Names: []string{"w*"}, LabelSelector: match("tier", "front")}}}, deployments, web, "in a chosen namespace"},
		"a filter holds back by name":             {salvor.Scope{Filters: []salvor.KindFilter{{Kinds: []string{"deployments"}, Names: []string{"x*"}}}}, deployments, web, ""},
		"a filter holds back by label":            {salvor.Scope{Filters: []salvor.KindFilter{{Kinds: []string{"deployments"}, LabelSelector: match("tier", "back")}}}, deployments, web, ""},
		"every filter has to let through":         {salvor.Scope{Filters: []salvor.KindFilter{{Kinds: []string{"deployments"}, Names: []string{"w*"}}, {Kinds: []string{"*.apps"}, Names: []string{"x*"}}}}, deployments, web, ""},
		"a filter of another kind says nothing":   {salvor.Scope{Filters: []salvor.KindFilter{{Kinds: []string{"secrets"}, Names: []string{"x*"}}}}, deployments, web, "in a chosen namespace"},
		"nothing without namespace by itself":     {salvor.Scope{}, roles, global, ""},
		"nothing without namespace by its labels": {salvor.Scope{LabelSelector: match("app", "web")}, roles, global, ""},
		"all without namespace if asked":          {salvor.Scope{ClusterScoped: salvor.ClusterScopedAll}, roles, global, "without namespace, of which all are taken"},
		"a kind without namespace":                {salvor.Scope{ClusterKinds: []string{"clusterroles"}, LabelSelector: match("app", "x")}, roles, global, "of scope.clusterKinds"},
		"an object without namespace":             {salvor.Scope{Objects: []salvor.ObjectPattern{{Kind: "ClusterRole", Name: "reader"}}}, roles, global, "named by ClusterRole reader"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := compile(t, tt.scope).Chooser(tt.res).Chosen(tt.item); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestOptingOut(t *testing.T) {
	for labels, want := range map[string]string{
		`{"salvor.io/exclude-from-backup":"true"}`:  "labelled salvor.io/exclude-from-backup=true",
		`{"velero.io/exclude-from-backup":"true"}`:  "labelled velero.io/exclude-from-backup=true",
		`{"salvor.io/exclude-from-backup":"false"}`: "",
		`{"note":"salvor.io/exclude-from-backup"}`:  "",
	} {
		if got, _ := compile(t, salvor.Scope{}).Chooser(secrets).Left(labelled("s", labels)); got != want {
			t.Errorf("%s: got %q, want %q", labels, got, want)
		}
	}
	for value, want := range map[string]string{"true": "annotated stork.libopenstorage.org/skip-resource=true", "false": ""} {
		i := cluster.Item{Name: "s", Raw: fmt.Appendf(nil, `{"metadata":{"annotations":{"stork.libopenstorage.org/skip-resource":%q}}}`, value)}
		if got, _ := compile(t, salvor.Scope{}).Chooser(secrets).Left(i); got != want {
			t.Errorf("Stork's %s: got %q, want %q", value, got, want)
		}
	}
	all := []selection.Namespace{{Name: "a", Labels: map[string]string{selection.OptOutLabel: "true"}}, {Name: "b"}}
	got := compile(t, salvor.Scope{Namespaces: []string{"*"}}).Namespaces(all)
	if d := cmp.Diff(selection.Namespaces{Chosen: []string{"b"}, OptedOut: []string{"a"}}, got); d != "" {
		t.Errorf("a namespace that opts out (-want +got):\n%s", d)
	}
	if got := compile(t, salvor.Scope{Namespaces: []string{"a", "*"}}).Namespaces(all); len(got.Chosen) != 2 {
		t.Errorf("a namespace that is named is not chosen: %+v", got)
	}
}

// What a controller makes again leads to what makes it, even where the scope leaves its kind out.
func TestMadeAgain(t *testing.T) {
	pod := cluster.Item{Namespace: "a", Name: "p", Raw: []byte(`{"metadata":{"name":"p","ownerReferences":[{"kind":"ReplicaSet","name":"r","controller":true}]}}`)}
	bare := cluster.Item{Namespace: "a", Name: "p", Raw: []byte(`{"metadata":{"name":"p"}}`)}
	s := compile(t, salvor.Scope{LabelSelector: &metav1.LabelSelector{}, ExcludeKinds: []string{"pods"}})
	if read, _ := s.Kind(pods); !read {
		t.Error("pods are not read, which lead to their Deployment")
	}
	if reason, made := s.Chooser(pods).Left(pod); reason == "" || !made {
		t.Errorf("a controlled pod: %q, %v", reason, made)
	}
	if reason, made := s.Chooser(pods).Left(bare); reason == "" || made {
		t.Errorf("a bare pod of a kind that is left out: %q, %v", reason, made)
	}
	if reason, _ := compile(t, salvor.Scope{Filters: []salvor.KindFilter{{Kinds: []string{"pods"}, ExcludeNames: []string{"p*"}}}}).Chooser(pods).Left(bare); reason == "" {
		t.Error("a name that a filter excludes is taken")
	}
}

func TestRefuse(t *testing.T) {
	full := func(c salvor.Closure) salvor.Scope {
		return salvor.Scope{LabelSelector: &metav1.LabelSelector{}, Closure: &c}
	}
	for name, tt := range map[string]struct {
		scope  salvor.Scope
		res    cluster.Resource
		refuse bool
	}{
		"nothing by itself":                  {full(salvor.Closure{}), secrets, false},
		"whatever kinds say":                 {salvor.Scope{LabelSelector: &metav1.LabelSelector{}, Kinds: []string{"deployments"}}, secrets, false},
		"a kind that the scope leaves out":   {salvor.Scope{LabelSelector: &metav1.LabelSelector{}, ExcludeKinds: []string{"secrets"}}, secrets, true},
		"a kind that the closure leaves out": {full(salvor.Closure{ExcludeKinds: []string{"secrets"}}), secrets, true},
		"a kind that it does not name":       {full(salvor.Closure{Kinds: []string{"configmaps"}}), secrets, true},
		"a kind that it names":               {full(salvor.Closure{Kinds: []string{"secrets"}}), secrets, false},
		"no namespace, none of those wanted": {salvor.Scope{LabelSelector: &metav1.LabelSelector{}, ClusterScoped: salvor.ClusterScopedNone}, roles, true},
		"a cluster kind that is left out":    {salvor.Scope{ExcludeClusterKinds: []string{"clusterroles"}}, roles, true},
		"machines":                           {full(salvor.Closure{}), resource("", "nodes", "Node", false), true},
	} {
		if got := compile(t, tt.scope).Refuse(tt.res); (got != "") != tt.refuse {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// What a scope leaves out may be misspelt, or meant for another cluster: it is told, and refused by no cluster.
func TestUnserved(t *testing.T) {
	s := compile(t, salvor.Scope{ExcludeKinds: []string{"secretz", "secrets", "*.example.org"}, ExcludeClusterKinds: []string{"worlds.example.org"}, Closure: &salvor.Closure{ExcludeKinds: []string{"Deploymint"}}})
	served := []cluster.Resource{deployments, secrets, roles}
	want := []string{`scope.excludeKinds: the cluster serves no kind "secretz"`, `scope.excludeClusterKinds: the cluster serves no kind "worlds.example.org"`,
		`scope.closure.excludeKinds: the cluster serves no kind "deploymint"`}
	if d := cmp.Diff(want, s.Unserved(served)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if err := s.CheckKinds(served); err != nil {
		t.Error(err)
	}
}

func TestCheckKindsAndUnmatched(t *testing.T) {
	served := []cluster.Resource{deployments, secrets, roles}
	for name, s := range map[string]salvor.Scope{
		"a kind that is misspelt":             {Kinds: []string{"deploiments"}},
		"an object of none":                   {Objects: []salvor.ObjectPattern{{Kind: "gadgets", Namespace: "a", Name: "x"}}},
		"a filter of none":                    {Filters: []salvor.KindFilter{{Kinds: []string{"gadgets"}, Names: []string{"x"}}}},
		"a closure to none":                   {Closure: &salvor.Closure{Kinds: []string{"gadgets"}}},
		"a cluster kind that has a namespace": {ClusterKinds: []string{"secrets"}},
		"an object in no namespace":           {Objects: []salvor.ObjectPattern{{Kind: "secrets", Name: "x"}}},
	} {
		if err := compile(t, s).CheckKinds(served); !salvor.Is(err, salvor.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s := compile(t, salvor.Scope{Namespaces: []string{"shop"}, OrLabelSelectors: []metav1.LabelSelector{{MatchLabels: map[string]string{"app": "web"}}, {MatchLabels: map[string]string{"app": "wbe"}}},
		Objects: []salvor.ObjectPattern{{Kind: "secrets", Namespace: "shop", Name: "gone"}, {Kind: "secrets", Name: "x*"}, {Kind: "secrets", Name: "there"}}})
	if err := s.CheckKinds(served); err != nil {
		t.Error(err)
	}
	s.Chooser(deployments).Chosen(labelled("web", `{"app":"web"}`))
	s.Chooser(secrets).Chosen(labelled("there", `{}`))
	want := selection.Unmatched{Named: []string{"secrets shop/gone"}, Patterns: []string{`orLabelSelectors[1] "app=wbe"`, `objects "secrets x*"`}}
	if d := cmp.Diff(want, s.Unmatched()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
