package schema_test

import (
	"bytes"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/schema"
)

// compile makes a validator of a schema; the validator's library checks the schema itself against that of its draft.
func compile(t testing.TB, data []byte) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("salvor.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("salvor.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func validate(t testing.TB, s *jsonschema.Schema, document []byte) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		t.Fatalf("%v\n%s", err, document)
	}
	return s.Validate(doc)
}

const rule = `{"apiVersion":"salvor.io/v1","kind":"Rule","metadata":{"name":"freeze"},"spec":{"subRules":[{"podSelectors":[{"matchLabels":{"app":"db"}}],"actions":[{"shell":"sync","timeout":"90s"}]}]}}`

// What the strict decoder refuses, the schema refuses too, and what Load accepts, it accepts.
func TestTheSchemaRefusesWhatTheDecoderRefuses(t *testing.T) {
	s := compile(t, schema.JSON())
	for _, c := range []struct {
		why, old, new string
		refused       bool
	}{
		{"as it should be", "", "", false},
		{"a duration in parts", `"90s"`, `"1h30m0.5s"`, false},
		{"a duration without a unit", `"90s"`, `"90"`, true},
		{"a duration in days", `"90s"`, `"30d"`, true},
		{"a duration as ISO 8601 has it", `"90s"`, `"PT90S"`, true},
		{"a number for a duration", `"90s"`, `90`, true},
		{"an unknown field", `"timeout"`, `"timeuot"`, true},
		{"an unknown field at the top", `"spec"`, `"extra":1,"spec"`, true},
		{"another case", `"subRules"`, `"subrules"`, true},
		{"an unknown kind", `"Rule"`, `"Rul"`, true},
		{"the fields of another kind", `"Rule"`, `"Cluster"`, true},
		{"no kind", `"kind":"Rule",`, ``, true},
		{"an unknown version", `salvor.io/v1`, `salvor.io/v2`, true},
		{"no version", `"apiVersion":"salvor.io/v1",`, ``, true},
		{"a name that is none", `"freeze"`, `"Freeze_it"`, true},
		{"no name", `"name":"freeze"`, ``, true},
		{"a list for text", `"sync"`, `["sync"]`, true},
		{"text for a list", `[{"shell":"sync","timeout":"90s"}]`, `"sync"`, true},
		{"a label that is no text", `"app":"db"`, `"app":true`, true},
		{"a choice there is not", `"actions"`, `"onNoPods":"Ignore","actions"`, true},
		{"a choice there is", `"actions"`, `"onNoPods":"Fail","actions"`, false},
		{"no actions", `,"actions":[{"shell":"sync","timeout":"90s"}]`, ``, true},
		{"two of which one is wanted", `"shell":"sync"`, `"shell":"sync","command":["sync"]`, true},
		{"none of which one is wanted", `"shell":"sync",`, ``, true},
		{"an empty selector", `{"matchLabels":{"app":"db"}}`, `{}`, false},
		{"a selector with an operator there is not", `"matchLabels":{"app":"db"}`, `"matchExpressions":[{"key":"a","operator":"Is"}]`, true},
		{"a list instead of an object", rule, `[]`, true},
	} {
		document := []byte(rule)
		if c.old != "" {
			document = bytes.Replace(document, []byte(c.old), []byte(c.new), 1)
			if string(document) == rule {
				t.Fatalf("%s: nothing to replace", c.why)
			}
		}
		_, loadErr := salvor.Load(document, "")
		if err := validate(t, s, document); (err != nil) != c.refused || (loadErr != nil) != c.refused {
			t.Errorf("%s: the schema says %v, Load says %v\n%s", c.why, err, loadErr, document)
		}
	}
}

// A key without a value means to Salvor that it was left out. An editor shows it as a mistake: there is no telling
// whether its value was forgotten.
func TestTheSchemaRefusesKeysWithoutValue(t *testing.T) {
	s := compile(t, schema.JSON())
	for _, value := range []string{`null`, `""`} {
		document := bytes.Replace([]byte(rule), []byte(`"actions"`), []byte(`"onNoPods":`+value+`,"actions"`), 1)
		if _, err := salvor.Load(document, ""); err != nil {
			t.Errorf("Load refuses %s: %v", value, err)
		}
		if validate(t, s, document) == nil {
			t.Errorf("the schema accepts %s", value)
		}
	}
}

func TestASchemaOfOneKind(t *testing.T) {
	whole := compile(t, schema.JSON())
	for _, kind := range salvor.Kinds() {
		data, err := schema.Kind(salvor.Plural(kind))
		if err != nil {
			t.Fatal(err)
		}
		if len(data) >= len(schema.JSON()) {
			t.Errorf("%s needs the whole schema", kind)
		}
		one := compile(t, data)
		accepted := validate(t, one, []byte(rule)) == nil
		if accepted != (kind == salvor.KindRule) || validate(t, whole, []byte(rule)) != nil {
			t.Errorf("the schema of %s accepts a Rule: %v", kind, accepted)
		}
	}
	if _, err := schema.Kind("pods"); !salvor.Is(err, salvor.Invalid) {
		t.Errorf("the schema of pods: %v", err)
	}
}
