package selection_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/selection"
)

func resource(group, name, kind string, namespaced bool) cluster.Resource {
	return cluster.Resource{Group: group, Version: "v1", Name: name, Kind: kind, Namespaced: namespaced, Verbs: []string{"list", "create", "get"}}
}

func compile(t *testing.T, s salvor.Scope) *selection.Selection {
	t.Helper()
	sel, err := selection.New(s)
	if err != nil {
		t.Fatal(err)
	}
	return sel
}

func TestKind(t *testing.T) {
	deployments := resource("apps", "deployments", "Deployment", true)
	events := resource("", "events", "Event", true)
	readOnly := resource("metrics.k8s.io", "pods", "PodMetrics", true)
	readOnly.Verbs = []string{"list", "get"}
	crds := resource("apiextensions.k8s.io", "customresourcedefinitions", "CustomResourceDefinition", false)
	nodes := resource("", "nodes", "Node", false)
	tests := map[string]struct {
		scope salvor.Scope
		res   cluster.Resource
		take  bool
		why   bool
	}{
		"every kind is taken by default":                   {salvor.Scope{}, deployments, true, false},
		"a kind that can't be created again is not":        {salvor.Scope{}, readOnly, false, false},
		"a log is not, and says why":                       {salvor.Scope{}, events, false, true},
		"a log that is named is":                           {salvor.Scope{Kinds: []string{"events"}}, events, true, false},
		"a log that a glob happens to match is not":        {salvor.Scope{Kinds: []string{"*"}}, events, false, true},
		"plural and group name a kind":                     {salvor.Scope{Kinds: []string{"deployments.apps"}}, deployments, true, false},
		"kind and group in any case do":                    {salvor.Scope{Kinds: []string{"Deployment.apps"}}, deployments, true, false},
		"the plural alone does":                            {salvor.Scope{Kinds: []string{"deployments"}}, deployments, true, false},
		"a whole group does":                               {salvor.Scope{Kinds: []string{"*.apps"}}, deployments, true, false},
		"another group does not":                           {salvor.Scope{Kinds: []string{"deployments.extensions"}}, deployments, false, false},
		"what is excluded is not taken":                    {salvor.Scope{ExcludeKinds: []string{"deployments"}}, deployments, false, false},
		"exclusion wins":                                   {salvor.Scope{Kinds: []string{"deployments"}, ExcludeKinds: []string{"*.apps"}}, deployments, false, false},
		"a definition is taken as needed though not named": {salvor.Scope{Kinds: []string{"widgets"}}, crds, true, false},
		"a definition that is excluded is not":             {salvor.Scope{ExcludeKinds: []string{"customresourcedefinitions"}}, crds, false, false},
		"machines register themselves":                     {salvor.Scope{ClusterScoped: salvor.ClusterScopedAll}, nodes, false, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			take, reason := compile(t, tt.scope).Kind(tt.res)
			if take != tt.take || (reason != "") != tt.why {
				t.Errorf("got %v, %q", take, reason)
			}
		})
	}
}

func TestNamespaces(t *testing.T) {
	all := []selection.Namespace{{Name: "shop-web", Labels: map[string]string{"team": "shop"}}, {Name: "shop-db", Labels: map[string]string{"team": "shop", "tier": "db"}}, {Name: "other"}, {Name: "kube-system"}}
	tests := map[string]struct {
		scope   salvor.Scope
		chosen  []string
		missing []string
	}{
		"names":                              {salvor.Scope{Namespaces: []string{"other", "gone"}}, []string{"other"}, []string{"gone"}},
		"globs may match nothing":            {salvor.Scope{Namespaces: []string{"shop-*", "x-*"}}, []string{"shop-db", "shop-web"}, nil},
		"exclusions win":                     {salvor.Scope{Namespaces: []string{"*"}, ExcludeNamespaces: []string{"kube-*", "other"}}, []string{"shop-db", "shop-web"}, nil},
		"labels add":                         {salvor.Scope{Namespaces: []string{"other"}, NamespaceSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "tier", Operator: metav1.LabelSelectorOpExists}}}}, []string{"other", "shop-db"}, nil},
		"labels with NotIn":                  {salvor.Scope{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"team": "shop"}, MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "tier", Operator: metav1.LabelSelectorOpNotIn, Values: []string{"db"}}}}}, []string{"shop-web"}, nil},
		"no selector at all chooses nothing": {salvor.Scope{}, nil, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			n := compile(t, tt.scope).Namespaces(all)
			chosen, missing := n.Chosen, n.Missing
			if d := cmp.Diff(tt.chosen, chosen); d != "" {
				t.Errorf("chosen (-want +got):\n%s", d)
			}
			if d := cmp.Diff(tt.missing, missing); d != "" {
				t.Errorf("missing (-want +got):\n%s", d)
			}
		})
	}
}

func TestMalformedScopesAreRefused(t *testing.T) {
	for name, s := range map[string]salvor.Scope{
		"namespaces":    {Namespaces: []string{"a["}},
		"exclusions":    {ExcludeNamespaces: []string{"{a"}},
		"kinds":         {Kinds: []string{".apps"}},
		"labelSelector": {LabelSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Like"}}}},
	} {
		if _, err := selection.New(s); !salvor.Is(err, salvor.Invalid) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestLeft(t *testing.T) {
	const controlled = `"ownerReferences":[{"kind":"Deployment","name":"d","uid":"1","controller":true}]`
	tests := map[string]struct {
		res  cluster.Resource
		ns   string
		name string
		raw  string
		skip bool
	}{
		"a pod of a controller":            {resource("", "pods", "Pod", true), "a", "p", `{"metadata":{"name":"p",` + controlled + `}}`, true},
		"a bare pod":                       {resource("", "pods", "Pod", true), "a", "p", `{"metadata":{"name":"p"}}`, false},
		"a pod owned but not controlled":   {resource("", "pods", "Pod", true), "a", "p", `{"metadata":{"name":"p","ownerReferences":[{"kind":"X","controller":false}]}}`, false},
		"a replica set of a deployment":    {resource("apps", "replicasets", "ReplicaSet", true), "a", "r", `{"metadata":{` + controlled + `}}`, true},
		"a job of a cron job stays":        {resource("batch", "jobs", "Job", true), "a", "j", `{"metadata":{"ownerReferences":[{"kind":"CronJob","controller":true}]}}`, false},
		"an owned secret stays":            {resource("", "secrets", "Secret", true), "a", "s", `{"metadata":{` + controlled + `},"type":"Opaque"}`, false},
		"a token that was made unasked":    {resource("", "secrets", "Secret", true), "a", "ci-token-x2b4z", `{"metadata":{"annotations":{"kubernetes.io/service-account.name":"ci"}},"data":{"type":"x"},"type":"kubernetes.io/service-account-token"}`, true},
		"a token that was asked for":       {resource("", "secrets", "Secret", true), "a", "ci-token", `{"metadata":{"annotations":{"kubernetes.io/service-account.name":"ci"}},"type":"kubernetes.io/service-account-token"}`, false},
		"a token with a name for people":   {resource("", "secrets", "Secret", true), "a", "ci-token-admin", `{"metadata":{"annotations":{"kubernetes.io/service-account.name":"ci"}},"type":"kubernetes.io/service-account-token"}`, false},
		"the token of another":             {resource("", "secrets", "Secret", true), "a", "ci-token-x2b4z", `{"metadata":{"annotations":{"kubernetes.io/service-account.name":"other"}},"type":"kubernetes.io/service-account-token"}`, false},
		"an opaque secret":                 {resource("", "secrets", "Secret", true), "a", "s", `{"metadata":{},"data":{"type":"kubernetes.io/service-account-token"},"type":"Opaque"}`, false},
		"the cluster's CA":                 {resource("", "configmaps", "ConfigMap", true), "a", "kube-root-ca.crt", `{"metadata":{}}`, true},
		"endpoints of a selector":          {resource("", "endpoints", "Endpoints", true), "a", "e", `{"metadata":{"annotations":{"endpoints.kubernetes.io/last-change-trigger-time":"x"}}}`, true},
		"the API server's addresses":       {resource("", "endpoints", "Endpoints", true), "default", "kubernetes", `{"metadata":{}}`, true},
		"addresses of that name elsewhere": {resource("", "endpoints", "Endpoints", true), "a", "kubernetes", `{"metadata":{}}`, false},
		"the API server's slice":           {resource("discovery.k8s.io", "endpointslices", "EndpointSlice", true), "default", "kubernetes", `{"metadata":{}}`, true},
		"a slice of that name elsewhere":   {resource("discovery.k8s.io", "endpointslices", "EndpointSlice", true), "a", "kubernetes", `{"metadata":{}}`, false},
		"endpoints made by hand":           {resource("", "endpoints", "Endpoints", true), "a", "e", `{"metadata":{}}`, false},
		"slices of a selector":             {resource("discovery.k8s.io", "endpointslices", "EndpointSlice", true), "a", "e", `{"metadata":{"labels":{"endpointslice.kubernetes.io/managed-by":"endpointslice-controller.k8s.io"}}}`, true},
		"slices made by hand":              {resource("discovery.k8s.io", "endpointslices", "EndpointSlice", true), "a", "e", `{"metadata":{"labels":{"endpointslice.kubernetes.io/managed-by":"me"}}}`, false},
		"the API server's Service":         {resource("", "services", "Service", true), "default", "kubernetes", `{}`, true},
		"a Service of that name elsewhere": {resource("", "services", "Service", true), "a", "kubernetes", `{}`, false},
		"a load balancer's binding":        {resource("elbv2.k8s.aws", "targetgroupbindings", "TargetGroupBinding", true), "a", "k8s-a-web-1", `{"metadata":{"labels":{"ingress.k8s.aws/stack-namespace":"a","ingress.k8s.aws/stack-name":"web"}}}`, true},
		"that of a group of Ingresses":     {resource("elbv2.k8s.aws", "targetgroupbindings", "TargetGroupBinding", true), "a", "k8s-a-web-1", `{"metadata":{"labels":{"ingress.k8s.aws/stack":"all"}}}`, true},
		"a binding made by hand":           {resource("elbv2.k8s.aws", "targetgroupbindings", "TargetGroupBinding", true), "a", "web", `{"metadata":{"labels":{"app":"web","example.com/stack":"web"}}}`, false},
		"an ephemeral claim":               {resource("", "persistentvolumeclaims", "PersistentVolumeClaim", true), "a", "c", `{"metadata":{"ownerReferences":[{"kind":"Pod","controller":true}]}}`, true},
		"a claim of a StatefulSet stays":   {resource("", "persistentvolumeclaims", "PersistentVolumeClaim", true), "a", "c", `{"metadata":{"ownerReferences":[{"kind":"StatefulSet","controller":true}]}}`, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			reason, _ := compile(t, salvor.Scope{}).Chooser(tt.res).Left(cluster.Item{Namespace: tt.ns, Name: tt.name, Raw: []byte(tt.raw)})
			if (reason != "") != tt.skip {
				t.Errorf("got %q", reason)
			}
		})
	}
}
