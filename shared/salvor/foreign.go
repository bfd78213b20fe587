package salvor

import (
	"reflect"
	"slices"

	"go.yaml.in/yaml/v3"
)

// Foreign is a document of another program that says something which Salvor has an object for. It is decoded as strictly
// as Salvor's own.
type Foreign interface {
	// Translate returns the object; notes on what becomes different, or of no meaning; and mistakes, with which there is no
	// object. Notes and mistakes have the document's own Path, and a Message.
	Translate() (o Object, notes, mistakes []Problem)
}

// ForeignKinds returns an empty Foreign for an apiVersion and a kind, or nil for those of nobody it knows. The error says
// that they are of a program it knows, and why they are not taken.
type ForeignKinds func(apiVersion, kind string) (Foreign, error)

// LoadForeign is Load, and takes documents of other programs too. Notes say what becomes different with them.
func LoadForeign(data []byte, source string, kinds ForeignKinds) (objects []Object, notes Problems, err error) {
	docs, ps := decode(data, source, kinds)
	ps = append(ps, check(docs, source)...)
	for i := range docs {
		for _, p := range docs[i].notes {
			notes = append(notes, docs[i].locate(p, source))
		}
	}
	objects, err = finish(docs, ps)
	return objects, notes, err
}

// target is what a document is decoded into: an object, or a Foreign that becomes one.
func (d *document) target(kinds ForeignKinds) any {
	version, kind := child(d.node, "apiVersion"), child(d.node, "kind")
	if kinds == nil || d.node.Kind != yaml.MappingNode || text(kind) == "" {
		return d.newObject()
	}
	foreign, err := kinds(text(version), text(kind))
	if err != nil {
		d.problem = append(d.problem, Problem{Line: kind.Line, Path: "kind", Message: err.Error()})
		return nil
	}
	if foreign == nil {
		return d.newObject()
	}
	d.foreign = true
	return foreign
}

// translate turns a decoded document into the object.
func (d *document) translate(into any, name string) {
	o, own := into.(Object)
	if !own {
		var mistakes []Problem
		o, d.notes, mistakes = into.(Foreign).Translate()
		for _, list := range [][]Problem{d.notes, mistakes} {
			for i := range list {
				list[i].Object = name
			}
		}
		mistakes = slices.DeleteFunc(mistakes, func(p Problem) bool { return d.unclear(p.Path) })
		if d.problem = append(d.problem, mistakes...); len(d.problem) > 0 {
			return // it has been validated, by its own names
		}
	}
	d.object = o
}

// spread replaces a v1 List, as kubectl prints several objects, by what is in it.
func spread(docs []document) []document {
	var all []document
	for _, d := range docs {
		items := child(d.node, "items")
		if text(child(d.node, "kind")) != "List" || text(child(d.node, "apiVersion")) != "v1" || items == nil || items.Kind != yaml.SequenceNode {
			all = append(all, d)
			continue
		}
		for _, item := range items.Content {
			all = append(all, document{index: d.index, only: d.only, node: resolve(item), lines: map[string]int{}})
		}
	}
	return all
}

var anyType = reflect.TypeFor[any]()

// walkAny goes through what may be anything, for keys that stand twice and for its size.
func (w *walker) walkAny(n *yaml.Node, path string) {
	switch n.Kind {
	case yaml.MappingNode:
		w.mapping(n, reflect.TypeFor[map[string]any](), path)
	case yaml.SequenceNode:
		w.sequence(n, reflect.TypeFor[[]any](), path)
	}
}
