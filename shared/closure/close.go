package closure

import (
	"slices"
	"strings"
)

// part and whole are how an object is taken; the package's comment explains it.
type how uint8

const (
	not how = iota
	part
	whole
)

// walk is one computation of a closure: level by level, so that the reason of an object is that of a shortest way.
type walk struct {
	*Graph
	taken   []how
	reasons []string
	next    map[Node]arrival
	demand  demand
	left    map[Node]string // what was wanted and is left out, with the reason it was wanted for
	lost    map[Dangling]bool
	outside map[Dangling]bool
}

// arrival is how an object is reached on a level, and why.
type arrival struct {
	how    how
	reason string
}

// Close computes the closure of the chosen objects among those that were added. While the result demands more, it is
// not complete: what it demands is added, and Close is called again.
func (g *Graph) Close() *Result {
	w := &walk{Graph: g, taken: make([]how, len(g.nodes)), reasons: make([]string, len(g.nodes)), next: map[Node]arrival{},
		demand: demand{map[string]bool{}, map[string]bool{}}, left: map[Node]string{}, lost: map[Dangling]bool{}, outside: map[Dangling]bool{}}
	for n := range g.nodes {
		if g.nodes[n].chosen != noWord {
			w.take(Node(n), whole, g.words.text(g.nodes[n].chosen))
		}
	}
	w.plant()
	for len(w.next) > 0 {
		var arrived []Node
		for n, a := range w.next {
			if w.arrive(n, a) {
				arrived = append(arrived, n)
			}
		}
		w.next = map[Node]arrival{}
		for _, n := range arrived {
			w.expand(n)
		}
	}
	return w.result()
}

// take notes that the object is reached. Of several reasons on one level the first in the alphabet counts.
func (w *walk) take(n Node, h how, reason string) {
	if w.taken[n] >= h {
		return
	}
	a, there := w.next[n]
	if !there || reason < a.reason {
		a.reason = reason
	}
	a.how = max(a.how, h)
	w.next[n] = a
}

// arrive takes an object unless it is left out.
func (w *walk) arrive(n Node, a arrival) bool {
	o := &w.nodes[n]
	if o.left != noWord && !o.made || o.chosen == noWord && !o.made && w.refused(n) {
		if _, noted := w.left[n]; !noted {
			w.left[n] = a.reason
		}
		return false
	}
	if w.taken[n] == not {
		w.reasons[n] = a.reason
	}
	w.taken[n] = a.how
	return true
}

func (w *walk) refused(n Node) bool {
	return w.refuse(w.served.byName[w.ID(n).Kind]) != ""
}

// expand follows all that the object says and that is said about it.
func (w *walk) expand(n Node) {
	o, id, h := &w.nodes[n], w.ID(n), w.taken[n]
	for _, e := range w.edgesOf(n) {
		switch {
		case e.relation == Own:
			w.follow(n, id, e, h)
		case o.made:
		case e.relation == Need:
			w.follow(n, id, e, part)
		case e.relation == Record && h == whole:
			w.follow(n, id, e, part)
		case e.relation == Act && h == whole:
			w.follow(n, id, e, whole)
		}
	}
	for _, d := range w.unknown[n] {
		w.outside[d] = true
	}
	w.come(o.key, id, h)
	w.come(w.key(ID{id.Kind, id.Namespace, anyName}), id, h)
	w.demandFor(id.Kind, w.demand)
	w.define(id)
	if o.more != nil {
		w.expandMore(o.more, id, h, o.made)
	}
}

// expandMore follows aliases, labels and selectors.
func (w *walk) expandMore(m *more, id ID, h how, made bool) {
	for _, alias := range m.aliases {
		w.come(alias, id, h)
	}
	if m.domain.name != "" {
		w.domain(m.domain).selecting(w.Graph, m.labels, func(n Node, s *Selects) {
			if s.Relation != Need {
				w.take(n, part, w.reason(s.Back, id, w.ID(n).Namespace))
			}
		})
	}
	if made {
		return // what it selects is what its owner selects
	}
	for i := range m.selects {
		s := &m.selects[i]
		to := part
		if s.Relation == Act {
			to = whole
		}
		if s.Relation == Guard || s.Relation == Act && h != whole {
			continue
		}
		w.domain(domain{s.Domain, id.Namespace}).selected(w.Graph, s.Selector, func(n Node) {
			w.take(n, to, w.reason(s.Why, id, w.ID(n).Namespace))
		})
	}
}

// follow takes what an edge of an object leads to, or notes that it can't.
func (w *walk) follow(n Node, id ID, e edge, h how) {
	to := w.id(e.target)
	found := w.answering(e.target, func(t Node) {
		if t != n {
			w.take(t, h, w.reason(w.words.text(e.why), id, to.Namespace))
		}
	})
	if !found {
		w.missing(id, to, w.words.text(e.why), e.optional)
	}
}

func (w *walk) missing(from, to ID, why string, optional bool) {
	d := Dangling{From: from, To: to, Why: why}
	switch w.absent(to, w.demand) {
	case gone:
		if !optional {
			d.Reason = "it does not exist"
			w.lost[d] = true
		}
	case outside:
		d.Reason = "it is in another namespace"
		w.outside[d] = true
	case refused:
		d.Reason = w.refuse(w.served.byName[to.Kind])
		w.outside[d] = true
	}
}

// come takes what comes with the object that the key names.
func (w *walk) come(k key, id ID, h how) {
	for _, n := range w.from[k] {
		from := w.ID(n).Namespace
		for _, e := range w.edgesOf(n) {
			switch {
			case e.target != k:
			case e.relation == Act || e.relation == Guard:
				w.take(n, part, w.reason(w.words.text(e.back), id, from))
			case e.relation == Own && (h == whole || w.nodes[n].made):
				w.take(n, h, w.reason(w.words.text(e.back), id, from))
			}
		}
	}
}

// define takes the definition of a custom resource.
func (w *walk) define(id ID) {
	res, ok := w.served.byName[id.Kind]
	if _, defined := w.served.byName[definitions]; !ok || !defined || !Custom(res.Group) {
		return
	}
	w.reach(ID{definitions, "", id.Kind}, "defines "+res.Kind)
}

// reach takes an object in part that may not be there.
func (w *walk) reach(id ID, reason string) {
	if !w.answering(w.key(id), func(n Node) { w.take(n, part, reason) }) {
		w.absent(id, w.demand)
	}
}

// plant begins with what objects outside of the graph bring about.
func (w *walk) plant() {
	for k, reason := range w.needed {
		w.reach(w.id(k), w.words.text(reason))
	}
	for k := range w.held {
		w.come(k, w.id(k), part)
		w.demandFor(w.id(k).Kind, w.demand)
	}
	if len(w.whole) == 0 {
		return
	}
	for kind := range comeWith {
		w.demandFor(kind, w.demand)
	}
	for k := range w.from {
		if id := w.id(k); w.whole[id.Namespace] {
			w.come(k, id, part)
		}
	}
}

// result sorts what the walk found.
func (w *walk) result() *Result {
	r := &Result{Demand: w.demand.result(), Missing: dangling(w.lost), Outside: dangling(w.outside), graph: w.Graph, taken: w.taken, reasons: w.reasons}
	for n, reason := range w.left {
		o := &w.nodes[n]
		why := w.words.text(o.left)
		if why == "" {
			why = w.refuse(w.served.byName[w.ID(n).Kind])
		}
		r.Left = append(r.Left, LeftOut{ID: w.ID(n), Reason: why, Wanted: reason})
	}
	for n, h := range w.taken {
		if o := &w.nodes[n]; h != not && o.made {
			r.Left = append(r.Left, LeftOut{ID: w.ID(Node(n)), Reason: w.words.text(o.left), Wanted: w.reasons[n], Made: true})
		}
	}
	slices.SortFunc(r.Left, func(a, b LeftOut) int { return a.ID.Compare(b.ID) })
	return r
}

func dangling(set map[Dangling]bool) []Dangling {
	list := make([]Dangling, 0, len(set))
	for d := range set {
		list = append(list, d)
	}
	slices.SortFunc(list, func(a, b Dangling) int {
		if c := a.From.Compare(b.From); c != 0 {
			return c
		}
		if c := a.To.Compare(b.To); c != 0 {
			return c
		}
		return strings.Compare(a.Why, b.Why)
	})
	return list
}
