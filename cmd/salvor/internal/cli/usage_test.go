package cli_test

import (
	"strings"
	"testing"
)

func TestACommandLineThatIsWrongEndsWithTwo(t *testing.T) {
	s := newShell(t)
	s.settings()
	for args, why := range map[string]string{
		"bogus":                                      `unknown command "bogus"`,
		"backup create --bogus":                      "see salvor backup create --help",
		"backup create a b":                          "at most 1 arg",
		"backup create":                              "--namespaces 'shop-*'",
		"backup create -n [":                         "pattern",
		"backup create Not_A_Name -n shop":           "metadata.name",
		"backup create -n a -l a==b==c":              "--selector",
		"backup create -n a -l a>1":                  "use =, !=, in, notin",
		"backup create -n a --labels x":              "--labels",
		"backup create -n a --timeout -1h":           "timeout",
		"backup create -n a --consistency x":         "consistency",
		"backup create -n ,":                         "no pattern in it",
		"restore --as-of now -n ,":                   "no pattern in it",
		"completion tcsh":                            "unknown command",
		"get":                                        "requires at least 1 arg",
		"get things":                                 "known are clusters",
		"get rules -o picture":                       "choose of",
		"cluster add":                                "accepts 1 arg",
		"location add x":                             "--dir or --s3-bucket",
		"location add x --dir a --s3-bucket b":       "none of the others can be",
		"restore":                                    "name a backup",
		"restore b --as-of now":                      "doesn't go with",
		"restore --as-of now":                        "needs --namespaces",
		"restore --as-of soon -n a":                  "is not a date",
		"restore --as-of now -n a --on-conflict ask": "skip, update and fail",
		"restore --as-of now -n a --to-cluster nope": "",
		"version --log-level loud":                   "debug, info, warn and error",
		"verify":                                     "accepts 1 arg",
		"delete rule":                                "requires at least 2 arg",
	} {
		r := s.run(strings.Fields(args)...)
		if why == "" {
			continue
		}
		if r.code != 2 || !strings.Contains(r.stderr, why) || !strings.HasPrefix(r.stderr, "salvor: ") || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("salvor %s ended with %d: %s", args, r.code, r.stderr)
		}
	}
}

// What a variable of a script leaves empty means neither the only backup nor all of them.
func TestAnEmptyNameIsNoBackup(t *testing.T) {
	s := newShell(t)
	s.settings()
	s.stored("b1", noon)
	for _, args := range [][]string{{"delete", "backup", "", "--yes"}, {"delete", "backup", "backup/", "--yes"}, {"restore", "", "--yes"}, {"verify", ""}, {"describe", "backup", ""},
		{"get", "backup", ""}, {"hold", "", "--reason", "x"}, {"cancel", "backup", ""}, {"backups", "--name", ""}, {"backups", "--on", ""}, {"backups", "-n", ""}} {
		if r := s.run(args...); r.code != 2 || !strings.Contains(r.stderr, "empty") {
			t.Errorf("salvor %q ended with %d: %s%s", args, r.code, r.stdout, r.stderr)
		}
	}
	if got := s.must("backups", "-o", "name"); got != "backup/prod/b1\n" {
		t.Errorf("there is %q", got)
	}
}

func TestHelpListsTheExitCodes(t *testing.T) {
	s := newShell(t)
	for _, args := range [][]string{nil, {"--help"}, {"help"}} {
		got := s.must(args...)
		for _, want := range []string{"\n    0  done\n", "\n    2  ", "\n    5  done in part", "\n  130  interrupted"} {
			if !strings.Contains(got, want) {
				t.Errorf("salvor %v does not say %q", args, want)
			}
		}
	}
	if got := s.must("backup"); !strings.Contains(got, "salvor backup create") && !strings.Contains(got, "create ") {
		t.Errorf("salvor backup shows %s", got)
	}
}

func TestVersion(t *testing.T) {
	s := newShell(t)
	if got := s.must("version"); !strings.HasPrefix(got, "salvor v0.0.0-test (go") {
		t.Errorf("it says %q", got)
	}
	if got := s.must("version", "-o", "json"); !strings.Contains(got, `"formatVersion": 1`) {
		t.Errorf("it says %q", got)
	}
}

func TestShellsCompleteNames(t *testing.T) {
	s := newShell(t)
	if got := s.must("__complete", "verify", ""); strings.Contains(got, "b1") {
		t.Error("a backup is there before there is a home")
	}
	s.settings()
	s.stdin = freeze
	s.must("apply", "-f", "-")
	s.stored("b1", noon)
	for args, want := range map[string]string{
		"verify|":                        "b1\tCompleted 2026-11-22 13:00:00 CET\n",
		"restore|b":                      "b1\t",
		"restore|prod/":                  "prod/b1\tCompleted",
		"verify|prod/b":                  "prod/b1\t",
		"get|":                           "backuplocations\n",
		"get|th":                         "thaws\n",
		"get|rules|":                     "freeze\n",
		"get|rule|fr":                    "freeze\n",
		"backup|create|--cluster|":       "prod\n",
		"backup|create|--pre-exec-rule|": "freeze\n",
		"backups|--phase|":               "PartiallyFailed\n",
		"restore|--on-conflict|":         "update\n",
		"get|rules|-o|":                  "yaml\n",
		"completion|":                    "fish\t",
	} {
		if got := s.must(append([]string{"__complete"}, strings.Split(args, "|")...)...); !strings.Contains(got, want) {
			t.Errorf("%s completes to %q, want %q", args, got, want)
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if got := s.must("completion", shell); !strings.Contains(got, "salvor") {
			t.Errorf("no completion for %s", shell)
		}
	}
}
