package restore

import (
	"salvor.io/salvor/shared/closure"
	"salvor.io/salvor/shared/cluster"
)

// needs finds what of a source's objects without namespace the chosen ones need.
type needs struct {
	graph *closure.Graph
	nodes []closure.Node
}

// newNeeds begins with the namespaces of the source; whole says that all that is in them comes back.
func newNeeds(src *Source, whole bool) *needs {
	var kinds []cluster.Resource
	for _, k := range src.Manifest.Kinds {
		kinds = append(kinds, k.Resource)
	}
	n := &needs{graph: closure.New(kinds, closure.Policy{})}
	for _, ns := range src.Namespaces {
		n.graph.LoadedNamespace(ns)
		if whole {
			n.graph.Whole(ns)
		}
	}
	return n
}

// add adds an object that may be needed.
func (n *needs) add(res cluster.Resource, i cluster.Item) {
	n.nodes = append(n.nodes, n.graph.Add(res, i, closure.Mark{}))
}

// close returns the objects that are needed. What is demanded beside them is not in the backup.
func (n *needs) close() map[closure.ID]bool {
	result, needed := n.graph.Close(), map[closure.ID]bool{}
	for _, node := range n.nodes {
		if result.Takes(node) {
			needed[n.graph.ID(node)] = true
		}
	}
	return needed
}
