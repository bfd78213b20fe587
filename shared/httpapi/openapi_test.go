package httpapi_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"salvor.io/salvor/shared/schema"
	"salvor.io/salvor/tests/openapi"
)

var update = flag.Bool("update", false, "write infra/openapi.yaml and docs/api.md anew")

const (
	apiFile = "../../infra/openapi.yaml"
	apiDocs = "../../docs/api.md"
	mark    = "    # From here on made from the types, by go test ./shared/httpapi -update.\n"
)

// The schemas of objects are those of shared/schema, in the words of OpenAPI 3.0.
func TestObjectsAreDescribedAsTheirTypesAre(t *testing.T) {
	var whole struct {
		Defs map[string]any `json:"$defs"`
	}
	if err := json.Unmarshal(schema.JSON(), &whole); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(openAPI(whole.Defs)); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(apiFile)
	if err != nil {
		t.Fatal(err)
	}
	head, _, ok := strings.Cut(string(data), mark)
	if !ok {
		t.Fatalf("%s has no line %q", apiFile, mark)
	}
	want := head + mark + "    " + strings.ReplaceAll(strings.TrimSpace(b.String()), "\n", "\n    ") + "\n"
	fresh(t, apiFile, string(data), want)
}

func fresh(t *testing.T, path, got, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != want {
		t.Errorf("%s is not up to date; go test ./shared/httpapi -update writes it: %s", path, cmp.Diff(got, want))
	}
}

// openAPI leaves out what OpenAPI 3.0 does not know, and says const as enum.
func openAPI(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = openAPI(v[i])
		}
	case map[string]any:
		_, isSchema := v["type"]
		if c, ok := v["const"].(string); ok {
			delete(v, "const")
			v["type"], v["enum"] = "string", []any{c}
			isSchema = true
		}
		if isSchema {
			for _, unknown := range []string{"examples", "enumDescriptions", "patternErrorMessage"} {
				delete(v, unknown)
			}
		}
		if ref, ok := v["$ref"].(string); ok {
			return map[string]any{"$ref": strings.Replace(ref, "#/$defs/", "#/components/schemas/", 1)}
		}
		for name := range v {
			v[name] = openAPI(v[name])
		}
	}
	return v
}

// docs/api.md lists the operations.
func TestTheAPIIsDocumented(t *testing.T) {
	d, err := openapi.Load()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# The HTTP API\n\nMade from [infra/openapi.yaml](../infra/openapi.yaml), which also describes each field, by `go test ./shared/httpapi -update`.\n\n%s\n", d.Info.Description)
	for _, tag := range d.Tags {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| | | answers |\n|---|---|---|\n", tag.Name, tag.Description)
		for _, path := range slices.Sorted(slices.Values(d.Paths.InMatchingOrder())) {
			item := d.Paths.Value(path)
			for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
				o := item.GetOperation(method)
				if o == nil || !slices.Contains(o.Tags, tag.Name) {
					continue
				}
				var statuses, parameters []string
				for status := range o.Responses.Map() {
					if status != "default" {
						statuses = append(statuses, status)
					}
				}
				slices.Sort(statuses)
				for _, p := range o.Parameters {
					if p.Value.In == "query" {
						parameters = append(parameters, "`"+p.Value.Name+"`")
					}
				}
				text := o.Summary
				if o.Description != "" {
					text += ". " + strings.TrimSuffix(o.Description, ".")
				}
				if len(parameters) > 0 {
					text += "; parameters " + strings.Join(parameters, ", ")
				}
				fmt.Fprintf(&b, "| `%s %s` | %s | %s |\n", method, path, strings.ReplaceAll(text, "|", `\|`), strings.Join(statuses, ", "))
			}
		}
	}
	b.WriteString("\nEvery other answer is a problem: `{\"type\", \"title\", \"status\", \"detail\", \"hint\", \"code\", \"problems\"}`, of the type application/problem+json.\n")
	data, err := os.ReadFile(apiDocs)
	if err != nil && !*update {
		t.Fatal(err)
	}
	fresh(t, apiDocs, string(data), b.String())
}
