package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/cmd/salvor/internal/cli"
)

// scheduled is a shell with two clusters, and a schedule of each policy.
func scheduled(t *testing.T, policies ...string) *shell {
	t.Helper()
	s := newShell(t)
	var b strings.Builder
	for _, name := range []string{"prod", "test"} {
		fmt.Fprintf(&b, "apiVersion: salvor.io/v1\nkind: Cluster\nmetadata: {name: %s, labels: {stage: %s}}\nspec: {kubeconfig: {path: /nowhere}}\n---\n", name, name)
	}
	fmt.Fprintf(&b, "apiVersion: salvor.io/v1\nkind: BackupLocation\nmetadata: {name: disk}\nspec: {directory: {path: %s}}\n", s.dir)
	for i, policy := range policies {
		fmt.Fprintf(&b, "---\napiVersion: salvor.io/v1\nkind: SchedulePolicy\nmetadata: {name: p%d}\nspec: %s\n", i, policy)
		fmt.Fprintf(&b, "---\napiVersion: salvor.io/v1\nkind: BackupSchedule\nmetadata: {name: s%d}\nspec: {policy: p%d, clusterSelector: {}, template: {spec: {location: disk, scope: {namespaces: [shop]}}}}\n", i, i)
	}
	s.must("apply", "-f", s.file("objects.yaml", b.String()))
	return s
}

func TestScheduleNextSaysWhatIsNotAsEver(t *testing.T) {
	s := scheduled(t,
		`{timeZone: Europe/Berlin, daily: {times: ["02:30"]}, jitter: 10m}`,
		`{monthly: {days: [31], times: ["03:00"]}, blackouts: [{startDate: 2027-01-01, endDate: 2027-01-31}]}`)
	spring := s.must("schedule", "next", "s0", "--from", "2027-03-27", "--count", "3")
	for _, want := range []string{
		"s0: every day at 02:30, Europe/Berlin, each cluster up to 10m later",
		"Saturday, 27 March 2027, 02:30 CET   2027-03-27T01:30:00Z",
		"Sunday, 28 March 2027, 03:00 CEST    2027-03-28T01:00:00Z", "for 02:30, which is not there: clocks go from 02:00 to 03:00",
		"cluster prod begins ", "cluster test begins ",
	} {
		if !strings.Contains(spring, want) {
			t.Errorf("%q is not in\n%s", want, spring)
		}
	}
	if autumn := s.must("schedule", "next", "s0", "--from", "2027-10-31", "--count", "1"); !strings.Contains(autumn, "2027-10-31T00:30:00Z") ||
		!strings.Contains(autumn, "the first of two 02:30: clocks go back at 03:00") {
		t.Errorf("the hour that comes twice is shown as\n%s", autumn)
	}
	short := s.must("schedule", "next", "s1", "--from", "2026-12-01", "--count", "3")
	for _, want := range []string{"none - - blackout: Sunday, 31 January 2027, 03:00 UTC", "none - - February 2027 has no 31st", "none - - April 2027 has no 31st"} {
		if !strings.Contains(strings.Join(strings.Fields(short), " "), want) {
			t.Errorf("%q is not in\n%s", want, short)
		}
	}
}

// Of a policy with very many runs, those of a long blackout are counted, and what comes after it is shown.
func TestScheduleNextLooksBeyondABlackout(t *testing.T) {
	s := scheduled(t, `{interval: 1m, blackouts: [{startDate: 2027-01-01, endDate: 2027-01-31}]}`)
	got := strings.Join(strings.Fields(s.must("schedule", "next", "s0", "--from", "2027-01-01T00:00:00Z", "--count", "2")), " ")
	for _, want := range []string{"none - - blackout: 44640 runs from Friday, 1 January 2027, 00:00 UTC on", "2027-02-01T00:00:00Z", "2027-02-01T00:01:00Z"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
}

func TestScheduleNextAsJSON(t *testing.T) {
	s := scheduled(t, `{timeZone: Europe/Berlin, weekly: {every: 2, days: [Sunday], times: ["02:30"]}}`)
	var got struct {
		When, TimeZone string
		Runs           []struct {
			At          time.Time
			Local, Note string
		}
	}
	if err := json.Unmarshal([]byte(s.must("schedule", "next", "s0", "--count", "2", "-o", "json")), &got); err != nil {
		t.Fatal(err)
	}
	var runs []string
	for _, r := range got.Runs {
		runs = append(runs, r.At.Format(time.RFC3339)+" "+r.Local)
	}
	// Made on a Sunday after 02:30: the week of that day is the first, so the next run is two weeks later.
	want := []string{"2026-12-06T01:30:00Z Sunday, 6 December 2026, 02:30 CET", "2026-12-20T01:30:00Z Sunday, 20 December 2026, 02:30 CET"}
	if diff := cmp.Diff(want, runs); diff != "" || got.When != "every 2nd week, on Sunday, at 02:30, Europe/Berlin" {
		t.Errorf("%s: %s", got.When, diff)
	}
	for _, args := range [][]string{{"--count", "0"}, {"-o", "yaml"}, {"--from", "soonish"}} {
		if r := s.run(append([]string{"schedule", "next", "s0"}, args...)...); r.code == 0 {
			t.Errorf("%v ended with %d: %s", args, r.code, r.stderr)
		}
	}
}

func TestSchedulesAreSuspendedAndResumed(t *testing.T) {
	s := scheduled(t, `{daily: {times: ["02:30"]}}`)
	for _, c := range []struct{ verb, says, shows string }{
		{"suspend", "suspended\n", "true"}, {"suspend", "suspended already\n", "true"}, {"resume", "resumed\n", "false"}, {"resume", "resumed already\n", "false"},
	} {
		s.now = s.now.Add(time.Hour)
		if got := s.must("schedule", c.verb, "s0"); got != "backupschedule/s0 "+c.says {
			t.Errorf("%s says %q", c.verb, got)
		}
		if got := s.must("get", "schedules"); !strings.Contains(got, c.shows) {
			t.Errorf("after %s: %s", c.verb, got)
		}
	}
	if got := s.must("get", "schedule", "s0", "-o", "yaml"); !strings.Contains(got, `since: "2026-11-22T15:00:00Z"`) {
		t.Errorf("runs count from another time than the resume:\n%s", got)
	}
}

// A run by hand is recorded for each cluster, under the schedule's name and the time; a second one beside it is left out.
func TestAScheduleIsRunByHand(t *testing.T) {
	s := scheduled(t, `{daily: {times: ["02:30"]}}`)
	if got := s.must("schedule", "run", "s0", "--wait=false", "-o", "name"); got != "backup/prod/s0-20261122t120000z\nbackup/test/s0-20261122t120000z\n" {
		t.Errorf("recorded are %s", got)
	}
	s.now = s.now.Add(time.Minute)
	r := s.run("schedule", "run", "s0")
	if r.code == 0 || !strings.Contains(r.stdout, "skipped: s0-20261122t120000z of the same schedule had not ended") {
		t.Errorf("a run beside another one ended with %d: %s%s", r.code, r.stdout, r.stderr)
	}
}

// Beside a run that goes on, one of overlap Queue waits, also by hand.
func TestARunByHandWaitsForItsTurn(t *testing.T) {
	s := scheduled(t, `{daily: {times: ["02:30"]}}`)
	s.must("apply", "-f", s.file("q.yaml", `apiVersion: salvor.io/v1
kind: BackupSchedule
metadata: {name: q}
spec: {policy: p0, overlap: Queue, template: {spec: {cluster: prod, location: disk, scope: {namespaces: [shop]}}}}
`))
	s.must("schedule", "run", "q", "--wait=false")
	s.now = s.now.Add(time.Minute)
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Second)
	defer stop()
	var stdout, stderr bytes.Buffer
	cli.Exec(ctx, s.system(&stdout, &stderr), []string{"schedule", "run", "q"})
	if !strings.Contains(stderr.String(), "backup/prod/q-20261122t120100z: it waits for the end of q-20261122t120000z") {
		t.Errorf("it does not say what it waits for: %s%s", stdout.String(), stderr.String())
	}
	if got := s.must("get", "backup", "q-20261122t120100z"); !strings.Contains(got, "Pending") {
		t.Fatalf("it did not wait:\n%s", got)
	}
	s.must("cancel", "backup", "q-20261122t120000z")
	if r := s.run("schedule", "run", "q"); r.code == 0 || !strings.Contains(r.stdout, "backup/prod/q-20261122t120100z Failed") {
		t.Errorf("when its turn has come it ended with %d: %s%s", r.code, r.stdout, r.stderr)
	}
}
