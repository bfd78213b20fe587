package docs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/shared/archive"
	"salvor.io/salvor/shared/backup"
	"salvor.io/salvor/shared/closure"
	"salvor.io/salvor/shared/repository"
	"salvor.io/salvor/shared/restore"
	"salvor.io/salvor/shared/rule"
	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/selection"
	"salvor.io/salvor/shared/transform"
)

// tables are the generated parts, by the page and the name that their marker has there.
func tables() map[string]map[string]string {
	return map[string]map[string]string{
		"docs/selection.md": {
			"kinds":     exclusions(selection.Exclusions()),
			"objects":   exclusions(selection.ObjectExclusions()),
			"relations": relations(closure.Notes()),
		},
		"docs/restore.md": {
			"removals": notes(transform.Removals(), true),
			"skips":    notes(transform.Skips(), false),
			"mapped":   mapped(transform.Mapped()),
			"order":    order(restore.Order()),
		},
	}
}

func exclusions(list []selection.Exclusion) string {
	var b strings.Builder
	b.WriteString("| kind | why |\n|---|---|\n")
	for _, e := range list {
		fmt.Fprintf(&b, "| `%s` | %s |\n", e.Kind, e.Reason)
	}
	return b.String()
}

func relations(list []closure.Note) string {
	var b strings.Builder
	b.WriteString("| kind | needs | comes with |\n|---|---|---|\n")
	for _, n := range list {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", n.Kind, n.Needs, n.With)
	}
	return b.String()
}

func notes(list []transform.Note, paths bool) string {
	var b strings.Builder
	b.WriteString(map[bool]string{true: "| kind | what | why |\n|---|---|---|\n", false: "| kind | why |\n|---|---|\n"}[paths])
	for _, n := range list {
		kind := "every kind"
		if n.Kind != "" {
			kind = "`" + n.Kind + "`"
		}
		if paths {
			kind += " | `" + n.Path + "`"
			if n.Partly {
				kind += " \\*"
			}
		}
		fmt.Fprintf(&b, "| %s | %s |\n", kind, n.Reason)
	}
	return b.String()
}

func mapped(list []transform.Note) string {
	var b strings.Builder
	b.WriteString("| kind | where |\n|---|---|\n")
	for _, n := range list {
		fmt.Fprintf(&b, "| `%s` | `%s` |\n", n.Kind, n.Path)
	}
	return b.String()
}

func order(list []restore.Stage) string {
	var b strings.Builder
	b.WriteString("| | stage | kinds |\n|---|---|---|\n")
	for i, s := range list {
		kinds := "`" + strings.Join(s.Kinds, "`, `") + "`"
		if len(s.Kinds) == 0 {
			kinds = map[string]string{
				"classes":          "what else is built in and has no namespace",
				"custom resources": "every kind that is not built in",
				"the rest":         "what else is built in and has a namespace",
				"admission":        "webhooks, admission policies and their bindings",
			}[s.Name]
		}
		fmt.Fprintf(&b, "| %d | %s | %s |\n", i+1, s.Name, kinds)
	}
	return b.String()
}

// The tables are those of the code; go test ./tests/docs -run Tables -update writes them anew.
func TestTablesAreThoseOfTheCode(t *testing.T) {
	for page, parts := range tables() {
		text := read(t, page)
		for name, want := range parts {
			marker := regexp.MustCompile(`(?s)(<!-- generated: ` + name + ` -->\n)(.*?)(<!-- end -->)`)
			found := marker.FindStringSubmatch(text)
			if found == nil {
				t.Errorf("%s has no part <!-- generated: %s -->", page, name)
				continue
			}
			if diff := cmp.Diff(found[2], want); diff != "" && !*update {
				t.Errorf("%s, %s: run go test ./tests/docs -run Tables -update (-page +code):\n%s", page, name, diff)
			}
			text = strings.Replace(text, found[0], found[1]+want+found[3], 1)
		}
		if *update {
			if err := os.WriteFile(filepath.Join(root, page), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Every field that is stored is explained, or at least named, in docs/format.md or the pages that it points to.
func TestEveryStoredFieldIsExplained(t *testing.T) {
	format, rules := read(t, "docs/format.md"), read(t, "docs/rules.md")
	for page, types := range map[*string][]any{
		&format: {repository.Owner{}, archive.Manifest{}, archive.Segment{}, archive.Kind{}, archive.Exception{}, archive.Excluded{},
			archive.Totals{}, backup.Report{}, backup.Reference{}, backup.ScopeObject{}, backup.StepTiming{}, salvor.Failure{}, salvor.ObjectOutcome{}},
		&rules: {rule.Report{}, rule.SubRuleReport{}, rule.ActionReport{}, rule.PodResult{}, salvor.RuleSpec{}, salvor.SubRule{}, salvor.Action{}},
	} {
		for _, v := range types {
			for _, field := range fields(reflect.TypeOf(v)) {
				if !regexp.MustCompile("\\b" + field + "\\b").MatchString(*page) {
					t.Errorf("field %s of %T is not explained", field, v)
				}
			}
		}
	}
}

// fields are the names of a struct's fields in JSON.
func fields(s reflect.Type) []string {
	var names []string
	for i := range s.NumField() {
		f := s.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			names = append(names, fields(f.Type)...)
		case name != "-" && name != "":
			names = append(names, name)
		}
	}
	return names
}

// The table of steps in docs/how-it-works.md is complete and in order.
func TestStepsAreThoseOfTheEngine(t *testing.T) {
	var want []string
	for _, s := range backup.Steps() {
		want = append(want, string(s))
	}
	var got []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\| ").FindAllStringSubmatch(read(t, "docs/how-it-works.md"), -1) {
		got = append(got, m[1])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("steps (-engine +page):\n%s", diff)
	}
}
