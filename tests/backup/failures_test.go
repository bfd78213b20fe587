package backup_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/cluster"
	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/shared/salvor"
)

// grant lets the user list everything but the kinds given.
func grant(t *testing.T, c *kube.Client, user string, but ...string) {
	t.Helper()
	d, err := c.Discover(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	type rule struct {
		APIGroups []string `json:"apiGroups"`
		Resources []string `json:"resources"`
		Verbs     []string `json:"verbs"`
	}
	rules := []rule{}
	for _, r := range d.Resources {
		if !strings.Contains(strings.Join(but, ","), r.String()) {
			rules = append(rules, rule{[]string{r.Group}, []string{r.Name}, []string{"get", "list"}})
		}
	}
	data, err := json.Marshal(rules)
	if err != nil {
		t.Fatal(err)
	}
	rbac := cluster.Resource{Group: "rbac.authorization.k8s.io", Version: "v1", Name: "clusterroles", Kind: "ClusterRole"}
	create(t, c, rbac, "", user, `"rules":`+string(data))
	rbac.Name, rbac.Kind = "clusterrolebindings", "ClusterRoleBinding"
	create(t, c, rbac, "", user, fmt.Sprintf(`"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":%q},"subjects":[{"kind":"User","apiGroup":"rbac.authorization.k8s.io","name":%q}]`, user, user))
}

func TestForbiddenKindIsCountedAndNamed(t *testing.T) {
	k := server(t)
	admin := client(t, k.Kubeconfig)
	ns := namespace(t, admin)
	create(t, admin, configMaps, ns, "c", "")
	create(t, admin, secrets, ns, "s", "")
	grant(t, admin, "backup-without-secrets", "secrets")
	s := testSite(t, client(t, k.User(t, "backup-without-secrets")))
	b, m := s.backUp(t, "forbidden", salvor.Scope{Namespaces: []string{ns}})
	if b.Status.Phase != salvor.PhasePartiallyFailed || m.Phase != salvor.PhasePartiallyFailed {
		t.Errorf("phase is %s, in the manifest %s", b.Status.Phase, m.Phase)
	}
	if len(b.Status.Failures) != 1 || b.Status.Failures[0].Kind != "secrets" {
		t.Fatalf("failures: %+v", b.Status.Failures)
	}
	for _, want := range []string{"backup-without-secrets", "secrets", "rbac.yaml"} {
		if !strings.Contains(b.Status.Failures[0].Reason, want) {
			t.Errorf("the reason does not name %q: %s", want, b.Status.Failures[0].Reason)
		}
	}
	if s.stored(t, m)["configmaps "+ns+"/c"] == nil {
		t.Error("what may be read is not in the backup")
	}
}

func TestNamespaceThatIsMissingIsNamed(t *testing.T) {
	c := client(t, server(t).Kubeconfig)
	ns := namespace(t, c)
	b, _ := testSite(t, c).backUp(t, "missing", salvor.Scope{Namespaces: []string{ns, "not-there"}})
	if b.Status.Phase != salvor.PhasePartiallyFailed || len(b.Status.Failures) != 1 || !strings.Contains(b.Status.Failures[0].Reason, `"not-there"`) {
		t.Errorf("phase %s, failures %+v", b.Status.Phase, b.Status.Failures)
	}
}

// compacting is a cluster whose etcd is compacted after some pages of ConfigMaps.
type compacting struct {
	*kube.Client
	after   int
	compact func()
}

func (c *compacting) List(ctx context.Context, r cluster.ListRequest, each func(cluster.Item) error) (cluster.ListResult, error) {
	if r.Resource.Name == "configmaps" && r.Revision != "" {
		if c.after--; c.after == -1 {
			c.compact()
		}
	}
	return c.Client.List(ctx, r, each)
}

func TestRevisionCompactedMeanwhile(t *testing.T) {
	k := server(t)
	c := client(t, k.Kubeconfig)
	ns := namespace(t, c)
	for i := range 40 {
		create(t, c, configMaps, ns, fmt.Sprintf("c-%02d", i), "")
	}
	scope := salvor.Scope{Namespaces: []string{ns}, Kinds: []string{"configmaps"}}
	newSite := func(t *testing.T) *site {
		cc := &compacting{Client: c, after: 2, compact: func() {
			create(t, c, configMaps, ns, "between-"+strings.ToLower(t.Name()[len(t.Name())-6:]), "")
			create(t, c, configMaps, ns, "c-99-"+strings.ToLower(t.Name()[len(t.Name())-6:]), "")
			k.Compact(t)
		}}
		s := testSite(t, cc)
		s.engine.Tuning = backup.Tuning{PageSize: 10, FixedPages: true}
		return s
	}
	t.Run("effort", func(t *testing.T) {
		s := newSite(t)
		b, m := s.backUp(t, "compacted", scope)
		if b.Status.Phase != salvor.PhaseCompleted {
			t.Errorf("phase %s: %s", b.Status.Phase, b.Status.Message)
		}
		named := false
		for _, e := range m.Exceptions {
			named = named || e.Kind == "configmaps" && e.Revision != m.Revision && e.After == ns+"/c-19"
		}
		if !named {
			t.Fatalf("exceptions: %+v", m.Exceptions)
		}
		stored := s.stored(t, m)
		for i := range 40 {
			if stored[fmt.Sprintf("configmaps %s/c-%02d", ns, i)] == nil {
				t.Errorf("c-%02d is missing", i)
			}
		}
		if stored["configmaps "+ns+"/c-99-effort"] == nil {
			t.Error("what the second revision adds behind the last object read is missing")
		}
		if stored["configmaps "+ns+"/between-effort"] != nil {
			t.Error("what the second revision adds before the last object read was taken")
		}
	})
	t.Run("strict", func(t *testing.T) {
		s := newSite(t)
		want := newBackup("strict", scope)
		want.Spec.Consistency = salvor.ConsistencyStrict
		b, _, err := s.engine.Begin(t.Context(), want)
		if err != nil {
			t.Fatal(err)
		}
		b, err = s.engine.Run(t.Context(), b.ID())
		if err == nil || b.Status.Phase != salvor.PhaseFailed || !strings.Contains(b.Status.Message, "compacted") {
			t.Errorf("phase %s, message %q, error %v", b.Status.Phase, b.Status.Message, err)
		}
	})
}
