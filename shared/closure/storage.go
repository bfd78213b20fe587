package closure

import (
	"strings"

	"salvor.io/salvor/shared/rawjson"
)

// typed is a reference that names the kind of its target.
type typed struct{ APIVersion, APIGroup, Group, Kind, Name, Namespace string }

// ref makes a reference of a typed one. Where it names no kind, byDefault is meant.
func (t typed) ref(group, byDefault string) Ref {
	switch {
	case t.Kind == "":
		t.Kind = byDefault
	case t.APIVersion != "":
		group = groupOf(t.APIVersion)
	case t.APIGroup != "":
		group = t.APIGroup
	case t.Group != "":
		group = t.Group
	}
	return Ref{Group: group, Type: t.Kind, Namespace: t.Namespace, Name: t.Name}
}

// claimSpec is what of a PersistentVolumeClaimSpec refers to others.
type claimSpec struct {
	VolumeName, StorageClassName, VolumeAttributesClassName string
	DataSource, DataSourceRef                               typed
}

func (s *claimSpec) refer(f *Facts) {
	f.need(volumes, s.VolumeName, "volume of")
	f.need(storageClasses, s.StorageClassName, "storage class of")
	f.need(attributes, s.VolumeAttributesClassName, "volume attributes class of")
	for _, source := range []typed{s.DataSource, s.DataSourceRef} {
		r := source.ref("", "PersistentVolumeClaim")
		r.Why, r.Optional = "data source of", true // what the volume was made from may be gone
		f.add(r)
	}
}

func claim(f *Facts, o object) {
	s := decode[claimSpec](rawjson.Get(o.raw, "spec"))
	s.refer(f)
	if template := claimTemplate(o.name); template != "" {
		f.alias(claimsOf, template)
	}
}

// claimTemplate returns what stands before the ordinal in a claim of a StatefulSet: data-web of data-web-0.
func claimTemplate(name string) string {
	before, ordinal, _ := cutLast(name, "-")
	if ordinal == "" || strings.Trim(ordinal, "0123456789") != "" {
		return ""
	}
	return before
}

// statefulSet adds its governing Service and the claims of its templates, those of replicas that are gone too.
func statefulSet(f *Facts, o object) {
	spec := rawjson.Get(o.raw, "spec")
	f.workload(o.raw, templates[statefulSets])
	f.want(services, text(rawjson.Get(spec, "serviceName")), "governing Service of")
	for _, t := range decode[[]struct {
		Metadata struct{ Name string }
		Spec     claimSpec
	}](rawjson.Get(spec, "volumeClaimTemplates")) {
		f.want(claimsOf, t.Metadata.Name+"-"+o.name, "claim of")
		t.Spec.refer(f)
	}
}

// volumeSecrets are the fields of a CSI volume that name a Secret.
var volumeSecrets = []string{"controllerPublishSecretRef", "nodeStageSecretRef", "nodePublishSecretRef", "controllerExpandSecretRef", "nodeExpandSecretRef"}

func volumeFacts(f *Facts, o object) {
	spec := rawjson.Get(o.raw, "spec")
	f.need(storageClasses, text(rawjson.Get(spec, "storageClassName")), "storage class of")
	f.need(attributes, text(rawjson.Get(spec, "volumeAttributesClassName")), "volume attributes class of")
	csi := rawjson.Get(spec, "csi")
	for _, field := range volumeSecrets {
		if r := decode[typed](rawjson.Get(csi, field)); r.Namespace != "" {
			f.add(Ref{Kind: secrets, Namespace: r.Namespace, Name: r.Name, Why: "credentials of"})
		}
	}
}

// classSecrets are the parameters of a storage class that name a Secret; each has one that names its namespace.
// https://kubernetes-csi.github.io/docs/secrets-and-credentials-storage-class.html
var classSecrets = []string{"provisioner", "controller-publish", "node-stage", "node-publish", "controller-expand", "node-expand"}

func storageClass(f *Facts, o object) {
	parameters := decode[map[string]string](rawjson.Get(o.raw, "parameters"))
	for _, s := range classSecrets {
		name, ns := parameters["csi.storage.k8s.io/"+s+"-secret-name"], parameters["csi.storage.k8s.io/"+s+"-secret-namespace"]
		if ns != "" && !strings.Contains(name+ns, "${") { // a template: it is another for each claim
			f.add(Ref{Kind: secrets, Namespace: ns, Name: name, Why: "credentials of"})
		}
	}
}

func snapshot(f *Facts, o object) {
	spec := rawjson.Get(o.raw, "spec")
	f.want(claims, text(rawjson.Get(spec, "source", "persistentVolumeClaimName")), "source of")
	f.need(snapshotClasses, text(rawjson.Get(spec, "volumeSnapshotClassName")), "snapshot class of")
	f.want(snapshotContents, text(rawjson.Get(spec, "source", "volumeSnapshotContentName")), "content of")
	f.want(snapshotContents, text(rawjson.Get(o.raw, "status", "boundVolumeSnapshotContentName")), "content of")
}

func snapshotContent(f *Facts, o object) {
	f.need(snapshotClasses, text(rawjson.Get(o.raw, "spec", "volumeSnapshotClassName")), "snapshot class of")
}

// device is a request for devices; it names its class itself or in the forms that replaced that.
type device struct {
	DeviceClassName string
	Exactly         struct{ DeviceClassName string }
	FirstAvailable  []struct{ DeviceClassName string }
}

func (f *Facts) devices(spec []byte) {
	for _, d := range decode[[]device](rawjson.Get(spec, "devices", "requests")) {
		f.need(deviceClasses, d.DeviceClassName, "device class of")
		f.need(deviceClasses, d.Exactly.DeviceClassName, "device class of")
		for _, a := range d.FirstAvailable {
			f.need(deviceClasses, a.DeviceClassName, "device class of")
		}
	}
}
