package salvor

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// maxNodes bounds the work on one document: aliases can make a short one very large.
const maxNodes = 200_000

var (
	timeType      = reflect.TypeFor[metav1.Time]()
	microTimeType = reflect.TypeFor[metav1.MicroTime]()
	quantityType  = reflect.TypeFor[resource.Quantity]()
	durationType  = reflect.TypeFor[metav1.Duration]()
)

// walker compares a document with a type and notes every difference, with its line.
type walker struct {
	*document
	budget int
}

func (w *walker) fail(n *yaml.Node, path, format string, args ...any) {
	w.problem = append(w.problem, Problem{Line: n.Line, Path: path, Message: fmt.Sprintf(format, args...)})
}

// walk compares a value with the type it is for.
func (w *walker) walk(n *yaml.Node, t reflect.Type, path string) {
	if w.budget--; w.budget < 0 {
		if w.budget == -1 {
			w.fail(n, path, "the document is too large: more than %d values, counting each use of an alias", maxNodes)
		}
		return
	}
	line := n.Line
	n = resolve(n)
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!timestamp" {
		n.Tag = "!!str" // JSON knows no dates: one without quotes is the text it is written as
	}
	if _, ok := w.lines[path]; !ok {
		w.lines[path] = line
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null":
	case t == anyType:
		w.walkAny(n, path)
	case t == timeType:
		w.time(n, path, time.RFC3339, "2026-11-20T02:00:00Z or 2026-11-20T03:00:00+01:00")
	case t == microTimeType:
		w.time(n, path, metav1.RFC3339Micro, "2026-11-20T02:00:00.000000Z")
	case t == durationType:
		w.duration(n, path)
	case t == quantityType:
		w.quantity(n, path)
	case t.Kind() == reflect.Struct, t.Kind() == reflect.Map:
		w.mapping(n, t, path)
	case t.Kind() == reflect.Slice:
		w.sequence(n, t, path)
	default:
		w.scalar(n, t, path)
	}
}

func (w *walker) mapping(n *yaml.Node, t reflect.Type, path string) {
	if n.Kind != yaml.MappingNode {
		w.fail(n, path, "must be a mapping of names to values, is %s", describe(n))
		return
	}
	var fields []jsonField
	if t.Kind() == reflect.Struct {
		fields = jsonFields(t)
	}
	seen := map[string]int{}
	pairs := n.Content
	n.Content = nil // keys that can't be taken go, so that what remains can be read
	for i := 0; i+1 < len(pairs); i += 2 {
		key, value := pairs[i], pairs[i+1]
		if key.Kind != yaml.ScalarNode {
			w.fail(key, path, "a key must be plain text, is %s", describe(key))
			continue
		}
		if key.ShortTag() == "!!merge" {
			w.merge(value, t, path)
			n.Content = append(n.Content, key, value)
			continue
		}
		// A key is text, also where YAML would take it for a number: labels have such keys.
		key.Tag = "!!str"
		if first, ok := seen[key.Value]; ok {
			w.fail(key, memberPath(t, path, key.Value), "stands twice; the first is on line %d", first)
			continue
		}
		seen[key.Value] = key.Line
		n.Content = append(n.Content, key, value)
		w.member(key, value, t, fields, path)
	}
}

// merge checks the mapping, or the mappings, that << takes in.
func (w *walker) merge(n *yaml.Node, t reflect.Type, path string) {
	if n = resolve(n); n.Kind != yaml.SequenceNode {
		w.walk(n, t, path)
		return
	}
	for _, c := range n.Content {
		w.walk(c, t, path)
	}
}

func (w *walker) member(key, value *yaml.Node, t reflect.Type, fields []jsonField, path string) {
	p := memberPath(t, path, key.Value)
	if t.Kind() == reflect.Map {
		w.walk(value, t.Elem(), p)
		return
	}
	i := slices.IndexFunc(fields, func(f jsonField) bool { return f.name == key.Value })
	if i < 0 {
		var names []string
		for _, f := range fields {
			names = append(names, f.name)
		}
		w.fail(key, p, "unknown field; known here are %s", strings.Join(names, ", "))
		return
	}
	w.lines[p] = key.Line
	w.walk(value, fields[i].typ, p)
}

func (w *walker) sequence(n *yaml.Node, t reflect.Type, path string) {
	if n.Kind != yaml.SequenceNode {
		w.fail(n, path, "must be a list, is %s", describe(n))
		return
	}
	for i, c := range n.Content {
		w.walk(c, t.Elem(), fmt.Sprintf("%s[%d]", path, i))
	}
}

func (w *walker) scalar(n *yaml.Node, t reflect.Type, path string) {
	tag := n.ShortTag()
	switch t.Kind() {
	case reflect.String:
		if tag != "!!str" {
			hint := ""
			if n.Kind == yaml.ScalarNode {
				hint = "; put it in quotes"
			}
			w.fail(n, path, "must be text, is %s%s", describe(n), hint)
		}
	case reflect.Bool:
		if tag != "!!bool" {
			w.fail(n, path, "must be true or false, is %s", describe(n))
		}
	default:
		v := reflect.New(t)
		if tag != "!!int" || n.Decode(v.Interface()) != nil {
			w.fail(n, path, "must be a whole number, is %s", describe(n))
		}
	}
}

func (w *walker) time(n *yaml.Node, path, layout, example string) {
	t, err := time.Parse(layout, n.Value)
	switch {
	case n.ShortTag() != "!!str" || err != nil:
		w.fail(n, path, "must be a time such as %s, is %s", example, describe(n))
	case layout == time.RFC3339 && t.Nanosecond() != 0:
		w.fail(n, path, "must be a time in whole seconds, is %s", describe(n))
	case t.UTC().Year() < 1 || t.UTC().Year() > 9999:
		w.fail(n, path, "must be a time of the years 1 to 9999, is %s", describe(n))
	}
}

func (w *walker) duration(n *yaml.Node, path string) {
	s := n.Value
	if _, err := time.ParseDuration(s); err == nil && n.ShortTag() == "!!str" {
		return
	}
	hint := ""
	if days, err := strconv.Atoi(strings.TrimSuffix(s, "d")); err == nil && strings.HasSuffix(s, "d") && days < 100_000 {
		hint = fmt.Sprintf("; days are written in hours: %dh", days*24)
	}
	w.fail(n, path, "must be a duration such as 90s, 10m or 4h30m, is %s%s", describe(n), hint)
}

func (w *walker) quantity(n *yaml.Node, path string) {
	if _, err := resource.ParseQuantity(n.Value); err != nil {
		w.fail(n, path, "must be a quantity such as 500Mi or 10Gi, is %s", describe(n))
	} else if n.ShortTag() != "!!str" {
		w.fail(n, path, "must be text such as 10Gi, is %s; put it in quotes", describe(n))
	}
}

// describe names a value in a message. Long ones are cut.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	what := map[string]string{"!!str": "the text", "!!int": "the number", "!!float": "the number", "!!bool": "the truth value"}[n.ShortTag()]
	if what == "" {
		what = n.ShortTag()
	}
	const most = 40
	value := []rune(n.Value)
	if len(value) > most {
		value = append(value[:most], '…')
	}
	return fmt.Sprintf("%s %q", what, string(value))
}

// memberPath is the path of a field, or of a map's entry, in the notation of field.Path.
func memberPath(t reflect.Type, path, key string) string {
	switch {
	case t.Kind() == reflect.Map:
		return path + "[" + key + "]"
	case path == "":
		return key
	}
	return path + "." + key
}

// jsonField is a field as JSON names it.
type jsonField struct {
	name string
	typ  reflect.Type
}

// jsonFields lists the fields of a struct, those of embedded ones among them, in their order.
func jsonFields(t reflect.Type) []jsonField {
	var fields []jsonField
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			fields = append(fields, jsonFields(f.Type)...)
		case name != "-" && f.IsExported():
			fields = append(fields, jsonField{name, f.Type})
		}
	}
	return fields
}

// resolve follows an alias; one cannot refer to another.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// child is the value of a key in a mapping, or nil.
func child(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return resolve(n.Content[i+1])
		}
	}
	return nil
}

// text is the value of a scalar, or "".
func text(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" {
		return ""
	}
	return n.Value
}
