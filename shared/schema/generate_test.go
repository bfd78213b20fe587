package schema_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/salvor"
)

// generate makes the schema of all kinds: their types as definitions, and at the root the choice by kind.
func generate(t *testing.T) []byte {
	t.Helper()
	words := readWords(t, "../salvor")
	r := jsonschema.Reflector{Anonymous: true, Mapper: words.special, LookupComment: words.describe}
	known := defaults(t)
	root := &jsonschema.Schema{
		Version: jsonschema.Version, Title: "Salvor", Description: "Objects of " + salvor.APIVersion + ": " + strings.Join(salvor.Kinds(), ", ") + ".",
		Type: "object", Definitions: jsonschema.Definitions{}, Properties: jsonschema.NewProperties(), Required: []string{"apiVersion", "kind"},
	}
	version := &jsonschema.Schema{Description: "The version of every object of Salvor.", Const: salvor.APIVersion}
	kind := &jsonschema.Schema{Description: "What the object is.", Extras: map[string]any{}}
	var meanings []string
	for _, k := range salvor.Kinds() {
		s := r.Reflect(salvor.New(k))
		for name, def := range s.Definitions {
			setDefaults(def, known[name])
			root.Definitions[name] = def
		}
		def := root.Definitions[k]
		def.Properties.Set("apiVersion", version)
		def.Properties.Set("kind", &jsonschema.Schema{Const: k})
		kind.Enum, meanings = append(kind.Enum, k), append(meanings, def.Description)
		is := jsonschema.NewProperties()
		is.Set("kind", &jsonschema.Schema{Const: k})
		root.AllOf = append(root.AllOf, &jsonschema.Schema{
			If: &jsonschema.Schema{Properties: is, Required: []string{"kind"}}, Then: &jsonschema.Schema{Ref: "#/$defs/" + k}})
	}
	kind.Extras["enumDescriptions"] = meanings
	root.Properties.Set("apiVersion", version)
	root.Properties.Set("kind", kind)
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(root); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func setDefaults(def *jsonschema.Schema, known map[string]any) {
	for name, property := range def.Properties.FromOldest() {
		if v, ok := known[name]; ok {
			property.Default = v
		}
	}
}

// What JSON writes as text and Go reads as something else. JSON Schema's own format "duration" is ISO 8601, which Go
// does not read. Times are in whole seconds, and have no leap second.
const (
	durationPattern = `^[-+]?(0|(([0-9]+([.][0-9]*)?|[.][0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$`
	quantityPattern = `^[-+]?([0-9]+([.][0-9]*)?|[.][0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][-+]?[0-9]+)?$`
	datePattern     = `^[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]`
	zonePattern     = `(Z|[-+]([01][0-9]|2[0-3]):[0-5][0-9])$`
)

// special makes the schemas of types that are not what they look like, and of those that have a few values only.
func (w *words) special(t reflect.Type) *jsonschema.Schema {
	text := func(format, pattern, message string, examples ...any) *jsonschema.Schema {
		return &jsonschema.Schema{Type: "string", Format: format, Pattern: pattern, Examples: examples, Extras: map[string]any{"patternErrorMessage": message}}
	}
	switch t {
	case reflect.TypeFor[metav1.Duration]():
		return text("", durationPattern, "must be a duration such as 90s, 10m or 4h30m", "90s", "10m", "4h30m")
	case reflect.TypeFor[resource.Quantity]():
		return text("", quantityPattern, "must be a quantity such as 500Mi or 10Gi", "500Mi", "10Gi")
	case reflect.TypeFor[metav1.Time]():
		return text("date-time", datePattern+zonePattern, "must be a time in whole seconds such as 2026-11-20T02:00:00Z", "2026-11-20T02:00:00Z", "2026-11-20T03:00:00+01:00")
	case reflect.TypeFor[metav1.MicroTime]():
		return text("date-time", datePattern+`[.][0-9]{6}`+zonePattern, "must be a time with microseconds such as 2026-11-20T02:00:00.000000Z", "2026-11-20T02:00:00.000000Z")
	case reflect.TypeFor[metav1.LabelSelectorOperator]():
		return &jsonschema.Schema{Type: "string", Enum: []any{metav1.LabelSelectorOpIn, metav1.LabelSelectorOpNotIn, metav1.LabelSelectorOpExists, metav1.LabelSelectorOpDoesNotExist}}
	}
	choices := w.choices[t.Name()]
	if t.PkgPath() != wordsPackage || len(choices) == 0 {
		return nil
	}
	s := &jsonschema.Schema{Type: "string"}
	var meanings []string
	for _, c := range choices {
		s.Enum, meanings = append(s.Enum, c.value), append(meanings, c.meaning)
	}
	s.Extras = map[string]any{"enumDescriptions": meanings}
	return s
}
