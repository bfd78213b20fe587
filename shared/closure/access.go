package closure

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/rawjson"
)

func serviceAccount(f *Facts, o object) {
	f.Domain, f.Labels = serviceAccounts, decode[map[string]string](o.meta.labels)
	for _, s := range decode[[]named](rawjson.Get(o.raw, "secrets")) {
		f.want(secrets, s.Name, "secret of") // most often a token, which only the old cluster accepts
	}
	for _, s := range decode[[]named](rawjson.Get(o.raw, "imagePullSecrets")) {
		f.need(secrets, s.Name, "image pull secret of")
	}
	for _, group := range []string{"system:serviceaccounts:" + o.namespace, "system:serviceaccounts", "system:authenticated"} {
		f.alias(subjectGroup, group)
	}
}

// binding comes with the ServiceAccounts that it has as subjects, and needs its role.
func binding(f *Facts, o object) {
	for _, s := range decode[[]struct{ Kind, Name, Namespace string }](rawjson.Get(o.raw, "subjects")) {
		f.subject(s.Kind, s.Name, s.Namespace, o.namespace)
	}
	role := decode[typed](rawjson.Get(o.raw, "roleRef"))
	if role.Kind == "ClusterRole" {
		f.need(clusterRoles, role.Name, "role of")
	} else {
		f.need(roles, role.Name, "role of")
	}
}

// subject adds one subject of a binding. Beyond a namespace, a group of all accounts means everybody's and not these.
func (f *Facts) subject(kind, name, namespace, within string) {
	r := Ref{Relation: Act, Kind: serviceAccounts, Namespace: namespace, Name: name, Why: "subject of", Back: "binds", Optional: true}
	switch kind {
	case "ServiceAccount":
	case "User": // https://kubernetes.io/docs/reference/access-authn-authz/authentication/#service-account-tokens
		rest, ok := strings.CutPrefix(name, "system:serviceaccount:")
		if r.Namespace, r.Name, _ = strings.Cut(rest, ":"); !ok {
			return
		}
	case "Group":
		r.Kind, r.Namespace = subjectGroup, within
		if ns, ok := strings.CutPrefix(name, "system:serviceaccounts:"); ok {
			r.Namespace = ns
		} else if within == "" || name != "system:serviceaccounts" && name != "system:authenticated" {
			return
		}
	default:
		return
	}
	f.add(r)
}

type rule struct{ APIGroups, Resources, Verbs []string }

// role needs the definitions of custom resources that it lets a ServiceAccount change: an operator cannot work without.
func role(f *Facts, o object) {
	for _, r := range decode[[]rule](rawjson.Get(o.raw, "rules")) {
		if !slices.ContainsFunc(r.Verbs, changes) {
			continue
		}
		for _, group := range r.APIGroups {
			for _, resource := range r.Resources {
				resource, _, _ = strings.Cut(resource, "/")
				f.definition(group, resource, "kind that may be changed by")
			}
		}
	}
}

// definition adds the definition of a custom resource, when the group may have one.
func (f *Facts) definition(group, resource, why string) {
	if Custom(group) && resource != "*" {
		f.want(definitions, resource+"."+group, why)
	}
}

func changes(verb string) bool {
	return slices.Contains([]string{"create", "update", "patch", "delete", "*"}, verb)
}

// clusterRole may be put together from others by their labels.
func clusterRole(f *Facts, o object) {
	role(f, o)
	f.Domain, f.Labels = clusterRoles, decode[map[string]string](o.meta.labels)
	for _, s := range decode[[]metav1.LabelSelector](rawjson.Get(o.raw, "aggregationRule", "clusterRoleSelectors")) {
		if selector, err := metav1.LabelSelectorAsSelector(&s); err == nil {
			f.Selects = append(f.Selects, Selects{Relation: Need, Domain: clusterRoles, Selector: selector, Why: "aggregated into", Back: "aggregates"})
		}
	}
}

// webhook comes with the Services that answer it.
func webhook(f *Facts, o object) {
	for _, w := range decode[[]struct {
		ClientConfig struct{ Service typed }
	}](rawjson.Get(o.raw, "webhooks")) {
		f.answered(w.ClientConfig.Service, "calls")
	}
}

func (f *Facts) answered(s typed, back string) {
	if s.Namespace != "" {
		f.add(Ref{Relation: Act, Kind: services, Namespace: s.Namespace, Name: s.Name, Why: "answers", Back: back, Optional: true})
	}
}

func apiService(f *Facts, o object) {
	f.answered(decode[typed](rawjson.Get(o.raw, "spec", "service")), "API served by")
}

func definition(f *Facts, o object) {
	f.answered(decode[typed](rawjson.Get(o.raw, "spec", "conversion", "webhook", "clientConfig", "service")), "converted by")
}
