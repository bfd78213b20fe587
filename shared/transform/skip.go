package transform

import (
	"encoding/json"
	"strings"

	"salvor.io/salvor/shared/rawjson"
)

// Skip is an object that is left out of a restore on purpose.
type Skip struct{ Reason string }

// Error gives the reason.
func (s *Skip) Error() string { return s.Reason }

// skipRule leaves out single objects of a kind; kind "" means every kind.
type skipRule struct {
	kind, reason string
	match        func(object []byte) bool
}

// skipRules are few: what a controller makes again has been left out by the backup already (package selection).
var skipRules = []skipRule{
	{"", "was being deleted when it was backed up", has("metadata", "deletionTimestamp")},
	{"pods", "had finished when it was backed up; it would run again", phaseIs("Succeeded", "Failed")},
	{"pods", "is made again by the controller that owns it", controlled},
	{"pods", "belongs to the kubelet of a machine", has("metadata", "annotations", "kubernetes.io/config.mirror")},
	{"jobs.batch", "had finished when it was backed up; it would run again", finished},
	{"configmaps", "is published by each cluster in each of its namespaces", nameIs("kube-root-ca.crt")},
	{"volumesnapshots.snapshot.storage.k8s.io", "was made for one backup or restore", has("metadata", "labels", "salvor.io/catalog")},
	{"volumesnapshotcontents.snapshot.storage.k8s.io", "was made for one backup or restore", has("metadata", "labels", "salvor.io/catalog")},
	{"volumesnapshotcontents.snapshot.storage.k8s.io", "was made for its VolumeSnapshot, which gets a new one of its own", has("spec", "source", "volumeHandle")},
	{"persistentvolumes", "was provisioned for its claim, which gets a new one; its disk may be gone, or still belong to the old cluster", provisioned},
}

// skipReason returns why the object is left out, "" when it isn't.
func skipReason(kind string, object []byte) string {
	for _, r := range skipRules {
		if (r.kind == "" || r.kind == kind) && r.match(object) {
			return r.reason
		}
	}
	return ""
}

func nameIs(name string) func([]byte) bool {
	return func(object []byte) bool { return text(rawjson.Get(object, "metadata", "name")) == name }
}

func phaseIs(phases ...string) func([]byte) bool {
	return func(object []byte) bool {
		phase := text(rawjson.Get(object, "status", "phase"))
		for _, p := range phases {
			if p == phase {
				return true
			}
		}
		return false
	}
}

// finished: a Job with the condition Complete or Failed. https://kubernetes.io/docs/concepts/workloads/controllers/job/#terminal-job-conditions
func finished(object []byte) bool {
	var conditions []struct{ Type, Status string }
	raw := rawjson.Get(object, "status", "conditions")
	if raw == nil || json.Unmarshal(raw, &conditions) != nil {
		return false
	}
	for _, c := range conditions {
		if c.Status == "True" && (c.Type == "Complete" || c.Type == "Failed") {
			return true
		}
	}
	return false
}

func controlled(object []byte) bool {
	for _, o := range owners(rawjson.Get(object, "metadata", "ownerReferences")) {
		if o.Controller != nil && *o.Controller {
			return true
		}
	}
	return false
}

// provisioned: a volume made for its claim, and deleted with it.
func provisioned(object []byte) bool {
	return text(rawjson.Get(object, "spec", "persistentVolumeReclaimPolicy")) == "Delete" &&
		text(rawjson.Get(object, annotation("pv.kubernetes.io/provisioned-by")...)) != ""
}

// BuiltIn reports whether an API server serves the group itself; all its kinds have a status of their own making.
// https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.36/
func BuiltIn(group string) bool {
	if !strings.Contains(group, ".") {
		return true
	}
	switch group {
	case "admissionregistration.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io", "authentication.k8s.io",
		"authorization.k8s.io", "certificates.k8s.io", "coordination.k8s.io", "discovery.k8s.io", "events.k8s.io",
		"flowcontrol.apiserver.k8s.io", "internal.apiserver.k8s.io", "networking.k8s.io", "node.k8s.io",
		"rbac.authorization.k8s.io", "resource.k8s.io", "scheduling.k8s.io", "storage.k8s.io", "storagemigration.k8s.io":
		return true
	}
	return false
}
