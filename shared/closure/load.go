package closure

import (
	"maps"
	"slices"

	"salvor.io/salvor/shared/cluster"
)

// loads are what has been added in whole: then an object that is not there does not exist.
type loads struct {
	kinds      map[string]bool // without namespace
	namespaces map[string]bool
	unread     map[string]bool // kinds that could not be read in whole
}

func newLoads() loads {
	return loads{kinds: map[string]bool{}, namespaces: map[string]bool{}, unread: map[string]bool{}}
}

// Loaded notes that all objects of a kind without namespace have been added.
func (g *Graph) Loaded(kind string) { g.locked(func() { g.kinds[kind] = true }) }

// LoadedNamespace notes that all objects of a namespace have been added.
func (g *Graph) LoadedNamespace(namespace string) {
	g.locked(func() { g.namespaces[namespace] = true })
}

// Unread notes that some objects of a kind could not be read, so that nobody knows whether one exists.
func (g *Graph) Unread(kind string) { g.locked(func() { g.unread[kind] = true }) }

func (g *Graph) locked(do func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	do()
}

// Demand is what has to be added before a closure is complete.
type Demand struct {
	// Kinds without namespace, as resource.group.
	Kinds []string
	// Namespaces that references lead into.
	Namespaces []string
}

// Empty reports whether nothing is missing.
func (d Demand) Empty() bool { return len(d.Kinds)+len(d.Namespaces) == 0 }

// demand collects a Demand.
type demand struct{ kinds, namespaces map[string]bool }

func (d demand) result() Demand {
	return Demand{Kinds: slices.Sorted(maps.Keys(d.kinds)), Namespaces: slices.Sorted(maps.Keys(d.namespaces))}
}

// absence is what it means that the graph holds no object of a name.
type absence uint8

const (
	gone     absence = iota // there is none
	unloaded                // it has to be loaded, which has been noted
	refused                 // its kind is not added
	outside                 // it is in a namespace that is not followed into
	unclear                 // its kind could not be read
)

func (g *Graph) absent(id ID, d demand) absence {
	res, real := g.served.byName[id.Kind]
	switch {
	case real && g.refuse(res) != "":
		return refused
	case real && !res.Namespaced && !g.kinds[id.Kind]:
		d.kinds[id.Kind] = true
		return unloaded
	case id.Namespace != "" && !g.namespaces[id.Namespace]:
		if g.policy.Follow == nil || !g.policy.Follow(id.Namespace) {
			return outside
		}
		d.namespaces[id.Namespace] = true
		return unloaded
	case !real || g.unread[id.Kind]: // nobody misses an alias
		return unclear
	}
	return gone
}

func (g *Graph) refuse(r cluster.Resource) string {
	if g.policy.Refuse == nil {
		return ""
	}
	return g.policy.Refuse(r)
}

// demandFor asks for the kinds without namespace whose objects act on objects of the kind.
func (g *Graph) demandFor(kind string, d demand) {
	for _, k := range comeWith[kind] {
		if res, ok := g.served.byName[k]; ok && !g.kinds[k] && g.refuse(res) == "" {
			d.kinds[k] = true
		}
	}
}
