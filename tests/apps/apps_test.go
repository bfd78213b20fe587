package apps_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/cluster/kube"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/tests/compare"
	"salvor.io/salvor/tests/roundtrip"
)

// neighbour lives in a namespace of one of the applications, and is none of its business.
const neighbour = `
apiVersion: v1
kind: ConfigMap
metadata: {name: neighbour, namespace: bookshop}
---
apiVersion: v1
kind: Secret
metadata: {name: neighbour, namespace: bookshop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: neighbour, namespace: bookshop}
spec:
  replicas: 0
  selector: {matchLabels: {app: neighbour}}
  template:
    metadata: {labels: {app: neighbour}}
    spec: {containers: [{name: c, image: "example.com/c:1", envFrom: [{configMapRef: {name: neighbour}}, {secretRef: {name: neighbour}}]}]}
`

func TestApplicationsRunAgainFromOneLabel(t *testing.T) {
	s := newSite(t)
	home, err := roundtrip.Open(t.Context(), t.TempDir(), map[string]*kube.Client{roundtrip.Source: s.Client})
	if err != nil {
		t.Fatal(err)
	}
	defer home.Close()
	begun := time.Now()
	s.deploy()
	t.Logf("running after %s", time.Since(begun))
	was := map[string]*compare.Snapshot{}
	for name, a := range apps {
		was[name] = s.snapshot(a)
		maps.DeleteFunc(was[name].Objects, func(k compare.Key, _ []byte) bool { return k.Name == "neighbour" })
		scope := salvor.Scope{Namespaces: []string{a.namespace}, LabelSelector: &metav1.LabelSelector{MatchLabels: a.selector()}}
		if _, _, err := home.Backup(t.Context(), a.namespace, scope); err != nil {
			t.Fatalf("backing up %s: %v", name, err)
		}
	}
	for _, round := range []struct {
		name, restore string
		delete        func()
	}{
		{"after its namespace was deleted", "r1", s.deleteNamespaces},
		{"after everything was deleted", "r2", func() { s.deleteNamespaces(); s.deleteGlobal() }},
	} {
		round.delete()
		t.Logf("deleted after %s", time.Since(begun))
		for _, name := range slices.Sorted(maps.Keys(apps)) {
			t.Run(name+" "+round.name, func(t *testing.T) { s.of(t).comesBack(home, apps[name], was[name], round.restore) })
		}
	}
}

// comesBack restores the application, and looks at it from outside.
func (s *site) comesBack(home *roundtrip.Home, a app, was *compare.Snapshot, name string) {
	s.Helper()
	begun := time.Now()
	r, outcomes, err := home.Restore(s.Context(), a.namespace+"-"+name, salvor.RestoreSpec{Backup: a.namespace, TargetCluster: roundtrip.Source})
	if err != nil {
		s.Fatal(err)
	}
	restored := time.Since(begun)
	for object, o := range outcomes {
		// The volumes of claims are made anew.
		if o.Outcome == salvor.OutcomeFailed || o.Outcome == salvor.OutcomeSkipped && o.Kind != "persistentvolumes" {
			s.Errorf("%s is %s: %s", object, o.Outcome, o.Reason)
		}
	}
	s.running(a, a.workloads)
	s.answers(a)
	s.Logf("%s and restored after %s, running after %s: %v", r.Status.Phase, restored, time.Since(begun), r.Status.Outcomes)
	allow, err := compare.ReadAllowances("apps")
	if err != nil {
		s.Fatal(err)
	}
	c, err := compare.Compare(was, s.snapshot(a), allow)
	if err != nil {
		s.Fatal(err)
	}
	for _, p := range c.Problems {
		s.Errorf("%.500s", p)
	}
	if s.Logf("%d objects, %d fields equal, %d differ as allowed, %d owners", c.Objects, c.Equal, c.Allowed, c.Owned); c.Objects < a.least {
		s.Errorf("only %d objects were compared, not %d", c.Objects, a.least)
	}
}
