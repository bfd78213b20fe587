package selection

import (
	"bytes"
	"encoding/json"
	"strings"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/rawjson"
)

// object is an item looked into without decoding the whole.
type object struct{ cluster.Item }

func anyOf(matches ...func(object) bool) func(object) bool {
	return func(o object) bool {
		for _, m := range matches {
			if m(o) {
				return true
			}
		}
		return false
	}
}

func named(name string) func(object) bool {
	return func(o object) bool { return o.Name == name }
}

// madeToken reports whether the token controller made the Secret of its own accord, as it did until Kubernetes 1.24: it is
// called ACCOUNT-token-xxxxx. One that somebody asked for by a name of its own is filled anew where it comes back.
func (o object) madeToken() bool {
	if !fieldIs("type", `"kubernetes.io/service-account-token"`)(o) {
		return false
	}
	account, err := rawjson.Unquote(rawjson.Get(o.Raw, "metadata", "annotations", "kubernetes.io/service-account.name"))
	suffix, ours := strings.CutPrefix(o.Name, account+"-token-")
	return err == nil && ours && len(suffix) == 5 && strings.Trim(suffix, generated) == ""
}

// generated are the characters of the end of a generated name:
// https://github.com/kubernetes/apimachinery/blob/master/pkg/util/rand/rand.go
const generated = "bcdfghjklmnpqrstvwxz2456789"

// apiServerService: the Service by which pods find the API server, or what of its addresses has the same name.
func (o object) apiServerService() bool { return o.Namespace == "default" && o.Name == "kubernetes" }

// ofLoadBalancer reports whether the AWS Load Balancer Controller made the object for another: it labels what it makes
// with the stack that it belongs to, such as ingress.k8s.aws/stack; in EKS Auto Mode ingress.eks.amazonaws.com/stack.
// https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/ingress/annotations/#resource-tags
func (o object) ofLoadBalancer() bool {
	for key := range labelsOf(o.Raw) {
		domain, name, _ := strings.Cut(key, "/")
		if (name == "stack" || name == "stack-name") && (strings.Contains(domain, ".k8s.aws") || strings.HasSuffix(domain, ".eks.amazonaws.com")) {
			return true
		}
	}
	return false
}

// ofSalvor reports whether Salvor made the object, or had it made: by the labels of package volume, or by the name of
// the snapshot that it belongs to.
func (o object) ofSalvor() bool {
	if labelIs("app.kubernetes.io/managed-by", "salvor")(o) && labelled("salvor.io/catalog")(o) {
		return true
	}
	for _, ref := range []string{"volumeSnapshotRef", "volumeGroupSnapshotRef"} {
		if name, err := rawjson.Unquote(rawjson.Get(o.Raw, "spec", ref, "name")); err == nil && strings.HasPrefix(name, "salvor-") {
			return true
		}
	}
	return false
}

// controlled reports whether a controller owns the object.
func (o object) controlled() bool { return o.controller() != "" }

// controller returns the kind of the controller that owns the object, or "".
func (o object) controller() string {
	refs := rawjson.Get(o.Raw, "metadata", "ownerReferences")
	if !bytes.Contains(refs, []byte(`"controller"`)) {
		return ""
	}
	var owners []struct {
		Kind       string `json:"kind"`
		Controller bool   `json:"controller"`
	}
	if json.Unmarshal(refs, &owners) != nil {
		return ""
	}
	for _, owner := range owners {
		if owner.Controller {
			return owner.Kind
		}
	}
	return ""
}

func controlledBy(kind string) func(object) bool {
	return func(o object) bool { return o.controller() == kind }
}

func labelIs(label, value string) func(object) bool {
	return func(o object) bool { return string(rawjson.Get(o.Raw, "metadata", "labels", label)) == `"`+value+`"` }
}

func labelled(label string) func(object) bool {
	return func(o object) bool { return rawjson.Get(o.Raw, "metadata", "labels", label) != nil }
}

func annotated(annotation string) func(object) bool {
	return func(o object) bool { return rawjson.Get(o.Raw, "metadata", "annotations", annotation) != nil }
}

func fieldIs(field, raw string) func(object) bool {
	return func(o object) bool { return string(rawjson.Get(o.Raw, field)) == raw }
}
