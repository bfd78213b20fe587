// Package schema holds the JSON Schema (https://json-schema.org, draft 2020-12) of all of Salvor's kinds, and explains
// it field by field.
//
// The schema is made from the types and comments of shared/salvor. It accepts whatever Salvor accepts, and refuses
// unknown fields, values of the wrong type, choices there are not, and required fields that are missing. Two ways to
// leave a field out that Salvor knows besides, null and an empty text, it refuses: an editor should show them.
package schema

import (
	"bytes"
	_ "embed" // the schema
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"salvor.io/salvor/shared/salvor"
)

//go:embed salvor.io_v1.json
var all []byte

// JSON is the schema of every kind. It chooses by the field kind.
func JSON() []byte { return bytes.Clone(all) }

// Kind is the schema of one kind alone. Invalid: there is no such kind.
func Kind(name string) ([]byte, error) {
	kind, err := salvor.ParseKind(name)
	if err != nil {
		return nil, err
	}
	var whole struct {
		Version string                     `json:"$schema"`
		Defs    map[string]json.RawMessage `json:"$defs"`
	}
	if err := json.Unmarshal(all, &whole); err != nil {
		return nil, fmt.Errorf("reading the schema: %w", err)
	}
	needed := map[string]json.RawMessage{}
	for todo := []string{kind}; len(todo) > 0; todo = todo[1:] {
		if needed[todo[0]] == nil {
			needed[todo[0]] = whole.Defs[todo[0]]
			todo = append(todo, refs(whole.Defs[todo[0]])...)
		}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err = enc.Encode(struct {
		Version string                     `json:"$schema"`
		Ref     string                     `json:"$ref"`
		Defs    map[string]json.RawMessage `json:"$defs"`
	}{whole.Version, prefix + kind, needed})
	return b.Bytes(), err
}

// prefix is how the schema refers to a type.
const prefix = "#/$defs/"

// refs are the types that a part of the schema refers to.
func refs(part json.RawMessage) []string {
	found := map[string]bool{}
	for _, after := range strings.Split(string(part), `"$ref": "`+prefix)[1:] {
		name, _, _ := strings.Cut(after, `"`)
		found[name] = true
	}
	return slices.Sorted(maps.Keys(found))
}

// node is a part of the schema, as far as it is explained.
type node struct {
	Ref              string       `json:"$ref"`
	Type             string       `json:"type"`
	Description      string       `json:"description"`
	Format           string       `json:"format"`
	Const            string       `json:"const"`
	Enum             []string     `json:"enum"`
	EnumDescriptions []string     `json:"enumDescriptions"`
	Default          any          `json:"default"`
	Examples         []string     `json:"examples"`
	Required         []string     `json:"required"`
	OneOf            []node       `json:"oneOf"`
	Properties       properties   `json:"properties"`
	Items            *node        `json:"items"`
	Values           *optional    `json:"additionalProperties"`
	Minimum          *json.Number `json:"minimum"`
	Maximum          *json.Number `json:"maximum"`
}

// optional is a schema, or false: no value is allowed.
type optional struct{ *node }

// UnmarshalJSON reads either.
func (o *optional) UnmarshalJSON(data []byte) error {
	if string(data) == "false" {
		return nil
	}
	return json.Unmarshal(data, &o.node)
}

// property is a field of an object.
type property struct {
	name string
	node *node
}

// properties are in the order of the types.
type properties []property

// UnmarshalJSON keeps the order.
func (p *properties) UnmarshalJSON(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	if _, err := dec.Token(); err != nil {
		return err
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		one := property{name: fmt.Sprint(name), node: &node{}}
		if err := dec.Decode(one.node); err != nil {
			return err
		}
		*p = append(*p, one)
	}
	return nil
}

// types are the definitions of the schema, by name.
var types = sync.OnceValue(func() map[string]*node {
	var whole struct {
		Defs map[string]*node `json:"$defs"`
	}
	if err := json.Unmarshal(all, &whole); err != nil {
		panic("reading the schema: " + err.Error()) // a test reads the same bytes
	}
	return whole.Defs
})
