package closure

import (
	"cmp"
	"strings"
	"sync"

	"salvor.io/salvor/shared/cluster"
)

// ID names an object: its kind as resource.group, its namespace, empty for none, and its name.
type ID struct{ Kind, Namespace, Name string }

// String returns kind namespace/name.
func (id ID) String() string {
	if id.Namespace == "" {
		return id.Kind + " " + id.Name
	}
	return id.Kind + " " + id.Namespace + "/" + id.Name
}

// Compare orders by kind, namespace and name.
func (id ID) Compare(other ID) int {
	return cmp.Or(strings.Compare(id.Kind, other.Kind), strings.Compare(id.Namespace, other.Namespace), strings.Compare(id.Name, other.Name))
}

// anyName is the name by which a reference means every object of a kind in a namespace.
const anyName = "*"

// Mark says what is known of an object before the closure.
type Mark struct {
	// Chosen says why the scope chose the object; empty when it did not.
	Chosen string
	// Left says why the object is not stored; empty when it may be.
	Left string
	// Made says of an object that is not stored that another makes it again: then what makes it is taken in its place.
	Made bool
}

// Policy limits a closure.
type Policy struct {
	// Follow reports whether references may lead into a namespace that was not loaded. Nil: into none.
	Follow func(namespace string) bool
	// Refuse says why objects of a kind are not added, "" when they are. It does not hold for chosen ones. Nil: none is refused.
	Refuse func(cluster.Resource) string
}

// Node is an object of a graph, by the order in which it was added, from 0.
type Node int32

const noNode Node = -1

// key is the name of an object, or an alias, in a graph; objects that are only referred to have one too.
type key int32

// Graph holds objects and what they say about each other. Objects are added by several goroutines at once if need be;
// Close is called by one, when none adds.
type Graph struct {
	policy Policy
	served served

	mu      sync.Mutex
	words   words
	idents  []ident // by key
	keys    map[ident]key
	self    []Node         // by key: the object of that name, or noNode
	aliased map[key][]Node // by alias
	from    map[key][]Node // by target: those that come with it
	nodes   []node
	edges   []edge
	domains map[domain]*selectors
	unknown map[Node][]Dangling // references to kinds that the cluster does not serve
	loads
	seeds
}

// ident is an ID in words.
type ident struct {
	kind, namespace word
	name            string
}

// node is one object; there may be a hundred thousand.
type node struct {
	key          key
	chosen, left word // of its Mark; noWord for ""
	made         bool
	edges        uint16
	first        int32 // of its edges
	more         *more
}

// more is what few objects have.
type more struct {
	selects []Selects
	labels  labelSet
	domain  domain
	aliases []key
}

// edge is a Ref whose target has been found.
type edge struct {
	target    key
	why, back word
	relation  Relation
	optional  bool
}

// New makes an empty graph of a cluster that serves the resources.
func New(resources []cluster.Resource, policy Policy) *Graph {
	return &Graph{policy: policy, served: newServed(resources), words: newWords(), keys: map[ident]key{}, aliased: map[key][]Node{}, from: map[key][]Node{},
		domains: map[domain]*selectors{}, unknown: map[Node][]Dangling{}, loads: newLoads(), seeds: newSeeds()}
}

// Add adds an object and returns its node.
func (g *Graph) Add(res cluster.Resource, i cluster.Item, mark Mark) Node {
	var f Facts
	if mark.Left == "" || mark.Made { // nobody follows what one says that is left out
		f = Extract(res, i, mark.Made)
	}
	return g.AddFacts(ID{res.String(), i.Namespace, i.Name}, mark, f)
}

// AddFacts adds an object whose facts are known, and returns its node.
func (g *Graph) AddFacts(id ID, mark Mark, f Facts) Node {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := Node(len(g.nodes))
	o := node{key: g.key(id), chosen: g.words.of(mark.Chosen), left: g.words.of(mark.Left), made: mark.Made, first: int32(len(g.edges))}
	g.self[o.key] = n
	if f.Domain != "" || len(f.Selects)+len(f.Aliases) > 0 {
		o.more = &more{selects: f.Selects, labels: g.labels(f.Labels), domain: domain{f.Domain, id.Namespace}}
	}
	for _, r := range f.Refs {
		if g.link(n, id, r) {
			o.edges++
		}
	}
	for _, a := range f.Aliases {
		alias := g.key(ID{a.Kind, id.Namespace, a.Name})
		o.more.aliases = append(o.more.aliases, alias)
		g.aliased[alias] = append(g.aliased[alias], n)
	}
	for at, s := range f.Selects {
		g.domain(domain{s.Domain, id.Namespace}).add(g, selector{n, at}, s.Selector)
	}
	if f.Domain != "" {
		d := g.domain(o.more.domain)
		d.carriers = append(d.carriers, n)
	}
	g.nodes = append(g.nodes, o)
	return n
}

// link adds an edge, if the cluster serves the kind that it leads to.
func (g *Graph) link(n Node, id ID, r Ref) bool {
	target, ok := g.resolve(id, r)
	if !ok {
		if !r.Optional || r.Relation == Own {
			to := ID{strings.ToLower(r.Type) + "." + r.Group, cmp.Or(r.Namespace, id.Namespace), r.Name}
			g.unknown[n] = append(g.unknown[n], Dangling{From: id, To: to, Why: r.Why, Reason: "the cluster serves no such kind"})
		}
		return false
	}
	k := g.key(target)
	g.edges = append(g.edges, edge{target: k, why: g.words.of(r.Why), back: g.words.of(r.Back), relation: r.Relation, optional: r.Optional})
	if r.Relation == Act || r.Relation == Guard || r.Relation == Own {
		g.from[k] = append(g.from[k], n)
	}
	return true
}

// resolve finds which object a reference of the object id means. False: the cluster serves no such kind.
func (g *Graph) resolve(id ID, r Ref) (ID, bool) {
	target := ID{r.Kind, cmp.Or(r.Namespace, id.Namespace), r.Name}
	if r.Kind == helmRelease || r.Kind == subjectGroup || r.Kind == claimsOf {
		return target, true
	}
	res, ok := g.served.byName[r.Kind]
	if r.Kind == "" {
		res, ok = g.served.find(r.Group, r.Type)
		target.Kind = res.String()
	}
	if !res.Namespaced {
		target.Namespace = ""
	}
	return target, ok && (!res.Namespaced || target.Namespace != "")
}

// key returns the key of an ID.
func (g *Graph) key(id ID) key {
	i := ident{g.words.of(id.Kind), g.words.of(id.Namespace), id.Name}
	k, ok := g.keys[i]
	if !ok {
		i.name = strings.Clone(i.name) // it may be a part of something large
		k = key(len(g.idents))
		g.keys[i] = k
		g.idents = append(g.idents, i)
		g.self = append(g.self, noNode)
	}
	return k
}

func (g *Graph) id(k key) ID {
	i := g.idents[k]
	return ID{g.words.text(i.kind), g.words.text(i.namespace), i.name}
}

// ID returns what the node is called.
func (g *Graph) ID(n Node) ID { return g.id(g.nodes[n].key) }

// Chosen reports whether the scope chose the node.
func (g *Graph) Chosen(n Node) bool { return g.nodes[n].chosen != noWord }

// edgesOf returns the references of a node.
func (g *Graph) edgesOf(n Node) []edge {
	o := &g.nodes[n]
	return g.edges[o.first : o.first+int32(o.edges)]
}

// answering calls each with the objects that answer to the key: that of this name, those of this alias, or all of a kind.
func (g *Graph) answering(k key, each func(Node)) (any bool) {
	if n := g.self[k]; n != noNode {
		each(n)
		any = true
	}
	for _, n := range g.aliased[k] {
		each(n)
		any = true
	}
	return any
}
