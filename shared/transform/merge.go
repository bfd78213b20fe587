package transform

import (
	"bytes"
	"slices"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/rawjson"
)

// Merge returns the body of an update that makes the live object equal to r: r's content with the live object's
// identity, and with what its cluster has set. Finalizers are added, never taken away: whoever set one still needs it.
// A *Skip error says that the live object must not be changed, and why.
func (r *Result) Merge(live []byte, res cluster.Resource) ([]byte, error) {
	if reason := untouchable(res, r.Body, live); reason != "" {
		return nil, &Skip{reason}
	}
	body := r.Body
	for _, key := range []string{"uid", "resourceVersion"} {
		if v := rawjson.Get(live, "metadata", key); v != nil {
			body = put(body, at("metadata", key), v)
		}
	}
	if refs := rawjson.Get(live, "metadata", "ownerReferences"); len(r.Unresolved) > 0 && refs != nil {
		body = put(body, at("metadata", "ownerReferences"), refs)
	}
	body = mergeLists(body, live, at("metadata", "finalizers"), all)
	body = carry(body, live, rules[res.String()])
	switch {
	case res.String() == "pods":
		return mergePod(body, r.Body, live, res), nil
	case res.String() == "serviceaccounts":
		return mergeLists(body, live, at("secrets"), isTokenOf(r.Name)), nil
	case r.rebound:
		// The live binding may serve the namespace that the backup was made of, too.
		return mergeLists(body, live, at("subjects"), all), nil
	}
	return body, nil
}

// carry copies from the live object what the rules took out of the body: it belongs to the live object.
func carry(body, live []byte, rules []rule) []byte {
	for _, rule := range rules {
		if rule.carry != nil && !rule.carry(live) || slices.Contains(rule.path, each) || rule.when != nil && !rule.when(live) {
			continue
		}
		v := rawjson.Get(live, rule.path...)
		if v != nil && rule.edit == nil && rawjson.Get(body, rule.path...) == nil {
			body = put(body, rule.path, v)
		}
	}
	return body
}

func all([]byte) bool { return true }

// mergeLists adds to the list in the body those elements that the live one has besides and that are wanted.
func mergeLists(body, live []byte, path []string, wanted func([]byte) bool) []byte {
	extra, ok := elements(rawjson.Get(live, path...))
	if !ok {
		return body
	}
	list, _ := elements(rawjson.Get(body, path...))
	seen := map[string]bool{}
	for _, e := range list {
		seen[string(e)] = true
	}
	n := len(list)
	for _, e := range extra {
		if !seen[string(e)] && wanted(e) {
			list = append(list, e)
		}
	}
	if len(list) == n {
		return body
	}
	return put(body, path, joinElements(list))
}

// mergePod keeps the live spec, volumes of the ServiceAccount admission plugin included, when nothing else of it
// differs: only metadata of a pod can be changed freely. Otherwise the server will refuse, and say why.
func mergePod(body, want, live []byte, res cluster.Resource) []byte {
	normal, err := Normal(live, res)
	if err != nil {
		return body
	}
	spec := func(pod []byte) []byte { return put([]byte("{}"), at("spec"), rawjson.Get(pod, "spec")) }
	if fields, err := Differences(spec(want), spec(normal), true); err == nil && len(fields) == 0 {
		return put(body, at("spec"), rawjson.Get(live, "spec"))
	}
	return body
}

// untouchable returns why the live object must be left as it is, "" when it may be changed.
func untouchable(res cluster.Resource, want, live []byte) string {
	if res.String() == "services" {
		return otherHead(want, live)
	}
	if res.String() != "persistentvolumes" || text(rawjson.Get(live, "status", "phase")) != "Bound" {
		return ""
	}
	for _, key := range []string{"namespace", "name"} {
		if !bytes.Equal(rawjson.Get(want, "spec", "claimRef", key), rawjson.Get(live, "spec", "claimRef", key)) {
			return "is bound to the claim " + text(rawjson.Get(live, "spec", "claimRef", "namespace")) + "/" + text(rawjson.Get(live, "spec", "claimRef", "name"))
		}
	}
	return ""
}

// otherHead: an address can't be given to a Service that has none, nor be taken away, but where the Service leads out of
// the cluster. API servers 1.36 don't only refuse: most often they break off.
func otherHead(want, live []byte) string {
	address := text(rawjson.Get(live, "spec", "clusterIP"))
	if address == "" || hasAddress(want) == hasAddress(live) || text(rawjson.Get(want, "spec", "type")) == "ExternalName" {
		return ""
	}
	if address == "None" {
		return "is headless, which can't be changed"
	}
	return "is not headless, which can't be changed"
}

// Relax gives up what the target has refused and can choose by itself. Refused are the fields that an Invalid error
// names, such as spec.ports[0].nodePort. It returns the body as it was when there is nothing to give up.
func Relax(body []byte, res cluster.Resource, refused []string) ([]byte, []Change) {
	if res.String() != "services" {
		return body, nil
	}
	r := Result{Body: body}
	for _, f := range relaxations {
		if slices.ContainsFunc(refused, f.means) {
			r.apply([]rule{{path: f.path, why: f.why}}, body)
		}
	}
	return r.Body, r.Changes
}

// relaxation is a field of a Service that the API server fills in when it is left out.
type relaxation struct {
	path  []string
	why   string
	means func(refused string) bool
}

var relaxations = []relaxation{
	{at("spec", "ports", each, "nodePort"), "a node port was taken in the target; new ones were given", matches("spec.ports[", ".nodePort")},
	{at("spec", "healthCheckNodePort"), "the health check port was taken in the target; a new one was given", matches("spec.healthCheckNodePort", "")},
	{at("spec", "ipFamilies"), "the target has other IP families", matches("spec.ipFamilies", "")},
	{at("spec", "ipFamilyPolicy"), "the target has other IP families", matches("spec.ipFamil", "")},
}

func matches(prefix, suffix string) func(string) bool {
	return func(field string) bool {
		return len(field) >= len(prefix)+len(suffix) && field[:len(prefix)] == prefix && field[len(field)-len(suffix):] == suffix
	}
}
