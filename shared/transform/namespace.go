package transform

import (
	"strings"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/rawjson"
)

const mapped = "follows the namespace mapping"

// namespaceLabel is on every Namespace and holds its name.
const namespaceLabel = "kubernetes.io/metadata.name"

// reference is where objects of a kind name a namespace, and how the value there follows the mapping.
type reference struct {
	path []string
	move func(value []byte, to map[string]string) []byte
}

var bindingSubjects = []reference{{at("subjects", each), moveSubject}}

var webhookReferences = []reference{
	{at("webhooks", each, "clientConfig", "service", "namespace"), moveName},
	{at("webhooks", each, "namespaceSelector"), moveSelector},
}

var policyBindingReferences = []reference{{at("spec", "matchResources", "namespaceSelector"), moveSelector}}

// references by kind.
var references = map[string][]reference{
	"namespaces":                                                     {{at("metadata", "labels", namespaceLabel), moveName}},
	"rolebindings.rbac.authorization.k8s.io":                         bindingSubjects,
	"clusterrolebindings.rbac.authorization.k8s.io":                  bindingSubjects,
	"mutatingwebhookconfigurations.admissionregistration.k8s.io":     webhookReferences,
	"validatingwebhookconfigurations.admissionregistration.k8s.io":   webhookReferences,
	"validatingadmissionpolicybindings.admissionregistration.k8s.io": policyBindingReferences,
	"mutatingadmissionpolicybindings.admissionregistration.k8s.io":   policyBindingReferences,
	"customresourcedefinitions.apiextensions.k8s.io":                 {{at("spec", "conversion", "webhook", "clientConfig", "service", "namespace"), moveName}},
	"apiservices.apiregistration.k8s.io":                             {{at("spec", "service", "namespace"), moveName}},
	"persistentvolumes":                                              {{at("spec", "claimRef", "namespace"), moveName}},
	"persistentvolumeclaims":                                         {{at("spec", "dataSourceRef", "namespace"), moveName}},
	"volumesnapshotcontents.snapshot.storage.k8s.io":                 {{at("spec", "volumeSnapshotRef", "namespace"), moveName}},
	"networkpolicies.networking.k8s.io": {
		{at("spec", "ingress", each, "from", each, "namespaceSelector"), moveSelector},
		{at("spec", "egress", each, "to", each, "namespaceSelector"), moveSelector},
	},
}

func (r *Result) moveNamespaces(res cluster.Resource, to map[string]string) {
	for _, ref := range references[res.String()] {
		after := rewrite(r.Body, ref.path, func(v []byte) []byte { return ref.move(v, to) })
		if same(after, r.Body) {
			continue
		}
		r.Body = after
		r.changed(pointer(ref.path), mapped)
		r.rebound = r.rebound || res.String() == "clusterrolebindings.rbac.authorization.k8s.io"
	}
}

func moveName(value []byte, to map[string]string) []byte {
	if name, ok := to[text(value)]; ok && name != text(value) {
		return quote(name)
	}
	return value
}

// moveSelector follows the mapping in a label selector that chooses namespaces by their name.
func moveSelector(value []byte, to map[string]string) []byte {
	value = rewrite(value, at("matchLabels", namespaceLabel), func(v []byte) []byte { return moveName(v, to) })
	return rewrite(value, at("matchExpressions", each), func(e []byte) []byte {
		if text(rawjson.Get(e, "key")) != namespaceLabel {
			return e
		}
		return rewrite(e, at("values", each), func(v []byte) []byte { return moveName(v, to) })
	})
}

// A service account is also a user of this name, and a member of the group of its namespace.
// https://kubernetes.io/docs/reference/access-authn-authz/authentication/#service-account-tokens
const (
	accountUser  = "system:serviceaccount:"
	accountGroup = "system:serviceaccounts:"
)

// moveSubject follows the mapping in a subject of a binding.
func moveSubject(subject []byte, to map[string]string) []byte {
	name := text(rawjson.Get(subject, "name"))
	switch text(rawjson.Get(subject, "kind")) {
	case "ServiceAccount":
		return rewrite(subject, at("namespace"), func(v []byte) []byte { return moveName(v, to) })
	case "Group":
		if ns, ok := strings.CutPrefix(name, accountGroup); ok && moves(ns, to) {
			return put(subject, at("name"), quote(accountGroup+to[ns]))
		}
	case "User":
		rest, ok := strings.CutPrefix(name, accountUser)
		if ns, account, both := strings.Cut(rest, ":"); ok && both && moves(ns, to) {
			return put(subject, at("name"), quote(accountUser+to[ns]+":"+account))
		}
	}
	return subject
}

func moves(ns string, to map[string]string) bool { return to[ns] != "" && to[ns] != ns }

// pointer returns the path as a JSON pointer (RFC 6901); a star stays a star.
func pointer(path []string) string {
	var b strings.Builder
	for _, p := range path {
		b.WriteByte('/')
		b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(p))
	}
	return b.String()
}
