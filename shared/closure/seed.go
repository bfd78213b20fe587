package closure

import (
	"strings"

	"salvor.io/salvor/shared/cluster"
)

// seeds are what objects bring about that are taken for certain and therefore not in the graph: a backup of whole
// namespaces asks the graph only for what its objects need of those without namespace.
type seeds struct {
	needed map[key]word    // what they need, and why
	held   map[key]bool    // those of them that others act on
	whole  map[string]bool // namespaces of which everything is taken, even what does not exist yet
	custom map[string]bool // kinds whose definition is needed already
}

func newSeeds() seeds {
	return seeds{needed: map[key]word{}, held: map[key]bool{}, whole: map[string]bool{}, custom: map[string]bool{}}
}

// Whole notes that everything in the namespace is taken.
func (g *Graph) Whole(namespace string) {
	g.locked(func() { g.whole[namespace] = true; g.namespaces[namespace] = true })
}

// Seed notes what an object needs that is taken for certain.
func (g *Graph) Seed(res cluster.Resource, i cluster.Item) {
	f := Extract(res, i, false)
	g.mu.Lock()
	defer g.mu.Unlock()
	id := ID{res.String(), i.Namespace, i.Name}
	g.seedDefinition(res)
	if _, others := comeWith[id.Kind]; others && !g.whole[id.Namespace] {
		g.held[g.key(id)] = true
		for _, a := range f.Aliases {
			g.held[g.key(ID{a.Kind, id.Namespace, a.Name})] = true
		}
	}
	for _, r := range f.Refs {
		target, ok := g.resolve(id, r)
		if !ok || target.Namespace != "" || r.Relation == Guard {
			continue
		}
		reason := g.reason(r.Why, id, "")
		if old, there := g.needed[g.key(target)]; !there || reason < g.words.text(old) {
			g.needed[g.key(target)] = g.words.of(reason)
		}
	}
}

func (g *Graph) seedDefinition(res cluster.Resource) {
	if _, ok := g.served.byName[definitions]; ok && Custom(res.Group) && !g.custom[res.String()] {
		g.custom[res.String()] = true
		g.needed[g.key(ID{definitions, "", res.String()})] = g.words.of("defines " + res.Kind)
	}
}

// reason says why something in the namespace is taken: because of the object.
func (g *Graph) reason(why string, because ID, namespace string) string {
	kind := g.served.byName[because.Kind].Kind
	if kind == "" {
		kind = because.Kind
	}
	if because.Namespace != "" && because.Namespace != namespace {
		return strings.Join([]string{why, kind, because.Namespace + "/" + because.Name}, " ")
	}
	return strings.Join([]string{why, kind, because.Name}, " ")
}
