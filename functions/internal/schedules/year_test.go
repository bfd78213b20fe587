package schedules

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/cronexpr"

	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/schedule"
)

// EventBridge Scheduler, told of the forty policies, invokes the function at the times that testdata/year.txt lists, which
// was worked out without either. What it is told is read here as its documentation says, not by the code that wrote it.
func TestEventBridgeFiresAYearOfForty(t *testing.T) {
	const data = "../../../shared/schedule/testdata/"
	made, from, to := time.Date(2027, 12, 15, 10, 10, 0, 0, time.UTC), time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2029, 1, 1, 0, 0, 0, 0, time.UTC)
	want := readYear(t, data+"year.txt")
	policies, err := os.ReadFile(data + "year.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	exact, gaps := 0, 0
	for line := range bytes.Lines(policies) {
		var p struct {
			Name string
			Spec salvor.SchedulePolicySpec
		}
		if err := json.Unmarshal(line, &p); err != nil {
			t.Fatal(err)
		}
		told, err := entries(p.Spec, made, from.Add(-time.Second))
		if err != nil {
			t.Fatalf("%s: %v", p.Name, err)
		}
		plan, err := schedule.Compile(p.Spec, made)
		if err != nil {
			t.Fatal(err)
		}
		fired, runs := map[string]bool{}, map[string]bool{}
		for _, e := range told {
			if strings.HasPrefix(e.expression, "at(") {
				gaps++
			}
			for _, at := range eventBridge(t, e, from, to) {
				fired[text(at)] = true
				if run := plan.Meant(at); !run.IsZero() {
					runs[text(run)] = true
				}
			}
		}
		if diff := cmp.Diff(want[p.Name], runs); diff != "" {
			t.Errorf("%s (-year.txt +EventBridge):\n%s", p.Name, diff)
		}
		if p.Spec.Blackouts == nil && (p.Spec.Weekly == nil || p.Spec.Weekly.Every < 2) {
			exact++ // Scheduler can say all of it
			if diff := cmp.Diff(want[p.Name], fired); diff != "" {
				t.Errorf("%s (-year.txt +what EventBridge fires, runs or not):\n%s", p.Name, diff)
			}
		}
	}
	if len(want) != 40 || exact != 34 || gaps != 12 {
		t.Errorf("%d policies, of which Scheduler can say all of %d; %d runs after gaps", len(want), exact, gaps)
	}
}

func text(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

var atExpression = regexp.MustCompile(`^at\((\S+)\)$`)

// eventBridge lists the times that Scheduler invokes a target at: it skips what does not exist, and fires once what exists
// twice. https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
func eventBridge(t *testing.T, e entry, from, to time.Time) []time.Time {
	t.Helper()
	zone, err := time.LoadLocation(e.zone)
	if err != nil {
		t.Fatal(err)
	}
	var all []time.Time
	fire := func(at time.Time) {
		if !at.Before(from) && at.Before(to) && (e.start == nil || !at.Before(*e.start)) && (e.end == nil || at.Before(*e.end)) {
			all = append(all, at)
		}
	}
	if m := atExpression.FindStringSubmatch(e.expression); m != nil {
		at, err := time.ParseInLocation("2006-01-02T15:04:05", m[1], zone)
		if err != nil {
			t.Fatal(err)
		}
		fire(at)
		return all
	}
	var n int
	if _, err := fmt.Sscanf(e.expression, "rate(%d minute", &n); err == nil {
		for at := *e.start; at.Before(to); at = at.Add(time.Duration(n) * time.Minute) {
			fire(at)
		}
		return all
	}
	shown := map[string]bool{}
	expr := awsCron(t, e.expression)
	for at := expr.Next(from.Add(-25 * time.Hour).In(zone)); !at.IsZero() && at.Before(to); at = expr.Next(at) {
		wall := at.Format("2006-01-02T15:04:05")
		if !shown[wall] {
			fire(at)
		}
		shown[wall] = true
	}
	return all
}

var weekdayDigit = regexp.MustCompile(`(^|[,-])([1-7])`)

// awsCron reads cron(…): the library has seconds, and Sunday is 0.
func awsCron(t *testing.T, s string) *cronexpr.Expression {
	t.Helper()
	fields := strings.Fields(strings.TrimSuffix(strings.TrimPrefix(s, "cron("), ")"))
	if len(fields) != 6 || len(s) > 256 {
		t.Fatalf("%q is no cron expression of six fields and 256 bytes", s)
	}
	fields[4] = weekdayDigit.ReplaceAllStringFunc(fields[4], func(m string) string {
		n, _ := strconv.Atoi(m[len(m)-1:])
		return m[:len(m)-1] + strconv.Itoa(n-1)
	})
	expr, err := cronexpr.Parse("0 " + strings.Join(fields, " "))
	if err != nil {
		t.Fatal(err)
	}
	return expr
}

// readYear reads the runs that testdata/year.txt lists.
func readYear(t *testing.T, path string) map[string]map[string]bool {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	all, name := map[string]map[string]bool{}, ""
	for line := range strings.Lines(string(data)) {
		if !strings.HasPrefix(line, " ") {
			name, _, _ = strings.Cut(line, ":")
			all[name] = map[string]bool{}
			continue
		}
		fields := strings.Fields(line)
		month := ""
		for _, f := range fields[1:] {
			f = strings.TrimSuffix(f, ",")
			if f[0] > '9' {
				month = f
				continue
			}
			low, high, ranged := strings.Cut(f, "-")
			first, _ := strconv.Atoi(low)
			last := first
			if ranged {
				last, _ = strconv.Atoi(high)
			}
			for d := first; d <= last; d++ {
				at, err := time.Parse("2006 Jan 2 15:04Z", fmt.Sprintf("2028 %s %d %s", month, d, fields[0]))
				if err != nil {
					t.Fatal(err)
				}
				all[name][text(at)] = true
			}
		}
	}
	return all
}
