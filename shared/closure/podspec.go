package closure

import "salvor.io/salvor/shared/rawjson"

// named is a reference by name alone; optional where the API says so.
type named struct {
	Name     string
	Optional bool
}

// podSpec is what of a PodSpec refers to others.
// https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#PodSpec
type podSpec struct {
	Containers, InitContainers, EphemeralContainers []container
	Volumes                                         []volume
	ImagePullSecrets                                []named
	ServiceAccountName, ServiceAccount              string
	PriorityClassName, RuntimeClassName, Subdomain  string
	ResourceClaims                                  []struct{ ResourceClaimName, ResourceClaimTemplateName string }
}

type container struct {
	Env []struct {
		ValueFrom struct{ ConfigMapKeyRef, SecretKeyRef named }
	}
	EnvFrom []struct{ ConfigMapRef, SecretRef named }
}

type volume struct {
	ConfigMap named
	Secret    struct {
		SecretName string
		Optional   bool
	}
	Projected struct {
		Sources []struct{ ConfigMap, Secret named }
	}
	PersistentVolumeClaim struct{ ClaimName string }
	Ephemeral             struct {
		VolumeClaimTemplate struct{ Spec claimSpec }
	}
	CSI struct {
		NodePublishSecretRef named
		VolumeAttributes     map[string]string
	}
	AzureFile                                                  struct{ SecretName string }
	CephFS, Cinder, FlexVolume, ISCSI, RBD, ScaleIO, StorageOS struct{ SecretRef named }
	Glusterfs                                                  struct{ Endpoints string }
}

// pod adds what a PodSpec refers to. An account is needed even where none is named: then it is the default one.
func (f *Facts) pod(raw []byte) {
	if raw == nil {
		return
	}
	s := decode[podSpec](raw)
	s.refer(f)
	if s.account() == "" {
		f.need(serviceAccounts, "default", "service account of")
	}
}

func (s *podSpec) account() string {
	if s.ServiceAccountName != "" {
		return s.ServiceAccountName
	}
	return s.ServiceAccount
}

func (s *podSpec) refer(f *Facts) {
	for _, list := range [][]container{s.Containers, s.InitContainers, s.EphemeralContainers} {
		for _, c := range list {
			c.refer(f)
		}
	}
	for _, v := range s.Volumes {
		v.refer(f)
	}
	for _, p := range s.ImagePullSecrets {
		f.need(secrets, p.Name, "image pull secret of")
	}
	f.need(serviceAccounts, s.account(), "service account of")
	f.need(priorityClasses, s.PriorityClassName, "priority class of")
	f.need(runtimeClasses, s.RuntimeClassName, "runtime class of")
	f.want(services, s.Subdomain, "subdomain of")
	for _, c := range s.ResourceClaims {
		f.need(resourceClaims, c.ResourceClaimName, "resource claim of")
		f.need(claimTemplates, c.ResourceClaimTemplateName, "resource claim template of")
	}
}

func (c *container) refer(f *Facts) {
	for _, e := range c.Env {
		f.reference(configMaps, e.ValueFrom.ConfigMapKeyRef, "env of")
		f.reference(secrets, e.ValueFrom.SecretKeyRef, "env of")
	}
	for _, e := range c.EnvFrom {
		f.reference(configMaps, e.ConfigMapRef, "envFrom of")
		f.reference(secrets, e.SecretRef, "envFrom of")
	}
}

func (f *Facts) reference(kind string, n named, why string) {
	f.add(Ref{Kind: kind, Name: n.Name, Why: why, Optional: n.Optional})
}

func (v *volume) refer(f *Facts) {
	const why = "volume of"
	f.reference(configMaps, v.ConfigMap, why)
	f.reference(secrets, named{v.Secret.SecretName, v.Secret.Optional}, why)
	for _, s := range v.Projected.Sources {
		f.reference(configMaps, s.ConfigMap, why)
		f.reference(secrets, s.Secret, why)
	}
	f.need(claims, v.PersistentVolumeClaim.ClaimName, why)
	v.Ephemeral.VolumeClaimTemplate.Spec.refer(f)
	f.reference(secrets, v.CSI.NodePublishSecretRef, why)
	f.need(providerClasses, v.CSI.VolumeAttributes["secretProviderClass"], why)
	f.need(secrets, v.AzureFile.SecretName, why)
	for _, s := range []named{v.CephFS.SecretRef, v.Cinder.SecretRef, v.FlexVolume.SecretRef, v.ISCSI.SecretRef, v.RBD.SecretRef, v.ScaleIO.SecretRef, v.StorageOS.SecretRef} {
		f.reference(secrets, s, why)
	}
	f.need(endpoints, v.Glusterfs.Endpoints, why)
}

// templates tells where each kind keeps the template of its pods.
var templates = map[string][]string{
	pods:                     nil, // it is one itself
	"podtemplates":           {"template"},
	"replicationcontrollers": {"spec", "template"},
	"deployments.apps":       {"spec", "template"},
	statefulSets:             {"spec", "template"},
	"daemonsets.apps":        {"spec", "template"},
	replicaSets:              {"spec", "template"},
	"jobs.batch":             {"spec", "template"},
	"cronjobs.batch":         {"spec", "jobTemplate", "spec", "template"},
}

// workload adds what a kind that runs pods refers to.
func (f *Facts) workload(raw []byte, path []string) {
	template := rawjson.Get(raw, path...)
	f.Domain, f.Labels = Pods, decode[map[string]string](metaOf(template).labels)
	f.pod(rawjson.Get(template, "spec"))
}
