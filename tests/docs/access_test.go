package docs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/cluster/access"
	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/shared/location/dir"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/tests/testenv"
)

// applyRights applies infra/kubernetes/rbac.yaml, which may be done any number of times.
func applyRights(t *testing.T, k testenv.KubeServer) {
	t.Helper()
	applyText(t, k, read(t, "infra/kubernetes/rbac.yaml"))
}

func applyText(t *testing.T, k testenv.KubeServer, text string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(root, "tools", "run"), "kubectl", "apply", "-f", "-")
	cmd.Env = append(os.Environ(), "KUBECONFIG="+k.Kubeconfig)
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("kubectl apply: %v\n%s", err, out)
	}
}

// may asks the API server what the user may do.
func may(t *testing.T, c *kube.Client, attributes string) bool {
	t.Helper()
	review := kind("authorization.k8s.io", "selfsubjectaccessreviews", "SelfSubjectAccessReview", false)
	answer, err := c.Create(t.Context(), review, "", []byte(`{"apiVersion":"authorization.k8s.io/v1","kind":"SelfSubjectAccessReview","spec":{"resourceAttributes":`+attributes+`}}`))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(answer), `"allowed":true`)
}

func TestBackupGroupBacksUpAndNoMore(t *testing.T) {
	k := server(t)
	admin := client(t, k.Kubeconfig)
	applyRights(t, k)
	defineWidgets(t, admin)
	ns := namespace(t, admin)
	create(t, admin, secrets, ns, "db", "")
	create(t, admin, widgets, ns, "w", "")
	user := client(t, k.User(t, "backup-user", "salvor-backup"))
	for name, scope := range map[string]salvor.Scope{
		"one":   {Namespaces: []string{ns}},
		"glob":  {Namespaces: []string{"t-*", "kube-*"}},
		"whole": {Namespaces: []string{"*"}, ClusterScoped: salvor.ClusterScopedAll},
	} {
		b := newHome(t, dir.Options{}).backUp(t, user, name, scope)
		if b.Status.Phase != salvor.PhaseCompleted || len(b.Status.Failures) > 0 || b.Status.Progress.Objects < 4 {
			t.Errorf("%s: phase %s, %d objects, failures %+v", name, b.Status.Phase, b.Status.Progress.Objects, b.Status.Failures)
		}
	}
	for _, res := range []cluster.Resource{configMaps, secrets, pods, widgets} {
		if _, err := user.Create(t.Context(), res, ns, object(res, "x", "")); !apierrors.IsForbidden(err) {
			t.Errorf("creating %s: %v, want it to be forbidden", res, err)
		}
	}
	if err := user.Delete(t.Context(), secrets, ns, "db", kube.DeleteOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("deleting a Secret: %v, want it to be forbidden", err)
	}
	for attributes, want := range map[string]bool{
		`{"verb":"create","resource":"pods","subresource":"exec"}`: true,
		`{"verb":"get","resource":"pods","subresource":"exec"}`:    true,
		`{"verb":"get","resource":"nodes","subresource":"proxy"}`:  false,
		`{"verb":"get","resource":"pods","subresource":"log"}`:     false,
		`{"verb":"patch","resource":"pods"}`:                       false,
		`{"verb":"impersonate","resource":"users"}`:                false,
	} {
		if may(t, user, attributes) != want {
			t.Errorf("the group may %s: %v", attributes, !want)
		}
	}
}

func TestRestoreGroupBringsRolesBack(t *testing.T) {
	k := server(t)
	admin := client(t, k.Kubeconfig)
	applyRights(t, k)
	ns := namespace(t, admin)
	create(t, admin, configMaps, ns, "settings", `"data":{"a":"b"}`)
	create(t, admin, roles, ns, "mighty", `"rules":[{"apiGroups":["*"],"resources":["*"],"verbs":["delete","deletecollection"]}]`)
	create(t, admin, bindings, ns, "mighty", `"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"mighty"},"subjects":[{"kind":"ServiceAccount","name":"default"}]`)
	h := newHome(t, dir.Options{})
	h.backUp(t, admin, "b", salvor.Scope{Namespaces: []string{ns}})
	remove(t, admin, namespaces, "", ns)
	r := h.restore(t, client(t, k.User(t, "restore-user", "salvor-restore")), "b")
	if r.Status.Phase != salvor.PhaseCompleted {
		t.Errorf("restore is %s: %s", r.Status.Phase, r.Status.Message)
	}
	for _, o := range []struct {
		res  cluster.Resource
		name string
	}{{configMaps, "settings"}, {roles, "mighty"}, {bindings, "mighty"}} {
		if _, err := admin.Get(t.Context(), o.res, ns, o.name); err != nil {
			t.Errorf("%s %s: %v", o.res, o.name, err)
		}
	}
}

// Who looks after snapshots, and deletes them with their backup, has what that takes, and reads nothing else.
func TestSettleGroupLooksAfterSnapshots(t *testing.T) {
	k := server(t)
	applyRights(t, k)
	user := client(t, k.User(t, "settle-user", "salvor-settle"))
	findings, err := access.Check(t.Context(), user, access.Options{Level: access.Settle})
	if err != nil || len(findings) != 1 || !findings[0].OK {
		t.Errorf("found %+v, %v", findings, err)
	}
	want := map[string]bool{
		`{"verb":"list","resource":"secrets"}`:                                                                                    false,
		`{"verb":"list","resource":"persistentvolumeclaims"}`:                                                                     false,
		`{"verb":"create","resource":"pods","subresource":"exec"}`:                                                                false,
		`{"verb":"patch","resource":"volumegroupsnapshotcontents","group":"groupsnapshot.storage.k8s.io","subresource":"status"}`: true,
	}
	for _, verb := range []string{"get", "list", "create", "patch", "delete"} { // releasing and deleting a group
		for _, kind := range []string{"volumegroupsnapshots", "volumegroupsnapshotcontents"} {
			want[`{"verb":"`+verb+`","resource":"`+kind+`","group":"groupsnapshot.storage.k8s.io"}`] = true
		}
	}
	for attributes, want := range want {
		if may(t, user, attributes) != want {
			t.Errorf("the group may %s: %v", attributes, !want)
		}
	}
}

// The examples of docs/access.md grant just enough for the backups that they are for.
func TestNarrowerRights(t *testing.T) {
	k := server(t)
	admin := client(t, k.Kubeconfig)
	applyRights(t, k)
	ns, other := namespace(t, admin), namespace(t, admin)
	for _, n := range []string{ns, other} {
		create(t, admin, secrets, n, "db", "")
		create(t, admin, configMaps, n, "settings", "")
	}
	for _, b := range blocks(read(t, "docs/access.md")) {
		if b.info == "yaml" {
			applyText(t, k, strings.ReplaceAll(b.text, "namespace: shop", "namespace: "+ns))
		}
	}
	shop := client(t, k.User(t, "shop-user", "salvor-backup-shop"))
	plain := client(t, k.User(t, "plain-user", "salvor-backup-no-secrets"))
	for _, tt := range []struct {
		name  string
		user  *kube.Client
		scope salvor.Scope
		// missing are the kinds named in failures, in the namespaces that they are missing in.
		missing []string
	}{
		{"the namespace", shop, salvor.Scope{Namespaces: []string{ns}}, nil},
		{"another namespace", shop, salvor.Scope{Namespaces: []string{other}, Kinds: []string{"configmaps"}}, []string{"configmaps " + other}},
		{"no Secrets asked for", plain, salvor.Scope{Namespaces: []string{ns}, ExcludeKinds: []string{"secrets", "*.docs.example.org"}}, nil},
		{"Secrets asked for", plain, salvor.Scope{Namespaces: []string{ns}, ExcludeKinds: []string{"*.docs.example.org"}}, []string{"secrets " + ns}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newHome(t, dir.Options{}).backUp(t, tt.user, "b", tt.scope)
			var missing []string
			for _, f := range b.Status.Failures {
				missing = append(missing, f.Kind+" "+f.Namespace)
			}
			if diff := cmp.Diff(tt.missing, missing); diff != "" {
				t.Errorf("%s: missing (-want +got):\n%s", b.Status.Phase, diff)
			}
			if b.Status.Progress.Objects == 0 {
				t.Error("the backup is empty")
			}
		})
	}
}
