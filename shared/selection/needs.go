package selection

import (
	"encoding/json"
	"strings"
	"sync"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/rawjson"
)

// The cluster-scoped kinds that chosen objects may need.
const (
	crds            = "customresourcedefinitions.apiextensions.k8s.io"
	volumes         = "persistentvolumes"
	storageClasses  = "storageclasses.storage.k8s.io"
	attributes      = "volumeattributesclasses.storage.k8s.io"
	priorityClasses = "priorityclasses.scheduling.k8s.io"
	runtimeClasses  = "runtimeclasses.node.k8s.io"
	ingressClasses  = "ingressclasses.networking.k8s.io"
	gatewayClasses  = "gatewayclasses.gateway.networking.k8s.io"
	clusterRoles    = "clusterroles.rbac.authorization.k8s.io"
	clusterBindings = "clusterrolebindings.rbac.authorization.k8s.io"
)

// NeedOrder lists the cluster-scoped kinds that can be needed, in an order in which each comes after those that name it.
func NeedOrder() []string {
	return []string{crds, clusterBindings, clusterRoles, volumes, storageClasses, attributes, priorityClasses, runtimeClasses, ingressClasses, gatewayClasses}
}

// Needs collects what the chosen objects need of the objects without namespace. It is safe for concurrent use.
type Needs struct {
	mu         sync.Mutex
	names      map[string]map[string]bool // kind → names
	namespaces map[string]bool
}

// NewNeeds begins with the chosen namespaces, whose service accounts may be bound to cluster roles.
func NewNeeds(namespaces []string) *Needs {
	n := &Needs{names: map[string]map[string]bool{}, namespaces: map[string]bool{}}
	for _, ns := range namespaces {
		n.namespaces[ns] = true
	}
	return n
}

// Add notes what one chosen object of the kind needs.
func (n *Needs) Add(r cluster.Resource, i cluster.Item) {
	if path, ok := templates[r.String()]; ok {
		n.addPod(rawjson.Get(i.Raw, path...))
	}
	switch r.String() {
	case "persistentvolumeclaims":
		n.need(volumes, rawjson.Get(i.Raw, "spec", "volumeName"))
		n.need(storageClasses, rawjson.Get(i.Raw, "spec", "storageClassName"))
		n.need(attributes, rawjson.Get(i.Raw, "spec", "volumeAttributesClassName"))
	case volumes:
		n.need(storageClasses, rawjson.Get(i.Raw, "spec", "storageClassName"))
		n.need(attributes, rawjson.Get(i.Raw, "spec", "volumeAttributesClassName"))
	case "statefulsets.apps":
		n.addClaims(rawjson.Get(i.Raw, "spec", "volumeClaimTemplates"))
	case "ingresses.networking.k8s.io":
		n.need(ingressClasses, rawjson.Get(i.Raw, "spec", "ingressClassName"))
	case "gateways.gateway.networking.k8s.io":
		n.need(gatewayClasses, rawjson.Get(i.Raw, "spec", "gatewayClassName"))
	case "rolebindings.rbac.authorization.k8s.io", clusterBindings:
		if ref := rawjson.Get(i.Raw, "roleRef"); string(rawjson.Get(ref, "kind")) == `"ClusterRole"` {
			n.need(clusterRoles, rawjson.Get(ref, "name"))
		}
	}
}

// MayNeed reports whether objects of the kind can need others without namespace, other than the definition of their kind.
func MayNeed(r cluster.Resource) bool {
	switch r.String() {
	case "persistentvolumeclaims", "ingresses.networking.k8s.io", "gateways.gateway.networking.k8s.io", "rolebindings.rbac.authorization.k8s.io":
		return true
	}
	_, runsPods := templates[r.String()]
	return runsPods
}

// AddKind notes that objects of the kind are chosen: those of a custom resource need its definition.
func (n *Needs) AddKind(r cluster.Resource) {
	if strings.Contains(r.Group, ".") {
		n.needName(crds, r.String())
	}
}

// Any reports whether anything of the kind is needed.
func (n *Needs) Any(kind string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.names[kind]) > 0 || kind == clusterBindings && len(n.namespaces) > 0
}

// Needed reports whether the object of the kind is needed.
func (n *Needs) Needed(kind string, i cluster.Item) bool {
	if kind == clusterBindings {
		return n.binds(rawjson.Get(i.Raw, "subjects"))
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.names[kind][i.Name]
}

// binds reports whether any subject is a service account of the chosen namespaces.
func (n *Needs) binds(raw []byte) bool {
	var subjects []struct{ Kind, Name, Namespace string }
	if raw == nil || json.Unmarshal(raw, &subjects) != nil {
		return false
	}
	for _, s := range subjects {
		ns, ofGroup := strings.CutPrefix(s.Name, "system:serviceaccounts:")
		if s.Kind == "ServiceAccount" && n.namespaces[s.Namespace] || s.Kind == "Group" && ofGroup && n.namespaces[ns] {
			return true
		}
	}
	return false
}

// templates tells where each kind of workload keeps the spec of its pods.
var templates = map[string][]string{
	"pods":                   {"spec"},
	"podtemplates":           {"template", "spec"},
	"replicationcontrollers": {"spec", "template", "spec"},
	"deployments.apps":       {"spec", "template", "spec"},
	"statefulsets.apps":      {"spec", "template", "spec"},
	"daemonsets.apps":        {"spec", "template", "spec"},
	"replicasets.apps":       {"spec", "template", "spec"},
	"jobs.batch":             {"spec", "template", "spec"},
	"cronjobs.batch":         {"spec", "jobTemplate", "spec", "template", "spec"},
}

func (n *Needs) addPod(spec []byte) {
	if spec == nil {
		return
	}
	n.need(priorityClasses, rawjson.Get(spec, "priorityClassName"))
	n.need(runtimeClasses, rawjson.Get(spec, "runtimeClassName"))
}

func (n *Needs) addClaims(raw []byte) {
	var claims []struct {
		Spec struct{ StorageClassName string }
	}
	if raw == nil || json.Unmarshal(raw, &claims) != nil {
		return
	}
	for _, c := range claims {
		n.needName(storageClasses, c.Spec.StorageClassName)
	}
}

// need notes the name that the raw JSON string holds, if any.
func (n *Needs) need(kind string, raw []byte) {
	if len(raw) < 3 || raw[0] != '"' {
		return
	}
	if name, err := rawjson.Unquote(raw); err == nil {
		n.needName(kind, name)
	}
}

func (n *Needs) needName(kind, name string) {
	if name == "" {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.names[kind] == nil {
		n.names[kind] = map[string]bool{}
	}
	n.names[kind][name] = true
}
