package closure

import (
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
)

// domain is where a selector looks: one sort of labels in one namespace.
type domain struct{ name, namespace string }

// selectors are those of one domain, and the carriers of labels that they choose from. Most selectors want some label to
// have one value; they are found by that pair, so that an object is not matched with every selector of its namespace.
type selectors struct {
	byPair   map[word][]selector
	others   []selector
	carriers []Node
	carrying map[word][]Node // by pair; the first indexed of the carriers
	indexed  int
}

// selector is the at-th of a node.
type selector struct {
	node Node
	at   int
}

func (g *Graph) domain(d domain) *selectors {
	s := g.domains[d]
	if s == nil {
		s = &selectors{byPair: map[word][]selector{}, carrying: map[word][]Node{}}
		g.domains[d] = s
	}
	return s
}

// pairOf returns a label that whatever is selected must have, as key=value.
func pairOf(s labels.Selector) (string, bool) {
	requirements, selectable := s.Requirements()
	if !selectable {
		return "", false
	}
	for _, r := range requirements {
		switch r.Operator() {
		case selection.Equals, selection.DoubleEquals, selection.In:
			if values := r.ValuesUnsorted(); len(values) == 1 {
				return r.Key() + "=" + values[0], true
			}
		}
	}
	return "", false
}

func (d *selectors) add(g *Graph, s selector, labels labels.Selector) {
	if pair, ok := pairOf(labels); ok {
		w := g.words.of(pair)
		d.byPair[w] = append(d.byPair[w], s)
		return
	}
	d.others = append(d.others, s)
}

// selecting calls each with every selector that matches the labels.
func (d *selectors) selecting(g *Graph, l labelSet, each func(Node, *Selects)) {
	try := func(list []selector) {
		for _, s := range list {
			if one := &g.nodes[s.node].more.selects[s.at]; one.Selector.Matches(l) {
				each(s.node, one)
			}
		}
	}
	for _, pair := range l.pairs {
		try(d.byPair[pair])
	}
	try(d.others)
}

// selected calls each with every carrier that the selector matches.
func (d *selectors) selected(g *Graph, s labels.Selector, each func(Node)) {
	list := d.carriers
	if pair, ok := pairOf(s); ok {
		list = d.withPair(g, pair)
	}
	for _, n := range list {
		if s.Matches(g.nodes[n].more.labels) {
			each(n)
		}
	}
}

func (d *selectors) withPair(g *Graph, pair string) []Node {
	for ; d.indexed < len(d.carriers); d.indexed++ {
		n := d.carriers[d.indexed]
		for _, p := range g.nodes[n].more.labels.pairs {
			d.carrying[p] = append(d.carrying[p], n)
		}
	}
	return d.carrying[g.words.of(pair)]
}
