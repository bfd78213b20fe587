// Package stack reads a CloudFormation template, as the local host of the tests deploys it: parameters, conditions and
// intrinsic functions are resolved, in long and in short form, with made-up physical names and ARNs.
//
// Only what the template uses is understood; anything else is an error, so that nothing is passed over in silence.
package stack

import (
	"fmt"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Options are what a deployment gives to a template.
type Options struct {
	Name, Region, Account string
	// Parameters differ from the template's defaults.
	Parameters map[string]string
}

// Stack is a template with its parameters.
type Stack struct {
	Options
	// Path is the template's file.
	Path       string
	Parameters map[string]Parameter
	Conditions map[string]any
	Resources  map[string]*Resource
	Outputs    map[string]any
	Globals    map[string]any

	values map[string]any
}

// Parameter is one that the template declares.
type Parameter struct {
	Type, Description string
	Default           any
	AllowedValues     []any
}

// Resource is one that the template declares; its properties are not resolved yet.
type Resource struct {
	Logical, Type, Condition, DeletionPolicy, UpdateReplacePolicy string
	Metadata, Properties                                          map[string]any
}

// Load reads the template.
func Load(path string, o Options) (*Stack, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the template: %w", err)
	}
	var root yaml.Node
	if err := yaml.Unmarshal(data, &root); err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	tree, err := decode(root.Content[0])
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	top := tree.(map[string]any)
	s := &Stack{Options: o, Path: path, Parameters: map[string]Parameter{}, Resources: map[string]*Resource{}, values: map[string]any{}}
	s.Conditions, _ = top["Conditions"].(map[string]any)
	s.Outputs, _ = top["Outputs"].(map[string]any)
	s.Globals, _ = top["Globals"].(map[string]any)
	parameters, _ := top["Parameters"].(map[string]any)
	for name, v := range parameters {
		s.declare(name, v.(map[string]any))
	}
	for name := range o.Parameters {
		if _, ok := s.Parameters[name]; !ok {
			return nil, fmt.Errorf("%s has no parameter %s", path, name)
		}
	}
	resources, _ := top["Resources"].(map[string]any)
	for name, v := range resources {
		s.Resources[name] = resource(name, v.(map[string]any))
	}
	return s, nil
}

func (s *Stack) declare(name string, v map[string]any) {
	p := Parameter{Type: text(v["Type"]), Description: text(v["Description"]), Default: v["Default"]}
	p.AllowedValues, _ = v["AllowedValues"].([]any)
	s.Parameters[name] = p
	value := p.Default
	if given, ok := s.Options.Parameters[name]; ok {
		value = given
	}
	if p.Type == "CommaDelimitedList" {
		list := []any{}
		for part := range strings.SplitSeq(text(value), ",") {
			list = append(list, strings.TrimSpace(part))
		}
		value = list
	}
	s.values[name] = value
}

func resource(name string, v map[string]any) *Resource {
	r := &Resource{Logical: name, Type: text(v["Type"]), Condition: text(v["Condition"]),
		DeletionPolicy: text(v["DeletionPolicy"]), UpdateReplacePolicy: text(v["UpdateReplacePolicy"])}
	r.Metadata, _ = v["Metadata"].(map[string]any)
	r.Properties, _ = v["Properties"].(map[string]any)
	return r
}

// text is a scalar as text, "" for none.
func text(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// decode turns YAML into values; !Ref and its like become what they are in long form.
func decode(n *yaml.Node) (any, error) {
	v, err := plain(n)
	if err != nil || !strings.HasPrefix(n.Tag, "!") || strings.HasPrefix(n.Tag, "!!") {
		return v, err
	}
	switch name := n.Tag[1:]; name {
	case "Ref", "Condition":
		return map[string]any{name: v}, nil
	case "GetAtt":
		if dotted, ok := v.(string); ok {
			logical, attribute, _ := strings.Cut(dotted, ".")
			v = []any{logical, attribute}
		}
		return map[string]any{"Fn::GetAtt": v}, nil
	default:
		return map[string]any{"Fn::" + name: v}, nil
	}
}

func plain(n *yaml.Node) (any, error) {
	switch n.Kind {
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i < len(n.Content); i += 2 {
			v, err := decode(n.Content[i+1])
			if err != nil {
				return nil, err
			}
			m[n.Content[i].Value] = v
		}
		return m, nil
	case yaml.SequenceNode:
		list := []any{}
		for _, c := range n.Content {
			v, err := decode(c)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	case yaml.ScalarNode:
		if strings.HasPrefix(n.Tag, "!!") {
			var v any
			err := n.Decode(&v)
			return v, err
		}
		return n.Value, nil
	}
	return nil, fmt.Errorf("line %d: CloudFormation takes no aliases", n.Line)
}
