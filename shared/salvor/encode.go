package salvor

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Format is a notation of objects.
type Format string

// The formats.
const (
	// FormatYAML is one YAML document, without a separator before it.
	FormatYAML Format = "yaml"
	// FormatJSON is JSON, indented.
	FormatJSON Format = "json"
)

// Encode writes an object so that Decode reads the same one. The order is always that of the types'
// fields. A status that says nothing is left out. Times are written in UTC and
// whole seconds. Invalid: the format or the object's kind is unknown.
func Encode(o Object, f Format) ([]byte, error) {
	if New(o.GetKind()) == nil {
		return nil, Errorf(Invalid, "encoding %s: unknown kind %q", o.Meta().Name, o.GetKind())
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // commands have && and > in them
	enc.SetIndent("", "  ")
	if err := enc.Encode(o); err != nil {
		return nil, fmt.Errorf("encoding %s: %w", objectName(o.GetKind(), o.Meta().Name), err)
	}
	switch f {
	case FormatJSON:
		return b.Bytes(), nil
	case FormatYAML:
		return toYAML(b.Bytes())
	}
	return nil, Errorf(Invalid, "unknown format %q; known are yaml and json", f)
}

func toYAML(data []byte) ([]byte, error) {
	docs, err := readJSON(data)
	if err != nil {
		return nil, fmt.Errorf("encoding YAML: %w", err)
	}
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	for _, d := range docs {
		style(d.node)
		if err := enc.Encode(d.node); err != nil {
			return nil, fmt.Errorf("encoding YAML: %w", err)
		}
	}
	if err := enc.Close(); err != nil {
		return nil, fmt.Errorf("encoding YAML: %w", err)
	}
	return b.Bytes(), nil
}

var (
	// blockText is printable lines, the first without white space before it: the library writes blocks of others
	// so that it cannot read them.
	blockText = regexp.MustCompile(`^[^\s\pC\pZ]([^\n\r\t\pC\pZ]|[ \n])*$`)
	// ambiguous is text that the library writes plainly and that some reader of YAML takes for something else.
	ambiguous = regexp.MustCompile(`^(?i:y|n|yes|no|on|off|<<|=|[-+.]?[0-9][-+0-9._:]*)$`)
)

// style chooses how each text is written: what the library would not read back in the same way is put in quotes.
func style(n *yaml.Node) {
	for _, c := range n.Content {
		style(c)
	}
	if n.Tag != "!!str" {
		return
	}
	if strings.Contains(n.Value, "\n") && !blockText.MatchString(n.Value) || ambiguous.MatchString(n.Value) {
		n.Style = yaml.DoubleQuotedStyle
	}
}
