package schema

import (
	"regexp"
	"slices"
	"strings"

	"salvor.io/salvor/shared/salvor"
)

// Field is one field of a kind, or a kind itself, explained.
type Field struct {
	// Path from the kind, such as backup.spec.scope.
	Path string `json:"path"`
	// Name of the field; of a kind, its name.
	Name string `json:"name"`
	// Type as in string, []string, map[string]string or []SubRule.
	Type string `json:"type"`
	// Required fields have to be set.
	Required bool `json:"required,omitempty"`
	// Description is the sentences about the field, then those about its type where these say more.
	Description string `json:"description,omitempty"`
	// Default is what holds when the field is left out; nil when nothing does.
	Default any `json:"default,omitempty"`
	// Enum lists all values there are, in a list those of its elements.
	Enum []Choice `json:"enum,omitempty"`
	// Const is the only value there is.
	Const string `json:"const,omitempty"`
	// Format is date-time for a time as in RFC 3339.
	Format string `json:"format,omitempty"`
	// Examples show how values are written.
	Examples []string `json:"examples,omitempty"`
	// Minimum and Maximum of a number.
	Minimum string `json:"minimum,omitempty"`
	Maximum string `json:"maximum,omitempty"`
	// OneOf are fields of which exactly one has to be set.
	OneOf []string `json:"oneOf,omitempty"`
	// Fields below this one; of a list, those of its elements.
	Fields []Field `json:"fields,omitempty"`
}

// Choice is a value that a field can have.
type Choice struct {
	Value       string `json:"value"`
	Description string `json:"description,omitempty"`
}

// index is how messages and JSON paths name an element of a list or a map.
var index = regexp.MustCompile(`\[[^]]*\]`)

// Explain finds what a path means, such as backup, rule.spec.subRules or, as messages write it,
// rule.spec.subRules[0].actions. Below the fields of what it finds there are more only when all is asked for.
// Invalid: there is no such kind or field; the error names the wrong part and lists those there are.
func Explain(path string, all bool) (*Field, error) {
	parts := strings.Split(index.ReplaceAllString(strings.TrimSuffix(path, "."), ""), ".")
	kind, err := salvor.ParseKind(parts[0])
	if err != nil {
		return nil, err
	}
	at, n, required := parts[0], &node{Ref: prefix + kind}, false
	for _, name := range parts[1:] {
		object := n.object()
		i := slices.IndexFunc(object.Properties, func(p property) bool { return p.name == name })
		if i < 0 {
			return nil, unknown(at, name, n, object)
		}
		at, n, required = at+"."+name, object.Properties[i].node, slices.Contains(object.Required, name)
	}
	f := n.field(at, parts[len(parts)-1], required, 1, all)
	if len(parts) == 1 {
		f.Name = kind
	}
	return &f, nil
}

func unknown(at, name string, n, object *node) error {
	if len(object.Properties) == 0 {
		return salvor.Errorf(salvor.Invalid, "%s is <%s>: it has no field %q, nor any other", at, n.typeName(), name)
	}
	var names []string
	near := ""
	for _, p := range object.Properties {
		names = append(names, p.name)
		if strings.EqualFold(p.name, name) {
			near = "; upper and lower case are different"
		}
	}
	return salvor.Errorf(salvor.Invalid, "%s has no field %q%s", at, name, near).WithHint("it has %s", strings.Join(names, ", "))
}

// resolve follows a reference to a type.
func (n *node) resolve() *node {
	if n.Ref == "" {
		return n
	}
	return types()[strings.TrimPrefix(n.Ref, prefix)]
}

// object is what holds the fields: the node's own type, or that of the elements of a list or a map.
func (n *node) object() *node {
	n = n.resolve()
	switch {
	case n.Items != nil:
		return n.Items.object()
	case n.Values != nil && n.Values.node != nil:
		return n.Values.object()
	}
	return n
}

func (n *node) typeName() string {
	switch {
	case n.Ref != "":
		return strings.TrimPrefix(n.Ref, prefix)
	case n.Items != nil:
		return "[]" + n.Items.typeName()
	case n.Values != nil && n.Values.node != nil:
		return "map[string]" + n.Values.typeName()
	case n.Const != "":
		return "string"
	}
	return n.Type
}

// field explains the node and as many levels below it, or all.
func (n *node) field(path, name string, required bool, levels int, all bool) Field {
	object := n.object()
	f := Field{Path: path, Name: name, Type: n.typeName(), Required: required, Description: n.about(object),
		Default: n.Default, Const: n.Const, Format: n.Format, Examples: n.Examples, Enum: n.choices()}
	if n.Items != nil && n.Enum == nil {
		f.Enum = n.Items.choices()
	}
	if n.Minimum != nil {
		f.Minimum = n.Minimum.String()
	}
	if n.Maximum != nil {
		f.Maximum = n.Maximum.String()
	}
	for _, one := range object.OneOf {
		f.OneOf = append(f.OneOf, one.Required...)
	}
	if levels == 0 && !all {
		return f
	}
	for _, p := range object.Properties {
		f.Fields = append(f.Fields, p.node.field(path+"."+p.name, p.name, slices.Contains(object.Required, p.name), levels-1, all))
	}
	return f
}

// about is what is said of the field, then of its type.
func (n *node) about(object *node) string {
	if n.Description == "" || object == n {
		return object.Description
	}
	return strings.TrimSpace(n.Description + "\n" + object.Description)
}

func (n *node) choices() []Choice {
	var list []Choice
	for i, v := range n.Enum {
		c := Choice{Value: v}
		if i < len(n.EnumDescriptions) {
			c.Description = n.EnumDescriptions[i]
		}
		list = append(list, c)
	}
	return list
}
