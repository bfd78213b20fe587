package salvor

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxDepth is far deeper than any kind, and keeps a hostile document from using up the stack.
const maxDepth = 100

// jsonReader turns JSON into the nodes that YAML is read into, so that one check serves both. JSON is not quite a
// part of YAML: the reader of YAML refuses escaped surrogate pairs, for example.
type jsonReader struct {
	*json.Decoder
	newlines []int // offsets
}

func readJSON(data []byte) ([]document, error) {
	r := jsonReader{Decoder: json.NewDecoder(bytes.NewReader(data))}
	r.UseNumber()
	for i, b := range data {
		if b == '\n' {
			r.newlines = append(r.newlines, i)
		}
	}
	var docs []document
	for {
		n, err := r.node(0)
		if errors.Is(err, io.EOF) {
			return docs, nil
		}
		if err != nil {
			return nil, err
		}
		docs = append(docs, document{index: len(docs) + 1, node: n, lines: map[string]int{}})
	}
}

// node reads one value.
func (r *jsonReader) node(depth int) (*yaml.Node, error) {
	t, err := r.Token()
	if err != nil {
		return nil, err
	}
	n := &yaml.Node{Kind: yaml.ScalarNode, Line: 1 + sort.SearchInts(r.newlines, int(r.InputOffset()))}
	switch t := t.(type) {
	case json.Delim:
		return n, r.contents(n, t, depth+1)
	case string:
		n.Tag, n.Value = "!!str", t
	case bool:
		n.Tag, n.Value = "!!bool", fmt.Sprint(t)
	case json.Number:
		n.Tag, n.Value = "!!int", t.String()
		if strings.ContainsAny(n.Value, ".eE") {
			n.Tag = "!!float"
		}
	case nil:
		n.Tag, n.Value = "!!null", "null"
	}
	return n, nil
}

// contents reads what is between two brackets, and the closing one.
func (r *jsonReader) contents(n *yaml.Node, open json.Delim, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("reading JSON: deeper than %d levels", maxDepth)
	}
	n.Kind, n.Tag = yaml.MappingNode, "!!map"
	if open == '[' {
		n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
	}
	for r.More() {
		c, err := r.node(depth)
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		n.Content = append(n.Content, c)
	}
	if _, err := r.Token(); err != nil {
		return io.ErrUnexpectedEOF
	}
	return nil
}
