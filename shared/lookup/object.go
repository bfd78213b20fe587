package lookup

import (
	"strings"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/salvor"
)

// Object is the object that is looked for, in one namespace.
type Object struct {
	// Kind is its plural or its kind, with or without group, or kubectl's short name: deployments, Deployment,
	// deployments.apps, deploy, deploy.apps.
	Kind string
	Name string
}

// ParseObject reads kind/name, such as deployments/web. Invalid.
func ParseObject(s string) (Object, error) {
	kind, name, ok := strings.Cut(s, "/")
	if !ok || kind == "" || name == "" || strings.ContainsAny(s, "*?[{ ") {
		return Object{}, salvor.Errorf(salvor.Invalid, "%q does not name an object", s).WithHint("such as deployments/web or certificates.cert-manager.io/shop")
	}
	return Object{Kind: kind, Name: name}, nil
}

// shortNames are those of the namespaced kinds that Kubernetes itself has, by the resource they stand for, as kubectl
// api-resources of version 1.36 lists them. Manifests don't hold short names, and custom resources may share one.
var shortNames = map[string]string{
	"cm": "configmaps", "ep": "endpoints", "limits": "limitranges", "po": "pods", "pvc": "persistentvolumeclaims",
	"quota": "resourcequotas", "rc": "replicationcontrollers", "sa": "serviceaccounts", "svc": "services",
	"deploy": "deployments.apps", "ds": "daemonsets.apps", "rs": "replicasets.apps", "sts": "statefulsets.apps",
	"cj": "cronjobs.batch", "hpa": "horizontalpodautoscalers.autoscaling", "ing": "ingresses.networking.k8s.io",
	"netpol": "networkpolicies.networking.k8s.io", "pdb": "poddisruptionbudgets.policy",
}

// Is reports whether the object is of the kind.
func (o Object) Is(r cluster.Resource) bool {
	full := r.Name
	if r.Group != "" {
		full += "." + r.Group
	}
	short, group, _ := strings.Cut(strings.ToLower(o.Kind), ".")
	if shortNames[short] == full && (group == "" || group == r.Group) {
		return true
	}
	for _, name := range []string{r.Name, r.Kind} {
		if strings.EqualFold(o.Kind, name) || r.Group != "" && strings.EqualFold(o.Kind, name+"."+r.Group) {
			return true
		}
	}
	return false
}

// segments returns those of the manifest that may hold the object.
func (o Object) segments(m *archive.Manifest, namespace string) (may []archive.Segment) {
	for _, k := range m.Kinds {
		if !o.Is(k.Resource) {
			continue
		}
		for _, s := range k.Segments {
			if s.Namespace == namespace && s.First <= o.Name && o.Name <= s.Last {
				may = append(may, s)
			}
		}
	}
	return may
}
