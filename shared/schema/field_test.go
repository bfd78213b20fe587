package schema_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/schema"
)

func TestExplain(t *testing.T) {
	for _, c := range []struct {
		why, path string
		want      schema.Field
	}{
		{"a choice with a default", "restore.spec.conflict", schema.Field{Path: "restore.spec.conflict", Name: "conflict", Type: "string", Default: "Skip",
			Enum: []schema.Choice{{Value: "Skip"}, {Value: "Update"}, {Value: "Fail"}}}},
		{"a duration with a default", "bk.spec.timeout", schema.Field{Path: "bk.spec.timeout", Name: "timeout", Type: "string", Default: "4h", Examples: []string{"90s", "10m", "4h30m"}}},
		{"a time", "restore.spec.asOf", schema.Field{Path: "restore.spec.asOf", Name: "asOf", Type: "string", Format: "date-time",
			Examples: []string{"2026-11-20T02:00:00Z", "2026-11-20T03:00:00+01:00"}}},
		{"a required number within bounds", "location.spec.s3.objectLock.days", schema.Field{Path: "location.spec.s3.objectLock.days", Name: "days", Type: "integer",
			Required: true, Minimum: "1", Maximum: "36500"}},
		{"a map", "cluster.metadata.labels", schema.Field{Path: "cluster.metadata.labels", Name: "labels", Type: "map[string]string"}},
		{"a map's value, as messages name it", "cluster.metadata.labels[app]", schema.Field{Path: "cluster.metadata.labels", Name: "labels", Type: "map[string]string"}},
		{"fields of which one is wanted", "backuplocation.spec", schema.Field{Path: "backuplocation.spec", Name: "spec", Type: "BackupLocationSpec", Required: true,
			OneOf: []string{"s3", "directory"}, Fields: []schema.Field{
				{Path: "backuplocation.spec.s3", Name: "s3", Type: "S3Location"}, {Path: "backuplocation.spec.directory", Name: "directory", Type: "DirectoryLocation"}}}},
		{"the choices of a list's elements", "policy.spec.weekly", schema.Field{Path: "policy.spec.weekly", Name: "weekly", Type: "WeeklyPolicy", Fields: []schema.Field{
			{Path: "policy.spec.weekly.every", Name: "every", Type: "integer", Minimum: "0", Maximum: "52"},
			{Path: "policy.spec.weekly.days", Name: "days", Type: "[]string", Required: true, Enum: []schema.Choice{{Value: "Monday"}, {Value: "Tuesday"},
				{Value: "Wednesday"}, {Value: "Thursday"}, {Value: "Friday"}, {Value: "Saturday"}, {Value: "Sunday"}}},
			{Path: "policy.spec.weekly.times", Name: "times", Type: "[]string", Required: true}}}},
		{"a list of objects, by an index", "rules.spec.subRules[0].podSelectors[1].", schema.Field{Path: "rules.spec.subRules.podSelectors", Name: "podSelectors", Type: "[]LabelSelector", Required: true,
			Fields: []schema.Field{{Path: "rules.spec.subRules.podSelectors.matchLabels", Name: "matchLabels", Type: "map[string]string"},
				{Path: "rules.spec.subRules.podSelectors.matchExpressions", Name: "matchExpressions", Type: "[]LabelSelectorRequirement"}}}},
	} {
		got, err := schema.Explain(c.path, false)
		if err != nil {
			t.Errorf("%s: %v", c.why, err)
			continue
		}
		if diff := cmp.Diff(&c.want, got, cmpopts.IgnoreFields(schema.Field{}, "Description"), cmpopts.IgnoreFields(schema.Choice{}, "Description")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.why, diff)
		}
	}
}

// Every field says what it means, and every choice what comes of it.
func TestEveryFieldIsExplained(t *testing.T) {
	for _, kind := range salvor.Kinds() {
		f, err := schema.Explain(kind, true)
		if err != nil {
			t.Fatal(err)
		}
		if f.Name != kind || len(f.Fields) < 4 {
			t.Errorf("%s is explained as %s of %d fields", kind, f.Name, len(f.Fields))
		}
		explained(t, *f)
	}
}

func explained(t *testing.T, f schema.Field) {
	t.Helper()
	if f.Description == "" && f.Const == "" {
		t.Errorf("%s has no description; write a comment at the field in shared/salvor", f.Path)
	}
	for _, c := range f.Enum {
		// Operators of selectors, days of the week and months need none.
		if c.Description == "" && !strings.HasSuffix(f.Path, ".operator") && !strings.HasSuffix(f.Path, ".days") && !strings.HasSuffix(f.Path, ".months") {
			t.Errorf("%s: %s has no description; write a comment at the constant in shared/salvor", f.Path, c.Value)
		}
	}
	for _, below := range f.Fields {
		explained(t, below)
	}
}

func TestExplainNamesTheWrongPart(t *testing.T) {
	for path, want := range map[string]string{
		"pods":                      `unknown kind "pods"; known are clusters,`,
		"":                          `unknown kind ""; known are clusters,`,
		"cluster.spec.EKS.arn":      `cluster.spec has no field "EKS"; upper and lower case are different; it has id, eks, kubeconfig`,
		"cluster.spec.eks.name":     `cluster.spec.eks has no field "name"; it has arn, roleARN, externalID`,
		"backup.spec.cluster.x":     `backup.spec.cluster is <string>: it has no field "x", nor any other`,
		"backup.metadata.labels.x":  `backup.metadata.labels is <map[string]string>: it has no field "x", nor any other`,
		"rule.spec.subRules[0].act": `rule.spec.subRules has no field "act"; it has name, podSelectors, onNoPods, actions`,
		"rule..spec":                `rule has no field ""; it has apiVersion, kind, metadata, spec`,
	} {
		_, err := schema.Explain(path, false)
		if !salvor.Is(err, salvor.Invalid) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("explain %s: %v, want %s", path, err, want)
		}
	}
}

func FuzzExplain(f *testing.F) {
	f.Add("backup.spec.scope")
	f.Add("rule.spec.subRules[0].actions[")
	f.Add("cluster.metadata.labels[a].b.")
	f.Fuzz(func(t *testing.T, path string) {
		got, err := schema.Explain(path, true)
		if (got == nil) != (err != nil) {
			t.Errorf("%q: %v, %v", path, got, err)
		}
	})
}

// The file names no field that explain would not show, and the other way round.
func TestExplainShowsTheWholeSchema(t *testing.T) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var whole struct {
		Defs map[string]struct{ Properties map[string]any } `json:"$defs"`
	}
	if err := json.Unmarshal(data, &whole); err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	var walk func(schema.Field)
	walk = func(f schema.Field) {
		typ := f.Type[strings.LastIndex(f.Type, "]")+1:]
		for _, below := range f.Fields {
			shown[typ+"."+below.Name] = true
			walk(below)
		}
	}
	for _, kind := range salvor.Kinds() {
		f, err := schema.Explain(kind, true)
		if err != nil {
			t.Fatal(err)
		}
		walk(*f)
	}
	for name, def := range whole.Defs {
		for field := range def.Properties {
			if !shown[name+"."+field] {
				t.Errorf("%s.%s is in the schema and not explained", name, field)
			}
			delete(shown, name+"."+field)
		}
	}
	if len(shown) > 0 {
		t.Errorf("explained and not in the schema: %v", shown)
	}
}
