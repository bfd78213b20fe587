package closure_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/labels"

	"salvor.io/salvor/shared/closure"
	"salvor.io/salvor/shared/cluster"
)

// thing is one object of a random graph.
type thing struct {
	id    closure.ID
	mark  closure.Mark
	facts closure.Facts
}

var randomKinds = []cluster.Resource{
	{Name: "configmaps", Kind: "ConfigMap", Version: "v1", Namespaced: true}, {Name: "services", Kind: "Service", Version: "v1", Namespaced: true},
	{Name: "deployments", Group: "apps", Kind: "Deployment", Version: "v1", Namespaced: true}, {Name: "widgets", Group: "example.org", Kind: "Widget", Version: "v1", Namespaced: true},
	{Name: "clusterroles", Group: "rbac.authorization.k8s.io", Kind: "ClusterRole", Version: "v1"},
	{Name: "customresourcedefinitions", Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition", Version: "v1"},
}

// randomThings makes a world of two namespaces in which everything refers to everything.
func randomThings(r *rand.Rand) []thing {
	names := 2 + r.IntN(4)
	pick := func() closure.ID {
		res := randomKinds[r.IntN(len(randomKinds))]
		id := closure.ID{Kind: res.String(), Name: fmt.Sprint("n", r.IntN(names))}
		if res.Namespaced {
			id.Namespace = []string{"a", "b"}[r.IntN(2)]
		}
		if res.Name == "customresourcedefinitions" {
			id.Name = "widgets.example.org"
		}
		return id
	}
	var things []thing
	seen := map[closure.ID]bool{}
	for range 3 + r.IntN(25) {
		id := pick()
		if seen[id] {
			continue
		}
		seen[id] = true
		t := thing{id: id}
		switch r.IntN(8) {
		case 0:
			t.mark = closure.Mark{Chosen: "chosen"}
		case 1:
			t.mark = closure.Mark{Left: "made again", Made: true}
		case 2:
			t.mark = closure.Mark{Chosen: "chosen", Left: "made again", Made: true}
		case 3:
			t.mark = closure.Mark{Left: "left"}
		}
		for range r.IntN(3) {
			to := pick()
			rel := closure.Relation(r.IntN(5))
			t.facts.Refs = append(t.facts.Refs, closure.Ref{Relation: rel, Kind: to.Kind, Namespace: to.Namespace, Name: to.Name,
				Why: fmt.Sprint("why", rel), Back: fmt.Sprint("back", rel), Optional: r.IntN(2) == 0})
		}
		if r.IntN(3) == 0 {
			t.facts.Domain, t.facts.Labels = closure.Pods, randomLabels(r)
		}
		if r.IntN(4) == 0 {
			t.facts.Selects = []closure.Selects{{Relation: closure.Relation(r.IntN(3)), Domain: closure.Pods, Selector: randomSelector(r), Why: "selected", Back: "selects"}}
		}
		things = append(things, t)
	}
	return things
}

func randomLabels(r *rand.Rand) map[string]string {
	l := map[string]string{}
	for range r.IntN(3) {
		l[[]string{"x", "y"}[r.IntN(2)]] = fmt.Sprint(r.IntN(2))
	}
	return l
}

func randomSelector(r *rand.Rand) labels.Selector {
	s := []string{"", "x", "!x", "x=0", "y=1", "x=0,y=1", "x in (0,1)", "y!=0", "x notin (0,1)"}
	selector, err := labels.Parse(s[r.IntN(len(s))])
	if err != nil {
		panic(err)
	}
	return selector
}

// oracle computes a closure the slow way: it goes over all pairs of objects until nothing changes any more.
func oracle(things []thing) (taken map[closure.ID]bool, whole map[closure.ID]bool) {
	taken, whole = map[closure.ID]bool{}, map[closure.ID]bool{}
	for changed := true; changed; {
		changed = false
		take := func(t thing, w bool) {
			if t.mark.Left != "" && !t.mark.Made || taken[t.id] && (whole[t.id] || !w) {
				return
			}
			taken[t.id] = true
			whole[t.id] = whole[t.id] || w
			changed = true
		}
		for _, a := range things {
			if a.mark.Chosen != "" {
				take(a, true)
			}
			for _, b := range things {
				pull(a, b, taken, whole, take)
			}
		}
	}
	for _, t := range things {
		if t.mark.Made {
			delete(taken, t.id)
		}
	}
	return taken, whole
}

// pull says what a and b bring about, where a refers to b.
func pull(a, b thing, taken, whole map[closure.ID]bool, take func(thing, bool)) {
	if a.id == b.id {
		return
	}
	for _, r := range a.facts.Refs {
		if (closure.ID{Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}) != b.id {
			continue
		}
		relate(r.Relation, a, b, taken, whole, take)
	}
	for _, s := range a.facts.Selects {
		if b.facts.Domain == s.Domain && a.id.Namespace == b.id.Namespace && s.Selector.Matches(labels.Set(b.facts.Labels)) {
			relate(s.Relation, a, b, taken, whole, take)
		}
	}
	if b.id.Kind == "customresourcedefinitions.apiextensions.k8s.io" && taken[a.id] && a.id.Kind == "widgets.example.org" {
		take(b, false)
	}
}

func relate(r closure.Relation, a, b thing, taken, whole map[closure.ID]bool, take func(thing, bool)) {
	switch {
	case r == closure.Need && taken[a.id] && !a.mark.Made,
		r == closure.Record && whole[a.id] && !a.mark.Made:
		take(b, false)
	case r == closure.Act && whole[a.id] && !a.mark.Made:
		take(b, true)
	case r == closure.Own && taken[a.id]:
		take(b, whole[a.id])
	}
	switch {
	case (r == closure.Act || r == closure.Guard) && taken[b.id]:
		take(a, false)
	case r == closure.Own && taken[b.id] && (whole[b.id] || a.mark.Made):
		take(a, whole[b.id])
	}
}

// closed runs the closure and returns what it takes, with reasons.
func closed(t *testing.T, things []thing) (map[closure.ID]string, *closure.Result) {
	g := closure.New(randomKinds, closure.Policy{})
	for _, x := range things {
		g.AddFacts(x.id, x.mark, x.facts)
	}
	g.LoadedNamespace("a")
	g.LoadedNamespace("b")
	for _, r := range randomKinds {
		g.Loaded(r.String())
	}
	g.Loaded("validatingwebhookconfigurations.admissionregistration.k8s.io")
	r := g.Close()
	if !r.Demand.Empty() {
		t.Fatalf("demands %+v though everything is loaded", r.Demand)
	}
	taken := map[closure.ID]string{}
	for n := range things {
		if r.Takes(closure.Node(n)) {
			taken[g.ID(closure.Node(n))] = r.Reason(closure.Node(n))
		}
	}
	return taken, r
}

// For any graph the closure takes what a naive computation of the least fixpoint takes: it is complete and minimal. And
// it is the same, with the same reasons, in whatever order the objects are added.
func TestClosureIsTheLeastFixpointInAnyOrder(t *testing.T) {
	sizes := 0
	for n := range 4000 {
		r := rand.New(rand.NewPCG(1, uint64(n)))
		things := randomThings(r)
		want, _ := oracle(things)
		got, first := closed(t, things)
		if d := cmp.Diff(want, toSet(got)); d != "" {
			t.Fatalf("graph %d (-oracle +closure):\n%s\n%s", n, d, describe(things))
		}
		sizes += len(want)
		for range 3 {
			r.Shuffle(len(things), func(i, j int) { things[i], things[j] = things[j], things[i] })
			again, result := closed(t, things)
			if d := cmp.Diff(got, again); d != "" {
				t.Fatalf("graph %d in another order (-before +after):\n%s\n%s", n, d, describe(things))
			}
			for _, pair := range [][2]any{{first.Missing, result.Missing}, {first.Left, result.Left}, {first.Outside, result.Outside}} {
				if d := cmp.Diff(pair[0], pair[1]); d != "" {
					t.Fatalf("graph %d in another order (-before +after):\n%s", n, d)
				}
			}
		}
	}
	if sizes < 4000 {
		t.Errorf("the graphs are too thin to show anything: %d objects taken in all", sizes)
	}
}

func toSet(m map[closure.ID]string) map[closure.ID]bool {
	set := map[closure.ID]bool{}
	for id := range m {
		set[id] = true
	}
	return set
}

func describe(things []thing) string {
	var lines []string
	for _, t := range things {
		lines = append(lines, fmt.Sprintf("%s %+v %+v", t.id, t.mark, t.facts))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
