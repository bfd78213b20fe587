package salvor

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
	kjson "sigs.k8s.io/json"
)

// document is one document of a source: what was read, and where.
type document struct {
	index   int
	only    bool // in its source
	node    *yaml.Node
	object  Object         // all that could be read; with a problem, not to be used
	foreign bool           // it was of another program
	lines   map[string]int // of each field path
	problem []Problem
	notes   []Problem
}

// Decode reads objects from YAML, of one or several documents, or from JSON, of one or several values after each
// other. Empty documents are passed over. source is for messages, such as a file name.
//
// It is strict: an unknown kind, version or field, a key that stands twice and a value of the wrong type are
// refused. All mistakes of all documents are reported together, as Problems in an Error of the code Invalid, and then no
// object is returned. Decode neither fills in defaults nor validates; Load does.
func Decode(data []byte, source string) ([]Object, error) {
	docs, ps := decode(data, source, nil)
	return finish(docs, ps)
}

// Load decodes objects, fills in their defaults and validates them. Like Decode, it reports all mistakes of all
// documents together, and returns no object if there are any: what is wrong beside what can't be read is among them.
// An object that stands twice is a mistake too.
func Load(data []byte, source string) ([]Object, error) {
	docs, ps := decode(data, source, nil)
	return finish(docs, append(ps, check(docs, source)...))
}

// check fills in defaults and validates.
func check(docs []document, source string) (ps Problems) {
	seen := map[string]bool{}
	for i := range docs {
		d := &docs[i]
		if d.object == nil {
			continue
		}
		d.object.Default()
		for _, e := range d.object.Validate() {
			if !d.unclear(e.Field) {
				ps = append(ps, d.locate(fieldProblem(d.object, e), source))
			}
		}
		if d.unclear("metadata.name") || d.unclear("spec.cluster") {
			continue
		}
		key := identity(d.object)
		if seen[key] {
			p := Problem{Object: key, Path: "metadata.name", Message: "the same object stands in this source twice"}
			if d.foreign {
				p.Message += "; objects of Salvor have no namespace: give one of them another name"
			}
			ps = append(ps, d.locate(p, source))
		}
		seen[key] = true
	}
	return ps
}

// identity tells objects apart as the catalog does.
func identity(o Object) string {
	key := objectName(o.GetKind(), o.Meta().Name)
	if b, ok := o.(*Backup); ok {
		key += " of " + b.Spec.Cluster
	}
	return key
}

func finish(docs []document, ps Problems) ([]Object, error) {
	slices.SortStableFunc(ps, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	if err := ps.err(); err != nil {
		return nil, err
	}
	objects := make([]Object, len(docs))
	for i := range docs {
		objects[i] = docs[i].object
	}
	return objects, nil
}

// decode reads every document.
func decode(data []byte, source string, kinds ForeignKinds) ([]document, Problems) {
	docs, p := readDocuments(data)
	for i := range docs {
		docs[i].only = len(docs) == 1
	}
	if kinds != nil {
		docs = spread(docs)
	}
	var ps Problems
	for i := range docs {
		d := &docs[i]
		d.decode(kinds)
		for _, p := range d.problem {
			ps = append(ps, d.locate(p, source))
		}
	}
	if p != nil {
		p.Source = source
		ps = append(ps, *p)
	}
	return docs, ps
}

// locate adds to a problem where its field stands, or the nearest one around it that is written down.
func (d *document) locate(p Problem, source string) Problem {
	p.Source = source
	if !d.only {
		p.Document = d.index
	}
	for path := p.Path; p.Line == 0; path = path[:strings.LastIndexAny(path, ".[")] {
		if line, ok := d.lines[path]; ok {
			p.Line = line
		}
		if !strings.ContainsAny(path, ".[") {
			break
		}
	}
	if p.Line == 0 {
		p.Line = d.node.Line
	}
	return p
}

// decode checks the document against the type of its kind. One with mistakes becomes an object without what is mistaken.
func (d *document) decode(kinds ForeignKinds) {
	into := d.target(kinds)
	if into == nil {
		return
	}
	w := walker{document: d, budget: maxNodes}
	w.walk(d.node, reflect.TypeOf(into).Elem(), "")
	name := objectName(text(child(d.node, "kind")), text(child(child(d.node, "metadata"), "name")))
	for i := range d.problem {
		d.problem[i].Object = name
	}
	if len(d.problem) > 0 {
		if w.budget >= 0 && d.readable(into) {
			d.translate(into, name)
		}
		return
	}
	// The walk gives every mistake its place; the library has the last word on what a document means.
	if err := convert(d.node, into); err != nil {
		d.problem = append(d.problem, Problem{Object: name, Message: err.Error()})
		return
	}
	d.translate(into, name)
}

// newObject finds the type of the document's kind.
func (d *document) newObject() Object {
	fail := func(n *yaml.Node, path, format string, args ...any) Object {
		d.problem = append(d.problem, Problem{Line: n.Line, Path: path, Message: fmt.Sprintf(format, args...)})
		return nil
	}
	if d.node.Kind != yaml.MappingNode {
		return fail(d.node, "", "must be an object with apiVersion, kind, metadata and spec")
	}
	version, kind := child(d.node, "apiVersion"), child(d.node, "kind")
	if text(kind) == "" {
		return fail(d.node, "kind", "is missing; known are %s", strings.Join(Kinds(), ", "))
	}
	object := New(text(kind))
	if !slices.Contains(Kinds(), text(kind)) {
		object = nil
	}
	switch {
	case object == nil && text(version) != APIVersion:
		return fail(kind, "kind", "%s of %q is not a kind of Salvor; known are %s, all of %s", text(kind), text(version), strings.Join(Kinds(), ", "), APIVersion)
	case object == nil:
		return fail(kind, "kind", "unknown kind %q; known are %s", text(kind), strings.Join(Kinds(), ", "))
	case version == nil:
		fail(d.node, "apiVersion", "is missing; write apiVersion: %s", APIVersion)
	case text(version) != APIVersion:
		fail(version, "apiVersion", "unknown version %q; the only one is %s", text(version), APIVersion)
	}
	return object
}

// convert fills the object from the node by way of JSON.
func convert(node *yaml.Node, into any) error {
	var tree any
	if err := node.Decode(&tree); err != nil {
		return fmt.Errorf("reading YAML: %w", err)
	}
	data, err := json.Marshal(tree)
	if err != nil {
		return fmt.Errorf("reading YAML: %w", err)
	}
	strict, err := kjson.UnmarshalStrict(data, into)
	return errors.Join(append(strict, err)...)
}

// readDocuments splits a source into documents. After a syntax error the rest of the source cannot be read.
func readDocuments(data []byte) ([]document, *Problem) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !utf8.Valid(data) {
		return nil, &Problem{Message: "must be UTF-8 text"}
	}
	// What looks like JSON but is not may still be YAML, which has braces too.
	if trimmed := bytes.TrimLeft(data, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '{' {
		if docs, err := readJSON(data); err == nil {
			return docs, nil
		}
	}
	return readYAML(data)
}

func readYAML(data []byte) ([]document, *Problem) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var docs []document
	for index := 1; ; index++ {
		var n yaml.Node
		err := dec.Decode(&n)
		switch {
		case errors.Is(err, io.EOF):
			return docs, nil
		case err != nil:
			return docs, yamlProblem(err)
		}
		if len(n.Content) == 0 {
			continue
		}
		if root := n.Content[0]; root.ShortTag() != "!!null" {
			docs = append(docs, document{index: index, node: root, lines: map[string]int{}})
		}
	}
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// yamlProblem takes the line out of a syntax error's text, where the library puts it.
func yamlProblem(err error) *Problem {
	s := err.Error()
	p := &Problem{Message: "not YAML: " + yamlLine.ReplaceAllString(s, "")}
	if m := yamlLine.FindStringSubmatch(s); m != nil && m[1] != "" {
		p.Line, _ = strconv.Atoi(m[1])
	}
	return p
}
