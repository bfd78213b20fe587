// Package awkward_test makes every kind of object that is hard to bring back, deletes all of them, and compares what a
// restore makes with what the API server had returned before.
package awkward_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/shared/rawjson"
	"salvor.io/salvor/tests/compare"
	"salvor.io/salvor/tests/testenv"
)

// The kinds that the tests reach for by themselves.
var (
	namespaces  = resource("", "namespaces", "Namespace", false)
	volumes     = resource("", "persistentvolumes", "PersistentVolume", false)
	accounts    = resource("", "serviceaccounts", "ServiceAccount", true)
	configMaps  = resource("", "configmaps", "ConfigMap", true)
	secrets     = resource("", "secrets", "Secret", true)
	services    = resource("", "services", "Service", true)
	claims      = resource("", "persistentvolumeclaims", "PersistentVolumeClaim", true)
	quotas      = resource("", "resourcequotas", "ResourceQuota", true)
	pods        = resource("", "pods", "Pod", true)
	deployments = resource("apps", "deployments", "Deployment", true)
	cronJobs    = resource("batch", "cronjobs", "CronJob", true)
	jobs        = resource("batch", "jobs", "Job", true)
	roles       = resource("rbac.authorization.k8s.io", "clusterroles", "ClusterRole", false)
	gadgets     = resource("awkward.example.com", "gadgets", "Gadget", true)
	relics      = resource("awkward.example.com", "relics", "Relic", true)
	banners     = resource("awkward.example.com", "banners", "Banner", false)
	definitions = resource("apiextensions.k8s.io", "customresourcedefinitions", "CustomResourceDefinition", false)
)

func resource(group, name, kind string, namespaced bool) cluster.Resource {
	return cluster.Resource{Group: group, Version: "v1", Name: name, Kind: kind, Namespaced: namespaced}
}

// all is what the tests make, with the namespaces and without one.
var all = compare.Scope{
	Namespaces: []string{"awkward", "full", "owned"},
	Global: map[string][]string{
		"customresourcedefinitions.apiextensions.k8s.io":                 {"gadgets.awkward.example.com", "relics.awkward.example.com", "banners.awkward.example.com"},
		"banners.awkward.example.com":                                    {"main", "tenant"},
		"persistentvolumes":                                              {"awkward-static"},
		"priorityclasses.scheduling.k8s.io":                              {"awkward-high"},
		"ingressclasses.networking.k8s.io":                               {"awkward"},
		"clusterroles.rbac.authorization.k8s.io":                         {"awkward-all", "awkward:part"},
		"clusterrolebindings.rbac.authorization.k8s.io":                  {"awkward"},
		"validatingwebhookconfigurations.admissionregistration.k8s.io":   {"awkward"},
		"mutatingwebhookconfigurations.admissionregistration.k8s.io":     {"awkward"},
		"validatingadmissionpolicies.admissionregistration.k8s.io":       {"awkward"},
		"validatingadmissionpolicybindings.admissionregistration.k8s.io": {"awkward"},
	},
}

// site is a cluster that a test works in.
type site struct {
	*testing.T
	testenv.KubeServer
	*kube.Client
}

func newSite(t *testing.T, o testenv.KubeOptions) *site {
	t.Helper()
	server := testenv.Kube(t, o)
	config, err := clientcmd.BuildConfigFromFlags("", server.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	c, err := kube.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return &site{t, server, c}
}

// kubectl runs kubectl, without checks of its own.
func (s *site) kubectl(args ...string) {
	s.Helper()
	s.KubeServer.Kubectl(s.T, args...)
}

// snapshot is what the scope holds now.
func (s *site) snapshot() *compare.Snapshot {
	s.Helper()
	shot, err := compare.Take(s.Context(), s.Kubeconfig, all)
	if err != nil {
		s.Fatal(err)
	}
	return shot
}

// create makes an object of the kind from its metadata and other fields, as JSON.
func (s *site) create(r cluster.Resource, ns, meta, fields string) []byte {
	s.Helper()
	if fields != "" {
		fields = "," + fields
	}
	live, err := s.Create(s.Context(), r, ns, fmt.Appendf(nil, `{"apiVersion":%q,"kind":%q,"metadata":{%s}%s}`, r.APIVersion(), r.Kind, meta, fields))
	if err != nil {
		s.Fatalf("creating a %s: %.2000s", r.Kind, err)
	}
	return live
}

// object reads a live object; nil when it is not there.
func (s *site) object(r cluster.Resource, ns, name string) []byte {
	s.Helper()
	live, err := s.Get(s.Context(), r, ns, name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		s.Fatal(err)
	}
	return live
}

// merge changes a live object.
func (s *site) merge(r cluster.Resource, ns, name, patch string, subresource ...string) {
	s.Helper()
	if _, err := s.Patch(s.Context(), r, ns, name, types.MergePatchType, []byte(patch), subresource...); err != nil {
		s.Fatalf("changing %s %s/%s: %v", r, ns, name, err)
	}
}

// own makes one object an owner of another.
func (s *site) own(owner cluster.Resource, ownerNS, ownerName string, r cluster.Resource, ns, name string) {
	s.Helper()
	live := s.object(owner, ownerNS, ownerName)
	if live == nil {
		s.Fatalf("%s %s is not there", owner, ownerName)
	}
	refs, err := json.Marshal([]map[string]any{{"apiVersion": owner.APIVersion(), "kind": owner.Kind, "name": ownerName, "uid": text(live, "metadata", "uid")}})
	if err != nil {
		s.Fatal(err)
	}
	s.merge(r, ns, name, `{"metadata":{"ownerReferences":`+string(refs)+`}}`)
}

// await waits until something holds, a minute at most.
func (s *site) await(what string, holds func() bool) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
	defer cancel()
	for !holds() {
		select {
		case <-ctx.Done():
			s.Fatalf("waited in vain until %s", what)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func text(raw []byte, path ...string) string {
	v := rawjson.Get(raw, path...)
	if len(v) == 0 || v[0] != '"' {
		return string(v)
	}
	s, err := rawjson.Unquote(v)
	if err != nil {
		return ""
	}
	return s
}
