package volumes_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/rawjson"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/tests/testenv"
)

// replicas are those of a Deployment.
func (s *shelf) replicas(t *testing.T, deployment string) string {
	t.Helper()
	raw, err := s.client.Get(t.Context(), deploymentKind, s.namespace, deployment)
	if err != nil {
		t.Fatal(err)
	}
	return string(rawjson.Get(raw, "spec", "replicas"))
}

// A claim that two workloads use is replaced while both are scaled down, and whatever forbids or hinders it, everything is as
// before.
func TestInPlaceUnderTwoWorkloads(t *testing.T) {
	t.Parallel()
	s := newWorld(t).shelf(t)
	s.write(t, "as backed up")
	s.backUp(t, "good")
	s.deployment(t, "desk", 2)
	s.write(t, "newer")
	inPlace := salvor.RestoreSpec{ExcludeKinds: []string{"deployments"}, Volumes: &salvor.RestoreVolumes{InPlace: true}}
	unharmed := func(t *testing.T, restore string) {
		t.Helper()
		s.unharmed(t, restore)
		if n := s.replicas(t, "desk"); n != "2" {
			t.Errorf("%s left the other workload at %s replicas", restore, n)
		}
	}

	t.Run("the identity may not scale", func(t *testing.T) {
		role := "no-scale-" + testenv.Unique()
		rbac := func(name, kind string) cluster.Resource {
			return cluster.Resource{Group: "rbac.authorization.k8s.io", Version: "v1", Name: name, Kind: kind}
		}
		s.create(t, rbac("clusterroles", "ClusterRole"), "", fmt.Sprintf(`
metadata: {name: %s}
rules:
- {apiGroups: ["*"], resources: ["*"], verbs: [get, list, create]}
- {apiGroups: ["", snapshot.storage.k8s.io, storage.k8s.io], resources: ["*"], verbs: ["*"]}`, role))
		s.create(t, rbac("clusterrolebindings", "ClusterRoleBinding"), "", fmt.Sprintf(`
metadata: {name: %[1]s}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: %[1]s}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: %[1]s}]`, role))
		s.salvor(t, "cluster", "add", "narrow", "--kubeconfig", s.User(t, role, role))
		out, err := s.try(t, "restore", "good", "--in-place", "--exclude-kinds", "deployments", "--to-cluster", "narrow", "--name", "narrow", "--yes")
		if err == nil || !strings.Contains(s.salvor(t, "describe", "restore", "narrow"), "may not be scaled down") {
			t.Errorf("it ends with %v\n%s", err, out)
		}
		unharmed(t, "narrow")
	})
	t.Run("a policy forbids it", func(t *testing.T) {
		admission := func(name, kind string) cluster.Resource {
			return cluster.Resource{Group: "admissionregistration.k8s.io", Version: "v1", Name: name, Kind: kind}
		}
		policies, bindings := admission("validatingadmissionpolicies", "ValidatingAdmissionPolicy"), admission("validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding")
		s.create(t, policies, "", fmt.Sprintf(`
metadata: {name: %s}
spec:
  matchConstraints: {resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: [UPDATE], resources: [deployments]}]}
  validations: [{expression: "object.metadata.name != 'shop' || object.spec.replicas > 0", message: the shop is never closed}]`, s.namespace))
		s.create(t, bindings, "", fmt.Sprintf(`
metadata: {name: %[1]s}
spec: {policyName: %[1]s, validationActions: [Deny], matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %[1]s}}}}`, s.namespace))
		eventually(t, time.Minute, "the policy is in force", func() bool {
			_, err := s.TryKubectl(t.Context(), "-n", s.namespace, "patch", "deployment", "shop", "--dry-run=server", "--type=merge", "-p", `{"spec":{"replicas":0}}`)
			return err != nil
		})
		s.restored(t, "forbidden", "good", inPlace, salvor.OutcomeFailed, "the shop is never closed")
		unharmed(t, "forbidden")
		for _, kind := range []cluster.Resource{policies, bindings} {
			s.Kubectl(t, "delete", kind.Name, s.namespace)
		}
		eventually(t, time.Minute, "the policy is gone", func() bool {
			_, err := s.TryKubectl(t.Context(), "-n", s.namespace, "patch", "deployment", "shop", "--dry-run=server", "--type=merge", "-p", `{"spec":{"replicas":0}}`)
			return err == nil
		})
	})
	t.Run("no volume is made", func(t *testing.T) {
		class := "c-" + testenv.Unique()
		s.create(t, cluster.Resource{Group: "storage.k8s.io", Version: "v1", Name: "storageclasses", Kind: "StorageClass"}, "",
			fmt.Sprintf("metadata: {name: %s}\nprovisioner: ebs.csi.aws.com\nvolumeBindingMode: Immediate\nparameters: {%s: no room}", class, testenv.FaultError))
		spec := inPlace
		spec.Volumes = &salvor.RestoreVolumes{InPlace: true, StorageClassMapping: map[string]string{"gp3-immediate": class}, Timeout: metav1.Duration{Duration: 15 * time.Second}}
		s.restored(t, "no-room", "good", spec, salvor.OutcomeFailed, "no room")
		unharmed(t, "no-room")
	})
	t.Run("beside an autoscaler", func(t *testing.T) {
		s.create(t, cluster.Resource{Group: "autoscaling", Version: "v2", Name: "horizontalpodautoscalers", Kind: "HorizontalPodAutoscaler", Namespaced: true}, s.namespace, `
metadata: {name: desk}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: desk}, minReplicas: 2, maxReplicas: 4}`)
		r := s.restored(t, "scaled", "good", inPlace, salvor.OutcomeUpdated, "scaled down meanwhile: Deployment desk, Deployment shop")
		if r.Status.Phase != salvor.PhaseCompleted || !strings.Contains(strings.Join(r.Status.Warnings, "\n"), "HorizontalPodAutoscaler "+s.namespace+"/desk rests") {
			t.Errorf("it is %s, and warns of %q", r.Status.Phase, r.Status.Warnings)
		}
		if got := s.holds(t, s.namespace); got != "as backed up" {
			t.Errorf("the volume holds %q", got)
		}
		s.write(t, "newer")
		unharmed(t, "scaled")
	})
}
