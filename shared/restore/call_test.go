package restore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/restore"
	"salvor.io/salvor/shared/salvor"
)

var pods = schema.GroupResource{Resource: "pods"}

func forbidden(message string) error {
	return apierrors.NewForbidden(pods, "p", errors.New(message))
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		sentence                  string
		err                       error
		again, deferrable, denied bool
	}{
		{"the connection is lost", errors.New("EOF"), true, false, false},
		{"the server breaks while it answers", errors.New(`Put "https://a": stream error: stream ID 3; INTERNAL_ERROR; received from peer`), true, true, false},
		{"one request took too long", context.DeadlineExceeded, true, false, false},
		{"the request itself is wrong", salvor.Errorf(salvor.Invalid, "no name"), false, false, false},
		{"the server is busy", apierrors.NewTooManyRequests("", 1), true, false, false},
		{"the server is away", apierrors.NewServiceUnavailable(""), true, false, false},
		{"a webhook is away", apierrors.NewInternalError(errors.New("failed calling webhook")), true, true, false},
		{"RBAC says no", forbidden(`User "u" cannot create resource "pods" in API group ""`), false, false, true},
		{"RBAC won't grant more than one has", forbidden("user u is attempting to grant RBAC permissions not currently held"), false, false, true},
		{"an admission plugin misses something", forbidden("no PriorityClass with name gold was found"), false, true, false},
		{"the namespace is missing", apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "n"), false, true, false},
		{"the object is wrong", apierrors.NewInvalid(schema.GroupKind{Kind: "Pod"}, "p", nil), false, false, false},
		{"the object is too large", apierrors.NewRequestEntityTooLargeError(""), false, false, false},
		{"wrapped", fmt.Errorf("can't be read: %w", apierrors.NewConflict(pods, "p", nil)), false, true, false},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			if got := restore.Again(c.err, 1); got != c.again {
				t.Errorf("again: %v", got)
			}
			if got := restore.Deferrable(c.err); got != c.deferrable {
				t.Errorf("deferrable: %v", got)
			}
			if got := restore.Denied(c.err); got != c.denied {
				t.Errorf("denied: %v", got)
			}
		})
	}
}

func TestReasonTellsNoSecret(t *testing.T) {
	causes := field.ErrorList{field.Invalid(field.NewPath("data").Key("password"), "topsecret", "not base64")}
	err := fmt.Errorf("can't be updated: %w", apierrors.NewInvalid(schema.GroupKind{Kind: "Secret"}, "s", causes))
	if got := restore.ReasonOf("configmaps", err); !strings.Contains(got, "topsecret") {
		t.Errorf("of another kind the server's message is kept, got %q", got)
	}
	got := restore.ReasonOf("secrets", err)
	if strings.Contains(got, "topsecret") || !strings.Contains(got, "data[password]") || !strings.Contains(got, "can't be updated") {
		t.Errorf("got %q, want the field without its value", got)
	}
	bad := &apierrors.StatusError{ErrStatus: metav1.Status{Reason: metav1.StatusReasonBadRequest, Message: `json: cannot unmarshal "topsecret"`}}
	if got := restore.ReasonOf("secrets", bad); strings.Contains(got, "topsecret") {
		t.Errorf("got %q", got)
	}
}

// before lists pairs of kinds of which the first has to be there when the second is applied.
var before = [][2]string{
	{"namespaces", "customresourcedefinitions.apiextensions.k8s.io"},
	{"customresourcedefinitions.apiextensions.k8s.io", "widgets.example.com"},
	{"storageclasses.storage.k8s.io", "persistentvolumeclaims"},
	{"persistentvolumes", "persistentvolumeclaims"},
	{"serviceaccounts", "secrets"},
	{"clusterroles.rbac.authorization.k8s.io", "clusterrolebindings.rbac.authorization.k8s.io"},
	{"secrets", "widgets.example.com"},
	{"widgets.example.com", "deployments.apps"},
	{"networkpolicies.networking.k8s.io", "pods"},
	{"services", "pods"},
	{"pods", "limitranges"},
	{"limitranges", "deployments.apps"},
	{"deployments.apps", "replicasets.apps"},
	{"cronjobs.batch", "jobs.batch"},
	{"deployments.apps", "horizontalpodautoscalers.autoscaling"},
	{"ingressclasses.networking.k8s.io", "ingresses.networking.k8s.io"},
	{"jobs.batch", "resourcequotas"},
	{"resourcequotas", "validatingwebhookconfigurations.admissionregistration.k8s.io"},
	{"mutatingwebhookconfigurations.admissionregistration.k8s.io", "apiservices.apiregistration.k8s.io"},
}

// global are the kinds above that have no namespace.
var global = map[string]bool{"namespaces": true, "persistentvolumes": true, "storageclasses.storage.k8s.io": true, "ingressclasses.networking.k8s.io": true,
	"customresourcedefinitions.apiextensions.k8s.io": true, "clusterroles.rbac.authorization.k8s.io": true, "clusterrolebindings.rbac.authorization.k8s.io": true,
	"validatingwebhookconfigurations.admissionregistration.k8s.io": true, "mutatingwebhookconfigurations.admissionregistration.k8s.io": true, "apiservices.apiregistration.k8s.io": true}

func TestOrderOfKinds(t *testing.T) {
	of := func(kind string) int {
		name, group, _ := strings.Cut(kind, ".")
		return restore.WaveOf(cluster.Resource{Group: group, Version: "v1", Name: name, Namespaced: !global[kind]})
	}
	for _, pair := range before {
		if of(pair[0]) >= of(pair[1]) {
			t.Errorf("%s (wave %d) does not come before %s (wave %d)", pair[0], of(pair[0]), pair[1], of(pair[1]))
		}
	}
}
