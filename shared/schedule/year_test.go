package schedule_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/schedule"
)

// What testdata/year.py works out in another way: forty policies in ten zones, made at this time, over this year.
const (
	yearMade = "2027-12-15T10:10:00Z"
	yearFrom = "2028-01-01T00:00:00Z"
	yearTo   = "2029-01-01T00:00:00Z"
)

func TestAYearOfForty(t *testing.T) {
	want, err := os.ReadFile("testdata/year.txt")
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	zones, policies := map[string]bool{}, 0
	for line := range bytes.Lines(read(t, "testdata/year.ndjson")) {
		var p struct {
			Name string
			Spec salvor.SchedulePolicySpec
		}
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		plan, err := schedule.Compile(p.Spec, at(t, yearMade))
		if err != nil {
			t.Fatalf("%s: %v", p.Name, err)
		}
		zones[plan.Zone().String()] = true
		policies++
		got.WriteString(year(p.Name, plan, at(t, yearFrom), at(t, yearTo)))
	}
	if policies != 40 || len(zones) != 10 {
		t.Errorf("there are %d policies in %d zones", policies, len(zones))
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("(-testdata/year.txt +got):\n%s", diff)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// year writes all runs of a year: for each time of the day in UTC, the days.
func year(name string, p *schedule.Plan, from, to time.Time) string {
	byTime := map[string][]time.Time{}
	var all []string
	for at := p.Next(from.Add(-time.Second)); !at.IsZero() && at.Before(to); at = p.Next(at) {
		u := at.UTC()
		byTime[u.Format("15:04Z")] = append(byTime[u.Format("15:04Z")], u)
		all = append(all, u.Format("2006-01-02T15:04Z"))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d runs, %s to %s\n", name, len(all), all[0], all[len(all)-1])
	var times []string
	for s := range byTime {
		times = append(times, s)
	}
	slices.Sort(times)
	for _, s := range times {
		fmt.Fprintf(&b, "  %s %s\n", s, days(byTime[s]))
	}
	return b.String()
}

// days is Jan 1-3 7, Feb 2.
func days(dates []time.Time) string {
	var b strings.Builder
	for i := 0; i < len(dates); {
		last := i
		for last+1 < len(dates) && dates[last+1].Month() == dates[i].Month() && dates[last+1].Day() == dates[last].Day()+1 {
			last++
		}
		switch {
		case i == 0:
			b.WriteString(dates[i].Format("Jan"))
		case dates[i].Month() != dates[i-1].Month():
			b.WriteString(dates[i].Format(", Jan"))
		}
		fmt.Fprintf(&b, " %d", dates[i].Day())
		if last > i {
			fmt.Fprintf(&b, "-%d", dates[last].Day())
		}
		i = last + 1
	}
	return b.String()
}
