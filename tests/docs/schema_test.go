package docs_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/schema"
)

// Every example of a Salvor object, in a page or in a file of its own, is accepted by the schema for editors, and there is
// one of each kind.
func TestExamplesFitTheSchema(t *testing.T) {
	texts := map[string]string{"tests/demo/rules.yaml": read(t, "tests/demo/rules.yaml")}
	for name, page := range pages(t) {
		for i, b := range blocks(page) {
			if b.info == "yaml" || b.info == "json" {
				texts[name+strings.Repeat("'", i)] = b.text
			}
		}
	}
	files, err := filepath.Glob(filepath.Join(root, "docs/examples/*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := "docs/examples/" + filepath.Base(file)
		texts[name] = read(t, name)
	}
	s, kinds := compile(t), map[string]int{}
	for name, text := range texts {
		if !strings.Contains(text, "apiVersion: "+salvor.APIVersion) {
			continue
		}
		for _, document := range documents(t, name, text) {
			kind := document.(map[string]any)["kind"].(string)
			kinds[kind]++
			if err := s.Validate(document); err != nil {
				t.Errorf("%s: a %s does not fit the schema: %v", strings.TrimRight(name, "'"), kind, err)
			}
		}
	}
	for _, kind := range salvor.Kinds() {
		if kinds[kind] == 0 {
			t.Errorf("no example of a %s was found", kind)
		}
	}
}

// The file of examples is one that Salvor takes too.
func TestExampleObjectsAreValid(t *testing.T) {
	const name = "docs/examples/objects.yaml"
	if _, err := salvor.Load([]byte(read(t, name)), name); err != nil {
		t.Error(err)
	}
}

func compile(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema.JSON()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("salvor.json", doc); err != nil {
		t.Fatal(err)
	}
	return c.MustCompile("salvor.json")
}

// documents reads YAML as editors do: a date is text.
func documents(t *testing.T, name, text string) (list []any) {
	t.Helper()
	for dec := yaml.NewDecoder(strings.NewReader(text)); ; {
		var n yaml.Node
		err := dec.Decode(&n)
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		datesAreText(&n)
		var v any
		if err := n.Decode(&v); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		list = append(list, document)
	}
}

func datesAreText(n *yaml.Node) {
	if n.ShortTag() == "!!timestamp" {
		n.Tag = "!!str"
	}
	for _, c := range n.Content {
		datesAreText(c)
	}
}
