package main

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestReport(t *testing.T) {
	pass := event{Action: "pass", Package: "p", Test: "TestA"}
	end := event{Action: "pass", Package: "p"}
	for _, c := range []struct {
		name   string
		events []event
		err    error
		ok     bool
		last   string
	}{
		{"all tests pass", []event{pass, end}, nil, true, "1 passed, 0 failed"},
		{"a test fails", []event{pass, {Action: "fail", Package: "p", Test: "TestB"}, {Action: "fail", Package: "p"}}, nil, false, "1 passed, 1 failed"},
		{"a skipped test counts as failed", []event{pass, {Action: "skip", Package: "p", Test: "TestB"}, end}, nil, false, "1 passed, 1 failed"},
		{"a package without tests counts as nothing", []event{pass, end, {Action: "skip", Package: "q"}}, nil, true, "1 passed, 0 failed"},
		{"a package that does not build counts as failed", []event{pass, end, {Action: "fail", Package: "q"}}, nil, false, "1 passed, 1 failed"},
		{"a run without any test fails", nil, nil, false, "0 passed, 1 failed"},
		{"go test itself fails", []event{pass, end}, errors.New("no such package"), false, "1 passed, 1 failed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var w strings.Builder
			tally := newTally(&w, func() time.Time { return time.Unix(0, 0) })
			for _, e := range c.events {
				tally.add(e)
			}
			if ok := tally.report(c.err); ok != c.ok {
				t.Errorf("report: ok %v, want %v", ok, c.ok)
			}
			lines := strings.Split(strings.TrimSpace(w.String()), "\n")
			if last := lines[len(lines)-1]; last != c.last {
				t.Errorf("last line %q, want %q", last, c.last)
			}
		})
	}
}

func TestOutputOfFailedTestIsShown(t *testing.T) {
	var w strings.Builder
	tally := newTally(&w, func() time.Time { return time.Unix(0, 0) })
	for _, e := range []event{
		{Action: "output", Package: "p", Test: "TestGood", Output: "chatter\n"},
		{Action: "pass", Package: "p", Test: "TestGood"},
		{Action: "output", Package: "p", Test: "TestBad", Output: "want 1, got 2\n"},
		{Action: "fail", Package: "p", Test: "TestBad"},
	} {
		tally.add(e)
	}
	if got := w.String(); !strings.Contains(got, "want 1, got 2") || strings.Contains(got, "chatter") {
		t.Errorf("shown:\n%s\nwant the output of the failed test alone", got)
	}
}

func TestOneThatSaysNothingSaysWhatItWaitsFor(t *testing.T) {
	var w strings.Builder
	now := time.Unix(0, 0)
	tally := newTally(&w, func() time.Time { return now })
	tally.add(event{Action: "run", Package: "p", Test: "TestA"})
	tally.waiting()
	now = now.Add(heartbeat)
	tally.waiting()
	tally.waiting()
	if got, want := w.String(), "      waiting for p (30 s)\n"; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
}
