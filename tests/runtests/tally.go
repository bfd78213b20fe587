package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// event is one line of `go test -json`, see `go doc test2json`.
type event struct {
	Action     string
	Package    string
	ImportPath string // of build events
	Test       string
	Elapsed    float64 // seconds
	Output     string
}

// heartbeat is how often a run that says nothing says what it waits for.
const heartbeat = 30 * time.Second

// tally counts tests and shows a line for each package, and all that a failed one wrote. Suites may share it.
type tally struct {
	w   io.Writer
	now func() time.Time

	mu             sync.Mutex
	said           time.Time // the last word
	began          time.Time
	passed, failed int
	skipped        []string
	failures       []string
	packages       map[string]*running
}

// running is a package whose tests run.
type running struct {
	began          time.Time
	passed, failed int
	output         map[string][]string // by test; "" is the package itself
}

func newTally(w io.Writer, now func() time.Time) *tally {
	return &tally{w: w, now: now, began: now(), said: now(), packages: map[string]*running{}}
}

func (t *tally) print(format string, args ...any) {
	t.said = t.now()
	fmt.Fprintf(t.w, format, args...)
}

// line shows a line that is no event.
func (t *tally) line(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.print("%s", text)
}

// add counts an event, and reports whether it is a failure.
func (t *tally) add(e event) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	failed := t.failed
	t.take(e)
	return t.failed > failed
}

func (t *tally) take(e event) {
	if strings.HasPrefix(e.Action, "build-") {
		if e.Output != "" {
			t.print("%s", e.Output)
		}
		return
	}
	p := t.packages[e.Package]
	if p == nil {
		p = &running{began: t.now(), output: map[string][]string{}}
		t.packages[e.Package] = p
	}
	name := e.Package + " " + e.Test
	switch e.Action {
	case "output":
		p.output[e.Test] = append(p.output[e.Test], e.Output)
		return
	case "pass", "fail", "skip":
	default:
		return
	}
	if e.Test == "" {
		t.endPackage(e, p)
		return
	}
	switch e.Action {
	case "pass":
		t.passed++
		p.passed++
	case "fail":
		t.fail(p, name, p.output[e.Test])
	case "skip":
		t.skipped = append(t.skipped, name)
		t.print("SKIP  %s\n%s", name, strings.Join(p.output[e.Test], ""))
	}
	delete(p.output, e.Test)
}

func (t *tally) fail(p *running, name string, output []string) {
	t.failed++
	p.failed++
	t.failures = append(t.failures, name)
	t.print("FAIL  %s\n%s", name, strings.Join(output, ""))
}

// endPackage tells how a package ended. One that failed without a failed test, by a build, a panic or a time-out,
// counts as one failure, and all that its tests had written is shown.
func (t *tally) endPackage(e event, p *running) {
	delete(t.packages, e.Package)
	if e.Action == "fail" && p.failed == 0 {
		var output []string
		for _, test := range slices.Sorted(maps.Keys(p.output)) {
			output = append(output, p.output[test]...)
		}
		t.fail(p, e.Package, output)
		return
	}
	if p.passed+p.failed == 0 {
		return // no tests
	}
	t.print("%-5s %s: %d passed, %d failed in %.1f s\n", strings.ToUpper(e.Action), e.Package, p.passed, p.failed, e.Elapsed)
}

// beat says what runs whenever nothing has been said for a while, until the context ends.
func (t *tally) beat(ctx context.Context) {
	for tick := time.NewTicker(time.Second); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
			t.waiting()
		}
	}
}

// waiting tells which packages run, and how long, if nothing has been said for a while.
func (t *tally) waiting() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.now().Sub(t.said) < heartbeat {
		return
	}
	var names []string
	for name, p := range t.packages {
		names = append(names, fmt.Sprintf("%s (%.0f s)", name, t.now().Sub(p.began).Seconds()))
	}
	slices.Sort(names)
	if len(names) == 0 {
		names = []string{"the build"}
	}
	t.print("      waiting for %s\n", strings.Join(names, ", "))
}

// report ends the run; it tells whether all is well. err is what went wrong besides tests.
func (t *tally) report(err error) bool {
	for _, name := range t.failures {
		t.print("failed: %s\n", name)
	}
	for _, name := range t.skipped {
		t.print("skipped, which counts as failed: %s\n", name)
	}
	failed := t.failed + len(t.skipped)
	if err != nil {
		t.print("error: %v\n", err)
		failed = max(failed, 1)
	}
	if t.passed == 0 && failed == 0 {
		t.print("error: no test ran\n")
		failed = 1
	}
	t.print("in %s\n%d passed, %d failed\n", t.now().Sub(t.began).Round(time.Second), t.passed, failed)
	return failed == 0
}
