package transform

import (
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/rawjson"
)

// SourcePrefix begins the names of VolumeSnapshots that only a restore has made, as the data source of one claim. They are
// gone when its volume is there, and the claim names them for ever: its data source can't be changed.
const SourcePrefix = "salvor-restore-"

// LegacyClassAnnotation names the StorageClass of a claim, before its spec does.
const LegacyClassAnnotation = "volume.beta.kubernetes.io/storage-class"

// DataSource is what the volume of a claim is made of.
type DataSource struct {
	// Snapshot is the name of a VolumeSnapshot in the claim's namespace.
	Snapshot string
	// StorageClass is that of the new volume.
	StorageClass string
	// Bytes is the least that the claim may ask for.
	Bytes int64
}

// WithData returns the claim as it asks for a volume made of the snapshot.
func WithData(claim []byte, s DataSource) []byte {
	source := encode(map[string]string{"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": s.Snapshot})
	claim = put(claim, at("spec", "dataSource"), source)
	for _, path := range [][]string{
		{"spec", "dataSourceRef"}, // the API server makes both the same
		{"spec", "volumeName"},    // a new volume is wanted
		{"spec", "selector"},      // of volumes that are there already: none is made for a claim that has one
		annotation(LegacyClassAnnotation),
	} {
		claim = rewrite(claim, path, func([]byte) []byte { return nil })
	}
	claim = put(claim, at("spec", "storageClassName"), quote(s.StorageClass))
	size := at("spec", "resources", "requests", "storage")
	if asked, err := resource.ParseQuantity(text(rawjson.Get(claim, size...))); err != nil || asked.Value() < s.Bytes {
		claim = put(claim, size, quote(resource.NewQuantity(s.Bytes, resource.BinarySI).String()))
	}
	limit := at("spec", "resources", "limits", "storage")
	if most, err := resource.ParseQuantity(text(rawjson.Get(claim, limit...))); err == nil && most.Value() < s.Bytes {
		claim = put(claim, limit, quote(resource.NewQuantity(s.Bytes, resource.BinarySI).String()))
	}
	return claim
}

// SourceOf returns the name of the VolumeSnapshot of a restore that the claim is made of; empty: none.
func SourceOf(claim []byte) string {
	name := text(rawjson.Get(claim, "spec", "dataSource", "name"))
	if strings.HasPrefix(name, SourcePrefix) && text(rawjson.Get(claim, "spec", "dataSource", "kind")) == "VolumeSnapshot" {
		return name
	}
	return ""
}

func ofRestore(claim []byte) bool { return SourceOf(claim) != "" }

// classes are where objects of a kind name the StorageClass of claims.
var classes = map[string][][]string{
	"persistentvolumeclaims": {at("spec", "storageClassName"), annotation(LegacyClassAnnotation)},
	"persistentvolumes":      {at("spec", "storageClassName")},
	"statefulsets.apps":      {at("spec", "volumeClaimTemplates", each, "spec", "storageClassName"), ephemeralClass("spec", "template", "spec")},
	"deployments.apps":       {ephemeralClass("spec", "template", "spec")},
	"daemonsets.apps":        {ephemeralClass("spec", "template", "spec")},
	"replicasets.apps":       {ephemeralClass("spec", "template", "spec")},
	"jobs.batch":             {ephemeralClass("spec", "template", "spec")},
	"cronjobs.batch":         {ephemeralClass("spec", "jobTemplate", "spec", "template", "spec")},
	"pods":                   {ephemeralClass("spec")},
	"replicationcontrollers": {ephemeralClass("spec", "template", "spec")},
}

func ephemeralClass(pod ...string) []string {
	return append(pod, "volumes", each, "ephemeral", "volumeClaimTemplate", "spec", "storageClassName")
}

// mapClasses renames StorageClasses.
func (r *Result) mapClasses(res cluster.Resource, to map[string]string) {
	for _, path := range classes[res.String()] {
		after := rewrite(r.Body, path, func(v []byte) []byte { return moveName(v, to) })
		if !same(after, r.Body) {
			r.Body = after
			r.changed(pointer(path), "follows the storage class mapping")
		}
	}
}
