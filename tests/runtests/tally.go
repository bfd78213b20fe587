package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
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

// tally counts tests and shows a line for each package, and all that a failed one wrote.
type tally struct {
	w   io.Writer
	now func() time.Time

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
	return &tally{w: w, now: now, began: now(), packages: map[string]*running{}}
}

func (t *tally) add(e event) {
	if strings.HasPrefix(e.Action, "build-") {
		if e.Output != "" {
			fmt.Fprint(t.w, e.Output)
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
		fmt.Fprintf(t.w, "SKIP  %s\n%s", name, strings.Join(p.output[e.Test], ""))
	}
	delete(p.output, e.Test)
}

func (t *tally) fail(p *running, name string, output []string) {
	t.failed++
	p.failed++
	t.failures = append(t.failures, name)
	fmt.Fprintf(t.w, "FAIL  %s\n%s", name, strings.Join(output, ""))
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
	fmt.Fprintf(t.w, "%-5s %s: %d passed, %d failed in %.1f s\n", strings.ToUpper(e.Action), e.Package, p.passed, p.failed, e.Elapsed)
}

// waiting tells which packages run, and how long.
func (t *tally) waiting() {
	var names []string
	for name, p := range t.packages {
		names = append(names, fmt.Sprintf("%s (%.0f s)", name, t.now().Sub(p.began).Seconds()))
	}
	slices.Sort(names)
	if len(names) == 0 {
		names = []string{"the build"}
	}
	fmt.Fprintf(t.w, "      waiting for %s\n", strings.Join(names, ", "))
}

// report ends the run; it tells whether all is well. err is what went wrong besides tests.
func (t *tally) report(err error) bool {
	for _, name := range t.failures {
		fmt.Fprintf(t.w, "failed: %s\n", name)
	}
	for _, name := range t.skipped {
		fmt.Fprintf(t.w, "skipped, which counts as failed: %s\n", name)
	}
	failed := t.failed + len(t.skipped)
	if err != nil {
		fmt.Fprintf(t.w, "error: %v\n", err)
		failed = max(failed, 1)
	}
	if t.passed == 0 && failed == 0 {
		fmt.Fprintln(t.w, "error: no test ran")
		failed = 1
	}
	fmt.Fprintf(t.w, "in %s\n%d passed, %d failed\n", t.now().Sub(t.began).Round(time.Second), t.passed, failed)
	return failed == 0
}
