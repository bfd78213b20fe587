package closure

import (
	"bytes"
	"strings"

	"salvor.io/salvor/shared/rawjson"
)

// maxDepth bounds how deep a custom resource is looked through; none that means something is nested that deep.
const maxDepth = 40

// custom looks through a custom resource for what its fields most often mean. Nothing that it finds is missed when it is
// not there: a field of the same name may mean something else.
func custom(f *Facts, o object) {
	_ = rawjson.Fields(o.raw, func(key, value []byte, _ int) (bool, error) {
		switch string(key) {
		case `"metadata"`, `"status"`, `"apiVersion"`, `"kind"`:
		default:
			f.walk("", value, 0)
		}
		return true, nil
	})
}

// walk looks at a value, which a field of the name holds.
func (f *Facts) walk(field string, raw []byte, depth int) {
	raw = bytes.TrimLeft(raw, " \t\r\n")
	if len(raw) == 0 || depth > maxDepth {
		return
	}
	switch raw[0] {
	case '"':
		f.word(field, text(raw))
	case '[':
		elements(raw, func(value []byte) { f.walk(field, value, depth+1) })
	case '{':
		f.member(field, raw)
		f.template(raw)
		spec := isPodSpec(raw)
		if spec {
			s := decode[podSpec](raw)
			s.refer(f)
		}
		_ = rawjson.Fields(raw, func(key, value []byte, _ int) (bool, error) {
			if name := text(key); !spec || !podFields[name] {
				f.walk(name, value, depth+1)
			}
			return true, nil
		})
	}
}

// template notes the labels of the pods that the object describes, if it is the template of such.
func (f *Facts) template(raw []byte) {
	if f.Domain != "" || !isPodSpec(rawjson.Get(raw, "spec")) {
		return
	}
	if labels := metaOf(raw).labels; labels != nil {
		f.Domain, f.Labels = Pods, decode[map[string]string](labels)
	}
}

// podFields are those of a PodSpec that are understood as such.
var podFields = map[string]bool{"containers": true, "initContainers": true, "volumes": true, "imagePullSecrets": true,
	"serviceAccountName": true, "serviceAccount": true, "priorityClassName": true, "runtimeClassName": true, "subdomain": true}

// isPodSpec tells whether the object has containers, as the template of a pod has wherever it stands.
func isPodSpec(raw []byte) bool {
	v := bytes.TrimLeft(rawjson.Get(raw, "containers"), " \t\r\n")
	return len(v) > 1 && v[0] == '['
}

// word is a field whose value is a name.
func (f *Facts) word(field, value string) {
	if kind, ok := nameFields[field]; ok {
		f.want(kind, value, "named by")
	} else if kind := byEnding(field); kind != "" {
		f.want(kind, value, "named by")
	}
}

// nameFields are fields of custom resources that hold the name of an object.
var nameFields = map[string]string{
	"serviceAccountName": serviceAccounts, "serviceAccount": serviceAccounts, "claimName": claims, "existingClaim": claims,
	"serviceName": services, "storageClassName": storageClasses, "storageClass": storageClasses, "priorityClassName": priorityClasses,
	"runtimeClassName": runtimeClasses, "ingressClassName": ingressClasses, "gatewayClassName": gatewayClasses,
	"volumeSnapshotClassName": snapshotClasses, "volumeAttributesClassName": attributes,
}

// endings are those of fields that hold the name of an object, or an object with that name: secretName, tlsSecret,
// privateKeySecretRef, configMapKeyRef.
var endings = []struct{ ending, kind string }{
	{"secret", secrets}, {"secretname", secrets}, {"secretref", secrets}, {"secretkeyref", secrets}, {"secretkeyselector", secrets}, {"pullsecrets", secrets},
	{"configmap", configMaps}, {"configmapname", configMaps}, {"configmapref", configMaps}, {"configmapkeyref", configMaps}, {"configmapkeyselector", configMaps},
	{"serviceaccountref", serviceAccounts},
}

func byEnding(field string) string {
	field = strings.ToLower(field)
	for _, e := range endings {
		if strings.HasSuffix(field, e.ending) {
			return e.kind
		}
	}
	return ""
}

// kindsOf are fields that refer to a custom resource whose kind they may leave out.
var kindsOf = map[string]struct{ group, kind string }{
	"issuerRef":         {"cert-manager.io", "Issuer"},
	"secretStoreRef":    {"external-secrets.io", "SecretStore"},
	"authenticationRef": {"keda.sh", "TriggerAuthentication"},
}

// member is a field whose value is an object: it may be a reference itself.
func (f *Facts) member(field string, raw []byte) {
	if rawjson.Get(raw, "name") == nil {
		return
	}
	t := decode[typed](raw)
	kind, hasDefault := kindsOf[field]
	switch {
	case field == "scaleTargetRef":
		f.scales(t, "Deployment")
	case field == "targetRef" || field == "targetRefs":
		if t.Kind != "" {
			r := t.ref("*", "")
			r.Relation, r.Why, r.Back, r.Optional = Act, "target of", "acts on", true
			f.add(r)
		}
	case t.Kind != "" || hasDefault:
		group := "*"
		if hasDefault {
			group = kind.group
		}
		r := t.ref(group, kind.kind)
		r.Why, r.Optional = "named by", true
		f.add(r)
	case byEnding(field) != "":
		f.add(Ref{Kind: byEnding(field), Namespace: t.Namespace, Name: t.Name, Why: "named by", Optional: true})
	}
}

// elements calls each with every element of a JSON array.
func elements(array []byte, each func([]byte)) {
	rest := array[1:]
	for {
		rest = bytes.TrimLeft(rest, " \t\r\n,")
		if len(rest) == 0 || rest[0] == ']' {
			return
		}
		var s rawjson.Scanner
		n, done := s.Scan(rest)
		if !done || n == 0 {
			return
		}
		each(rest[:n])
		rest = rest[n:]
	}
}
