// Package apps_test backs up applications as people write them, each by one label, deletes them, restores them, and looks
// whether they run and answer again. The applications are those in docs/examples/apps.
package apps_test

import (
	"strings"

	"salvor.io/salvor/tests/compare"
)

// app is one application.
type app struct {
	// files in docs/examples/apps; each is applied when the pods of the one before are ready.
	files     []string
	namespace string
	// label is all that a backup is told of the application, besides its namespace.
	label     string
	workloads []string
	// global are its objects without namespace.
	global map[string][]string
	probes []probe
	// least is how many objects have to come back, at least.
	least int
}

// probe asks something of the running application.
type probe struct {
	// service and path are asked through the API server's proxy; pod is asked by a command in it.
	service, path string
	pod, command  string
	want          string
}

const (
	definitionKind = "customresourcedefinitions.apiextensions.k8s.io"
	mutatingKind   = "mutatingwebhookconfigurations.admissionregistration.k8s.io"
	validatingKind = "validatingwebhookconfigurations.admissionregistration.k8s.io"
	roleKind       = "clusterroles.rbac.authorization.k8s.io"
	bindingKind    = "clusterrolebindings.rbac.authorization.k8s.io"
)

var apps = map[string]app{
	"an operator with definitions and webhooks": {
		files: []string{"operator.yaml", "sites.yaml"}, namespace: "sites", label: "app.kubernetes.io/part-of=sites", least: 22,
		workloads: []string{"deployment/sites-controller", "deployment/sites-webhook", "deployment/site-blog", "deployment/site-shop"},
		global: map[string][]string{definitionKind: {"sites.web.example.com"}, mutatingKind: {"sites"}, validatingKind: {"sites", "sites-pods"},
			roleKind: {"sites"}, bindingKind: {"sites"}},
		probes: []probe{
			{service: "site-blog:http", path: "/index.html", want: "<h1>A blog</h1>Nothing <yet> & more to come.\n"},
			{service: "site-shop:http", path: "/index.html", want: "<h1>A shop</h1>Closed.\n"},
			{service: "https:sites-webhook:", path: "/healthz", want: ""},
		},
	},
	"a database": {
		files: []string{"database.yaml"}, namespace: "ledger", label: "app=ledger", workloads: []string{"statefulset/ledger"}, least: 11,
		probes: []probe{
			{pod: "ledger-0", command: "wget -qO- --header='Authorization: Basic YXVkaXRvcjpjb3JyZWN0LWhvcnNl' http://127.0.0.1:5432/accounts", want: "accounts: 3\n"},
			{pod: "ledger-1", command: "wget -O- http://127.0.0.1:5432/accounts 2>&1 | grep -o '401 Unauthorized'", want: "401 Unauthorized\n"},
		},
	},
	"an ingress with a certificate": {
		files: []string{"ingress.yaml"}, namespace: "storefront", label: "app=storefront", workloads: []string{"deployment/web"}, least: 9,
		global: map[string][]string{"ingressclasses.networking.k8s.io": {"storefront"}},
		probes: []probe{{service: "web:http", path: "/index.html", want: "Welcome to the storefront.\n"}},
	},
	"three tiers without labels on what they read": {
		files: []string{"three-tier.yaml"}, namespace: "bookshop", label: "app.kubernetes.io/part-of=bookshop", least: 18,
		workloads: []string{"deployment/front", "deployment/api", "statefulset/data"},
		global:    map[string][]string{"priorityclasses.scheduling.k8s.io": {"bookshop-data"}},
		probes: []probe{
			{service: "front:", path: "/index.html", want: "Books.\n"},
			{service: "api:", path: "/prices", want: "prices in EUR, VAT 7, key of 28 letters, database pg\n"},
			{service: "data:", path: "/status", want: "guarded by 7 letters\n"},
		},
	},
}

func (a app) scope() compare.Scope {
	return compare.Scope{Namespaces: []string{a.namespace}, Global: a.global}
}

// selector is the label as a selector takes it.
func (a app) selector() map[string]string {
	key, value, _ := strings.Cut(a.label, "=")
	return map[string]string{key: value}
}
