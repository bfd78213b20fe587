package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/shared/schema"
)

func TestExplainPrintsAField(t *testing.T) {
	s := newShell(t)
	want := `KIND:     BackupLocation
VERSION:  salvor.io/v1
FIELD:    objectLock <ObjectLock>

DESCRIPTION:
    objectLock keeps every object from being deleted or replaced for a time.
    ObjectLock is how long an object stays locked, and how firmly.

FIELDS:
  mode <string> -required-
    enum: Governance, Compliance
    mode says who can lift the lock.

  days <integer> -required-
    days from the last backup that uses the object, 1 to 36500; a lock may last
    a day longer.

`
	if diff := cmp.Diff(want, s.must("explain", "location.spec.s3.objectLock")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for args, parts := range map[string][]string{
		"backup.spec.consistency": {"\nDEFAULT:\n    BestEffort\n", "\nENUM:\n    BestEffort: reads ", "\n    Strict: fails the backup instead.\n"},
		"cluster.spec":            {"\nEXACTLY ONE OF:\n    eks, kubeconfig\n"},
		"backup --recursive":      {"\n  spec <BackupSpec> -required-\n    cluster <string>\n", "\n      namespaces <[]string>\n"},
		"policy.spec.retention":   {"last <integer>"},
		"cluster.apiVersion":      {"\nVALUE:\n    salvor.io/v1\n"},
		"restore.spec.asOf":       {"\nFORMAT:\n    date-time\n", "\nEXAMPLES:\n    2026-11-20T02:00:00Z"},
	} {
		got := s.must(append([]string{"explain"}, strings.Fields(args)...)...)
		for _, part := range parts {
			if !strings.Contains(got, part) {
				t.Errorf("salvor explain %s does not say %q:\n%s", args, part, got)
			}
		}
		for line := range strings.Lines(got) {
			if len([]rune(line)) > 81 {
				t.Errorf("salvor explain %s has a long line: %s", args, line)
			}
		}
	}
	if _, err := os.Stat(s.env["SALVOR_HOME"]); err == nil {
		t.Error("explain made a home")
	}
}

func TestExplainPrintsJSON(t *testing.T) {
	s := newShell(t)
	var got schema.Field
	if err := json.Unmarshal([]byte(s.must("explain", "backup.spec.scope", "-o", "json")), &got); err != nil {
		t.Fatal(err)
	}
	if got.Type != "Scope" || !got.Required || len(got.Fields) < 7 || got.Fields[2].Fields != nil {
		t.Errorf("it says %+v", got)
	}
	if err := json.Unmarshal([]byte(s.must("explain", "backup.spec.scope", "-o", "json", "--recursive")), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Fields[2].Fields) != 2 {
		t.Errorf("with --recursive it says %+v", got)
	}
}

func TestExplainCompletesPaths(t *testing.T) {
	s := newShell(t)
	for prefix, want := range map[string]string{
		"":                     "backup\n",
		"backup.":              "backup.spec\t",
		"backup.spec.sc":       "backup.spec.scope\tscope says what to take.\n",
		"rule.spec.subRules.a": "rule.spec.subRules.actions\t",
		"backup.nothing.":      ":6\n",
	} {
		got := s.must("__complete", "explain", prefix)
		if !strings.Contains(got, want) || strings.Contains(got, "backup.spec.timeout") {
			t.Errorf("%q completes to %s", prefix, got)
		}
	}
}

func TestExplainAndSchemaRefuse(t *testing.T) {
	s := newShell(t)
	for args, want := range map[string]string{
		"explain":                   "accepts 1 arg",
		"explain pods":              "known are clusters",
		"explain backup.spec.scop":  `backup.spec has no field "scop"; it has cluster, location, scope,`,
		"explain backup -o picture": "choose of text, json",
		"schema pods":               "known are clusters",
		"schema a b":                "at most 1 arg",
	} {
		if r := s.run(strings.Fields(args)...); r.code != 2 || !strings.Contains(r.stderr, want) {
			t.Errorf("salvor %s ended with %d: %s", args, r.code, r.stderr)
		}
	}
}

func TestSchemaIsPrintedAndInstalled(t *testing.T) {
	s := newShell(t)
	if got := s.must("schema"); got != string(schema.JSON()) {
		t.Error("salvor schema prints something else than the schema")
	}
	one, err := schema.Kind("rule")
	if err != nil {
		t.Fatal(err)
	}
	if got := s.must("schema", "rule"); got != string(one) {
		t.Error("salvor schema rule prints something else than the schema of a Rule")
	}
	for range 2 { // a second time brings it up to date
		for args, name := range map[string]string{"schema --install": "salvor.io_v1.json", "schema policy --install": "salvor.io_v1_schedulepolicy.json"} {
			path := filepath.Join(s.env["SALVOR_HOME"], "schema", name)
			if got := s.must(strings.Fields(args)...); got != "# yaml-language-server: $schema="+path+"\n" {
				t.Errorf("it prints %q", got)
			}
			if data, err := os.ReadFile(path); err != nil || !json.Valid(data) {
				t.Errorf("what it wrote: %v", err)
			}
		}
	}
	s.settings() // a home is made around it
}
