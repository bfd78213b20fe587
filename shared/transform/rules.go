package transform

import (
	"bytes"
	"encoding/json"
	"strings"

	"salvor.io/salvor/shared/rawjson"
)

// rule takes out, or edits, what stands at one path in objects of one kind.
type rule struct {
	path []string
	why  string
	// when says whether the rule applies to the object; nil: always.
	when func(object []byte) bool
	// edit returns what is left of the value, nil for nothing. Nil: nothing is left.
	edit func(value, object []byte) []byte
	// carry says whether an update sends the live value; nil: always.
	carry func(live []byte) bool
}

const (
	setByServer     = "set by the API server"
	setByController = "set by a controller of the cluster"
	setByAdmission  = "set by an admission plugin of the cluster"
	ofOldCluster    = "an identity of the old cluster"
	madeByRestore   = "names a VolumeSnapshot that an earlier restore made for this claim, and that is gone"
)

// serverMeta are the fields of metadata that only an API server sets.
var serverMeta = map[string]bool{
	"uid": true, "resourceVersion": true, "creationTimestamp": true, "generation": true, "managedFields": true,
	"selfLink": true, "deletionTimestamp": true, "deletionGracePeriodSeconds": true,
}

func at(path ...string) []string { return path }

func annotation(name string) []string { return at("metadata", "annotations", name) }

// rules by kind. Paths and reasons were checked against the registries and controllers of Kubernetes 1.36.
var rules = map[string][]rule{
	"namespaces": {{path: at("spec", "finalizers"), why: setByServer, carry: never}},
	"services": {
		{path: at("spec", "clusterIP"), why: ofOldCluster, when: hasAddress, carry: never},
		{path: at("spec", "clusterIPs"), why: ofOldCluster, when: hasAddress, carry: never},
	},
	"endpoints": {{path: annotation("endpoints.kubernetes.io/last-change-trigger-time"), why: setByController}},
	// Without bound-by-controller the user chose the volume by name.
	"persistentvolumeclaims": {
		{path: at("spec", "volumeName"), why: setByController, when: boundByController},
		{path: annotation("pv.kubernetes.io/bound-by-controller"), why: setByController},
		{path: annotation("pv.kubernetes.io/bind-completed"), why: setByController},
		{path: annotation("volume.kubernetes.io/selected-node"), why: "a node of the old cluster"},
		{path: annotation("volume.kubernetes.io/storage-provisioner"), why: setByController},
		{path: annotation("volume.beta.kubernetes.io/storage-provisioner"), why: setByController},
		{path: at("metadata", "finalizers"), why: "a snapshot was being cut of it, which only ends where it was begun", edit: dropSnapshotSource},
		{path: at("spec", "dataSource"), why: madeByRestore, when: ofRestore},
		{path: at("spec", "dataSourceRef"), why: madeByRestore, when: ofRestore},
	},
	// The claim's namespace and name stay, so that no other claim takes the volume.
	"persistentvolumes": {
		{path: at("spec", "claimRef", "uid"), why: ofOldCluster, carry: claimed},
		{path: at("spec", "claimRef", "resourceVersion"), why: ofOldCluster, carry: claimed},
		{path: annotation("pv.kubernetes.io/bound-by-controller"), why: setByController},
	},
	"volumesnapshotcontents.snapshot.storage.k8s.io": {
		{path: at("spec", "volumeSnapshotRef", "uid"), why: ofOldCluster},
		{path: at("spec", "volumeSnapshotRef", "resourceVersion"), why: ofOldCluster},
	},
	"serviceaccounts": {{path: at("secrets"), why: "a token that only the old cluster accepts", edit: dropTokens}},
	"secrets": {
		{path: annotation("kubernetes.io/service-account.uid"), why: ofOldCluster, when: isToken},
		{path: at("data", "token"), why: "a token that only the old cluster accepts", when: isToken},
		{path: at("data", "ca.crt"), why: ofOldCluster, when: isToken},
		{path: at("data", "namespace"), why: setByController, when: isToken},
	},
	"deployments.apps": {{path: annotation("deployment.kubernetes.io/revision"), why: setByController}},
	"daemonsets.apps":  {{path: annotation("deprecated.daemonset.template.generation"), why: setByServer}},
	"jobs.batch": {
		{path: at("spec", "selector"), why: ofOldCluster, when: ownSelector},
		{path: at("spec", "template", "metadata", "labels", "controller-uid"), why: ofOldCluster, when: ownSelector},
		{path: at("spec", "template", "metadata", "labels", "batch.kubernetes.io/controller-uid"), why: ofOldCluster, when: ownSelector},
		{path: at("metadata", "labels"), why: "copied by the API server from the template", when: ownSelector, edit: dropCopied, carry: never},
		{path: at("metadata", "labels", "controller-uid"), why: ofOldCluster, when: ownSelector, carry: never},
		{path: at("metadata", "labels", "batch.kubernetes.io/controller-uid"), why: ofOldCluster, when: ownSelector, carry: never},
	},
	"pods": {
		{path: at("spec", "nodeName"), why: "a node of the old cluster"},
		{path: at("spec", "priority"), why: setByAdmission},
		{path: at("spec", "preemptionPolicy"), why: setByAdmission},
		{path: at("spec", "overhead"), why: setByAdmission},
		{path: at("spec", "ephemeralContainers"), why: "they can only be added to a running pod"},
		{path: at("spec", "volumes"), why: setByAdmission, edit: dropNamed("name")},
		{path: at("spec", "containers", each, "volumeMounts"), why: setByAdmission, edit: dropNamed("name")},
		{path: at("spec", "initContainers", each, "volumeMounts"), why: setByAdmission, edit: dropNamed("name")},
		{path: annotation("vpc.amazonaws.com/pod-eni"), why: ofOldCluster},
	},
	"clusterroles.rbac.authorization.k8s.io": {
		{path: at("rules"), why: "gathered by a controller from other roles", when: has("aggregationRule")},
	},
}

func has(path ...string) func([]byte) bool {
	return func(object []byte) bool { return rawjson.Get(object, path...) != nil }
}

// never: the API server keeps the live value by itself, and refuses to hear it.
func never([]byte) bool { return false }

// claimed: a volume whose claim is still there. Without the UID of the old claim, a new one of the same name may have it.
func claimed(live []byte) bool { return text(rawjson.Get(live, "status", "phase")) != "Released" }

// hasAddress: a Service that isn't headless. https://kubernetes.io/docs/concepts/services-networking/service/#headless-services
func hasAddress(object []byte) bool {
	return string(rawjson.Get(object, "spec", "clusterIP")) != `"None"`
}

func boundByController(object []byte) bool {
	return rawjson.Get(object, annotation("pv.kubernetes.io/bound-by-controller")...) != nil
}

func isToken(object []byte) bool {
	return string(rawjson.Get(object, "type")) == `"kubernetes.io/service-account-token"`
}

// ownSelector: a Job whose selector the server made from its UID.
func ownSelector(object []byte) bool {
	return string(rawjson.Get(object, "spec", "manualSelector")) != "true"
}

// dropCopied takes out labels of a Job that are those of its template, which the API server copies when there are none.
func dropCopied(labels, object []byte) []byte {
	copied, err := Differences(withoutUID(labels), withoutUID(rawjson.Get(object, "spec", "template", "metadata", "labels")), false)
	if err != nil || len(copied) > 0 {
		return labels
	}
	return nil
}

// withoutUID takes out the labels that hold the UID of a Job.
func withoutUID(labels []byte) []byte {
	for _, key := range []string{"controller-uid", "batch.kubernetes.io/controller-uid"} {
		labels = rewrite(labels, at(key), func([]byte) []byte { return nil })
	}
	return labels
}

// dropTokens takes out the names of token Secrets that the token and registry controllers made.
func dropTokens(value, object []byte) []byte {
	return dropWhere(value, isTokenOf(text(rawjson.Get(object, "metadata", "name"))))
}

func isTokenOf(account string) func([]byte) bool {
	return func(reference []byte) bool {
		name, ours := strings.CutPrefix(text(rawjson.Get(reference, "name")), account)
		return ours && (strings.HasPrefix(name, "-token-") || strings.HasPrefix(name, "-dockercfg-"))
	}
}

// snapshotSource holds a claim while a snapshot of it is not ready. The snapshot controller takes it off with that snapshot
// alone: a claim that comes back with it could never be deleted.
const snapshotSource = "snapshot.storage.kubernetes.io/pvc-as-source-protection"

func dropSnapshotSource(finalizers, _ []byte) []byte {
	return dropWhere(finalizers, func(f []byte) bool { return text(f) == snapshotSource })
}

// tokenVolume begins the name of the volume that the ServiceAccount admission plugin adds to each pod.
const tokenVolume = "kube-api-access-"

func dropNamed(key string) func(value, object []byte) []byte {
	return func(value, _ []byte) []byte {
		return dropWhere(value, func(e []byte) bool {
			return bytes.HasPrefix(rawjson.Get(e, key), []byte(`"`+tokenVolume))
		})
	}
}

// dropWhere returns the array without the elements that match, nil when none is left, the same slice when all are.
func dropWhere(array []byte, match func([]byte) bool) []byte {
	list, ok := elements(array)
	if !ok {
		return array
	}
	kept := make([][]byte, 0, len(list))
	for _, e := range list {
		if !match(e) {
			kept = append(kept, e)
		}
	}
	switch len(kept) {
	case len(list):
		return array
	case 0:
		return nil
	}
	return joinElements(kept)
}

// text returns the string that raw JSON holds, "" for anything else.
func text(raw []byte) string {
	if len(raw) == 0 || raw[0] != '"' {
		return ""
	}
	s, err := rawjson.Unquote(raw)
	if err != nil {
		return ""
	}
	return s
}

// encode returns v as JSON without escaping <, > and &; v is made of plain values, which always encode.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("encoding a plain value: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
}
