package access_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/cluster/access"
	"salvor.io/salvor/shared/salvor"
)

// user may do what the list holds.
type user struct {
	may []string
	err error
}

func (u *user) May(_ context.Context, a cluster.Action) (bool, error) {
	return slices.Contains(u.may, a.Namespace+":"+a.String()), u.err
}

func (u *user) Discover(context.Context) (cluster.Discovery, error) {
	list := []string{"list", "get", "create", "update", "patch"}
	return cluster.Discovery{Resources: []cluster.Resource{
		{Version: "v1", Name: "secrets", Namespaced: true, Verbs: list},
		{Version: "v1", Name: "nodes", Verbs: list},
		{Version: "v1", Name: "bindings", Namespaced: true, Verbs: []string{"create"}},
		{Group: "apps", Version: "v1", Name: "deployments", Namespaced: true, Verbs: list},
	}}, nil
}

func TestCheck(t *testing.T) {
	var lacks []string // what it takes to snapshot volumes
	for _, verb := range []string{"create", "delete", "get", "patch"} {
		lacks = append(lacks, verb+" volumesnapshotcontents.snapshot.storage.k8s.io", verb+" volumesnapshots.snapshot.storage.k8s.io")
	}
	all := []string{":list *", ":get namespaces kube-system", ":create pods/exec"}
	for _, right := range lacks {
		all = append(all, ":"+right)
	}
	tests := map[string]struct {
		may     []string
		options access.Options
		missing map[string][]string
	}{
		"all that a backup needs": {may: all, options: access.Options{Level: access.Backup}, missing: map[string][]string{}},
		"nothing": {options: access.Options{Level: access.Backup}, missing: map[string][]string{
			"list every kind":               {"list deployments.apps", "list nodes", "list secrets"},
			"tell this cluster from others": {"get namespaces kube-system"},
			"run rules in pods":             {"create pods/exec"},
			"snapshot volumes":              lacks}},
		"every kind but one, spelt out": {may: append(slices.Clone(all[1:]), ":list nodes", ":list deployments.apps"), options: access.Options{Level: access.Backup},
			missing: map[string][]string{"list every kind": {"list secrets"}}},
		"every kind, spelt out": {may: append(slices.Clone(all[1:]), ":list nodes", ":list deployments.apps", ":list secrets"), options: access.Options{Level: access.Backup}, missing: map[string][]string{}},
		"no rules wanted":       {may: append(slices.Clone(all[:2]), all[3:]...), options: access.Options{Level: access.Backup, NoRules: true}, missing: map[string][]string{}},
		"no volumes wanted":     {may: all[:3], options: access.Options{Level: access.Backup, NoVolumes: true}, missing: map[string][]string{}},
		"one namespace": {may: []string{"shop:list secrets", "shop:list deployments.apps"}, options: access.Options{Level: access.Backup, Namespace: "shop"},
			missing: map[string][]string{"run rules in pods": {"create pods/exec"}, "snapshot volumes": lacks}},
		"a function that settles, in the group of backups": {may: all, options: access.Options{Level: access.Settle}, missing: map[string][]string{"look after snapshots": {
			"list volumesnapshotcontents.snapshot.storage.k8s.io", "list volumesnapshots.snapshot.storage.k8s.io", "patch volumesnapshotcontents.snapshot.storage.k8s.io/status"}}},
		"a restore with what a backup may": {may: append(all, ":get *", ":bind roles.rbac.authorization.k8s.io"), options: access.Options{Level: access.Restore}, missing: map[string][]string{
			"create every kind":                            {"create deployments.apps", "create nodes", "create secrets"},
			"update every kind":                            {"update deployments.apps", "update nodes", "update secrets"},
			"patch every kind":                             {"patch deployments.apps", "patch nodes", "patch secrets"},
			"bring back roles that grant more than it has": {"bind clusterroles.rbac.authorization.k8s.io", "escalate clusterroles.rbac.authorization.k8s.io", "escalate roles.rbac.authorization.k8s.io"}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.options.Remedy = func(group string) string { return "join " + group }
			findings, err := access.Check(t.Context(), &user{may: tt.may}, tt.options)
			if err != nil {
				t.Fatal(err)
			}
			missing := map[string][]string{}
			for _, f := range findings {
				if f.OK != (len(f.Missing) == 0) || f.OK != (f.Remedy == "") || f.OK != (f.Detail == "") {
					t.Errorf("half a finding: %+v", f)
				}
				if !f.OK {
					missing[f.Check] = f.Missing
				}
			}
			if diff := cmp.Diff(tt.missing, missing); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A question that is not answered is no missing right.
func TestCheckThatCannotAsk(t *testing.T) {
	broken := errors.New("connection refused")
	if _, err := access.Check(t.Context(), &user{err: broken}, access.Options{Level: access.Backup}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestDetailIsShort(t *testing.T) {
	findings, err := access.Check(t.Context(), &user{}, access.Options{Level: access.Backup, Remedy: func(g string) string { return g }})
	if err != nil {
		t.Fatal(err)
	}
	want := access.Finding{Check: "list every kind", Detail: "it may not list deployments.apps, nodes, secrets", Remedy: access.BackupGroup,
		Missing: []string{"list deployments.apps", "list nodes", "list secrets"}}
	if diff := cmp.Diff(want, findings[0]); diff != "" {
		t.Error(diff)
	}
}

func TestParseLevel(t *testing.T) {
	for _, s := range []string{"backup", "restore", "settle"} {
		if l, err := access.ParseLevel(s); err != nil || string(l) != s {
			t.Errorf("%s: %v, %v", s, l, err)
		}
	}
	if _, err := access.ParseLevel("admin"); !salvor.Is(err, salvor.Invalid) {
		t.Errorf("got %v", err)
	}
}
