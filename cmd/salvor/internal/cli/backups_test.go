package cli_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"salvor.io/salvor/shared/salvor"
)

// seeded makes a home with some backups around noon of 2026-11-22; the shell's zone is Berlin, an hour before UTC.
func seeded(t *testing.T) *shell {
	s := newShell(t)
	s.settings()
	s.seed("today", noon.Add(-time.Hour), salvor.PhaseCompleted)
	s.seed("late", time.Date(2026, 11, 21, 23, 30, 0, 5e8, time.UTC), salvor.PhaseCompleted)
	s.seed("partial", time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC), salvor.PhasePartiallyFailed, func(b *salvor.Backup) {
		b.Labels = map[string]string{"app": "shop"}
		b.Spec.Schedule = "nightly"
		b.Status.Namespaces = []string{"bank"}
		b.Status.Failures = []salvor.Failure{{Kind: "secrets", Objects: -1, Reason: "forbidden"}}
	})
	s.seed("old", time.Date(2026, 10, 1, 9, 0, 0, 0, time.UTC), salvor.PhaseFailed, func(b *salvor.Backup) {
		b.Status.ClusterID = "gone"
		b.Spec.Scope.LabelSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "shop"}}
	})
	return s
}

func TestSearchByDateAndMore(t *testing.T) {
	s := seeded(t)
	for name, c := range map[string]struct {
		args string
		want string
	}{
		"all, newest first":                        {"", "prod/today prod/late prod/partial gone/old"},
		"a day of the user's zone":                 {"--on 2026-11-22", "prod/today prod/late"},
		"the same day of another zone":             {"--on 2026-11-22 --zone UTC", "prod/today"},
		"yesterday":                                {"--on yesterday", "prod/partial"},
		"from a day on":                            {"--from 2026-11-21", "prod/today prod/late prod/partial"},
		"up to and with a day":                     {"--to 2026-11-21", "prod/partial gone/old"},
		"between two days, both included":          {"--between 2026-10-01..2026-11-21", "prod/partial gone/old"},
		"between two days in two words":            {"--between 2026-10-01 2026-11-21", "prod/partial gone/old"},
		"the oldest first":                         {"--sort date", "gone/old prod/partial prod/late prod/today"},
		"the oldest first, every page":             {"--sort date --all --limit 1", "gone/old prod/partial prod/late prod/today"},
		"by name":                                  {"--sort name", "prod/late gone/old prod/partial prod/today"},
		"by cluster, downwards":                    {"--sort -cluster", "prod/today prod/late prod/partial gone/old"},
		"an application":                           {"--app app=shop", "gone/old"},
		"the last day, by the clock":               {"--last 24h", "prod/today prod/late"},
		"as of the second that is printed":         {"--as-of 2026-11-22T00:30:00+01:00", "prod/late prod/partial gone/old"},
		"as of the second before":                  {"--as-of 2026-11-22T00:29:59+01:00", "prod/partial gone/old"},
		"as of a moment within the second":         {"--as-of 2026-11-21T23:30:00.4Z", "prod/partial gone/old"},
		"a namespace that it contains":             {"-n bank", "prod/partial"},
		"a schedule":                               {"--schedule nightly", "prod/partial"},
		"phases, in any case":                      {"--phase failed,partiallyfailed", "prod/partial gone/old"},
		"labels":                                   {"-l app=shop", "prod/partial"},
		"labels that are missing":                  {"-l app!=shop", "prod/today prod/late gone/old"},
		"a glob over the name":                     {"--name *a*", "prod/today prod/late prod/partial"},
		"a cluster by name":                        {"--cluster prod", "prod/today prod/late prod/partial"},
		"a cluster that no Cluster names any more": {"--cluster gone", "gone/old"},
		"all conditions together":                  {"--cluster prod --last 40d --phase Completed -n shop --name t*", "prod/today"},
		"every page":                               {"--all --limit 1", "prod/today prod/late prod/partial gone/old"},
	} {
		t.Run(name, func(t *testing.T) {
			out := s.must(append([]string{"backups", "-o", "name"}, strings.Fields(c.args)...)...)
			got := strings.ReplaceAll(strings.TrimSpace(strings.ReplaceAll(out, "backup/", "")), "\n", " ")
			if got != c.want {
				t.Errorf("salvor backups %s finds %s, want %s", c.args, got, c.want)
			}
		})
	}
}

func TestCalendarCountsDaysOfTheZone(t *testing.T) {
	s := seeded(t)
	r := s.run("backups", "--calendar", "--from", "2026-11-20")
	want := `DAY                BACKUPS   COMPLETED   PARTIALLYFAILED   FAILED   OTHER
2026-11-20   Fri   -         -           -                 -        -
2026-11-21   Sat   1         -           1                 -        -
2026-11-22   Sun   2         2           -                 -        -
`
	if diff := cmp.Diff(want, r.stdout); diff != "" || r.stderr != "3 backups on 3 days of Europe/Berlin\n" {
		t.Errorf("-want +got\n%s\n%s", diff, r.stderr)
	}
	var month struct {
		Zone string
		Days []struct {
			Date    string
			Backups int
		}
	}
	if err := json.Unmarshal([]byte(s.must("backups", "--calendar", "--zone", "UTC", "-n", "shop", "-o", "json")), &month); err != nil {
		t.Fatal(err)
	}
	if len(month.Days) != 30 || month.Zone != "UTC" || month.Days[20].Backups != 1 || month.Days[21].Backups != 1 {
		t.Errorf("got %+v", month)
	}
	if got := s.must("backups", "--calendar", "--zone", "UTC", "-o", "yaml"); !strings.HasPrefix(got, "days:\n- backups: 0\n") {
		t.Errorf("as YAML it prints\n%s", got)
	}
	if r := s.run("backups", "--calendar", "-o", "name"); r.code != 2 || r.stdout != "" {
		t.Errorf("by name it ended with %d: %s", r.code, r.stdout)
	}
	if r := s.run("backups", "--calendar", "--limit", "3"); r.code != 2 {
		t.Errorf("--calendar with --limit ended with %d: %s", r.code, r.stderr)
	}
}

func TestSearchPrintsTimesInTheZoneAskedFor(t *testing.T) {
	s := seeded(t)
	r := s.run("backups", "--on", "2026-11-22")
	want := `NAME    CLUSTER   DATE                      AGE   PHASE       OBJECTS   NAMESPACES
today   prod      2026-11-22 12:00:00 CET   60m   Completed   0         shop
late    prod      2026-11-22 00:30:00 CET   12h   Completed   0         shop
`
	if diff := cmp.Diff(want, r.stdout); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if want := "2 backups from 2026-11-22 00:00:00 CET until 2026-11-23 00:00:00 CET\n"; r.stderr != want {
		t.Errorf("it says %q, want %q", r.stderr, want)
	}
	if out := s.must("backups", "--zone", "Asia/Tokyo", "--name", "late"); !strings.Contains(out, "2026-11-22 08:30:00 JST") {
		t.Errorf("not in Tokyo's time:\n%s", out)
	}
	if out := s.must("backups", "--name", "late", "-o", "json"); !strings.Contains(out, `"cutAt": "2026-11-21T23:30:00.500000Z"`) {
		t.Errorf("JSON is not in UTC:\n%s", out)
	}
}

func TestSearchGoesOnAfterACursor(t *testing.T) {
	s := seeded(t)
	var names []string
	for cursor := ""; ; {
		var page struct {
			Items []salvor.Backup
			Next  string
		}
		if err := json.Unmarshal([]byte(s.must("backups", "--limit", "1", "-o", "json", "--cursor", cursor)), &page); err != nil {
			t.Fatal(err)
		}
		for _, b := range page.Items {
			names = append(names, b.Name)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if want := "[today late partial old]"; fmt.Sprint(names) != want {
		t.Errorf("page by page: %v, want %s", names, want)
	}
	for _, out := range []string{"table", "wide", "name", "yaml"} {
		if r := s.run("backups", "--limit", "1", "-o", out); !strings.Contains(r.stderr, "there are more: pass --all") {
			t.Errorf("-o %s: nothing says that there are more: %s", out, r.stderr)
		}
	}
}

// What is printed to go on with works although time has passed.
func TestASearchOfTheLastDaysGoesOn(t *testing.T) {
	s := seeded(t)
	s.now = s.now.Add(123456789)
	r := s.run("backups", "--last", "40d", "--limit", "1")
	_, hint, ok := strings.Cut(r.stderr, "the same search with ")
	if !ok {
		t.Fatalf("nothing says how to go on: %s", r.stderr)
	}
	s.now = s.now.Add(time.Minute)
	if got := s.must(append([]string{"backups", "--limit", "1", "-o", "name"}, strings.Fields(hint)...)...); got != "backup/prod/late\n" {
		t.Errorf("it goes on with %s", got)
	}
}

// Backups that do not contain the object hide none that do.
func TestASearchForAnObjectLooksBeyondTheFirstPage(t *testing.T) {
	s := newShell(t)
	s.settings()
	s.stored("with", noon.Add(-time.Hour))
	for i := range 3 {
		s.seed(fmt.Sprint("without-", i), noon.Add(time.Duration(i-10)*time.Minute), salvor.PhaseFailed)
	}
	for _, kind := range []string{"configmaps", "ConfigMap", "cm"} {
		if r := s.run("backups", "-n", "shop", "--last", "1d", "--contains", kind+"/c1", "--limit", "1", "-o", "name"); r.stdout != "backup/prod/with\n" {
			t.Errorf("found of %s are %s%s", kind, r.stdout, r.stderr)
		}
	}
	if r := s.run("backups", "-n", "shop", "--last", "1d", "--contains", "map/c1", "--limit", "1"); !strings.Contains(r.stderr, "--contains") {
		t.Errorf("of a kind that nobody has it says %s", r.stderr)
	}
}

func TestAnEmptySearchSaysHowToWidenIt(t *testing.T) {
	s := newShell(t)
	if r := s.run("backups"); r.code != 0 || !strings.Contains(r.stderr, "salvor backup create makes the first") {
		t.Errorf("ended with %d: %s", r.code, r.stderr)
	}
	r := s.run("backups", "--on", "today", "-n", "shop")
	if r.code != 0 || r.stdout != "" || !strings.Contains(r.stderr, "widen or leave out --namespace, the dates") {
		t.Errorf("ended with %d: %s%s", r.code, r.stdout, r.stderr)
	}
	if out := s.must("backups", "-o", "json"); !strings.Contains(out, `"items": []`) {
		t.Errorf("no list in JSON: %s", out)
	}
}

func TestSearchRefuses(t *testing.T) {
	s := seeded(t)
	for args, why := range map[string]string{
		"--on 3h":                          "is not a whole day",
		"--on someday":                     "is not a date",
		"--as-of tomorrow":                 `--as-of: "tomorrow" is not a date`,
		"--between tomorrow..today":        `--between: "tomorrow" is not a date`,
		"--between 2026-11-02..2026-11-01": "ends at 2026-11-01 23:59:59 CET, before it begins at 2026-11-02 00:00:00 CET",
		"--between 2026-11-01":             "no .. between",
		"--from today --to yesterday":      "before it begins",
		"--on today --last 3d":             "none of the others can be",
		"--zone Mars/Olympus":              "no zone",
		"--phase Done":                     "no phase",
		"-n shop-*":                        "full name",
		"--limit 0":                        "at least 1",
		"--limit 5000":                     "between 1 and 1000",
		"--cursor nonsense":                "cursor",
		"--selector a==b==c":               "selector",
		"extra":                            "unknown command",
		"--from 2026-02-30":                "not a date",
		"--as-of 2026-11-01 --to today":    "none of the others can be",
		"-o picture":                       "choose of table",
		"--name [":                         "name",
		"--last 7d --between today..today": "none of the others can be",
	} {
		if r := s.run(append([]string{"backups"}, strings.Fields(args)...)...); r.code != 2 || !strings.Contains(r.stderr, why) {
			t.Errorf("salvor backups %s ended with %d: %s", args, r.code, r.stderr)
		}
	}
}
