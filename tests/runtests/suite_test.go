package main

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSuite(t *testing.T) {
	for _, c := range []struct{ name, in, env, want string }{
		{"flags follow -json", "-race ./...", "", "go test -json -race ./..."},
		{"-C comes first", "-C tools -p 2 ./...", "", "go test -C tools -json -p 2 ./..."},
		{"variables come before", "A=b C= -gcflags=all=-l ./...", "A=b C=", "go test -json -gcflags=all=-l ./..."},
		{"one that lets others go first", "nice A=b -p 2 ./...", "A=b", "go test -json -p 2 ./..."},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSuite(c.in)
			if diff := cmp.Diff(strings.Fields(c.env), s.env); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(strings.Fields(c.want), s.command); diff != "" {
				t.Error(diff)
			}
			if s.nice != strings.HasPrefix(c.in, "nice ") {
				t.Errorf("nice: %t", s.nice)
			}
		})
	}
}

// What a nice suite starts is nice, within its session, and so is the session.
func TestNiceSuiteLetsOthersGoFirst(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module m\n\ngo 1.26\n", "it_test.go": `package m

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestNice(t *testing.T) {
	if nice, err := syscall.Getpriority(syscall.PRIO_PROCESS, 0); err != nil || nice != 20-19 { // as the system call has it
		t.Error(nice, err)
	}
	if group, err := os.ReadFile("/proc/self/autogroup"); err == nil && !strings.HasSuffix(strings.TrimSpace(string(group)), " nice 19") {
		t.Errorf("%s", group)
	}
}
`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var w strings.Builder
	tally := newTally(&w, time.Now)
	if err := newSuite("nice -C "+dir+" -count=1 .").run(t.Context(), tally); err != nil {
		t.Fatal(err)
	}
	if tally.report(nil); !strings.Contains(w.String(), "1 passed, 0 failed") {
		t.Errorf("it ran so:\n%s", &w)
	}
}

// Suites share a tally, and none hides what another one does: a failed test, a package that does not build, and go itself.
func TestSuitesRunAtOnce(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":          "module m\n\ngo 1.26\n",
		"good/it_test.go": "package good\n\nimport \"testing\"\n\nfunc TestGood(t *testing.T) {}\n",
		"bad/it_test.go":  "package bad\n\nimport \"testing\"\n\nfunc TestBad(t *testing.T) { t.Error(\"want 1\") }\n",
		"none/it_test.go": "package none\n\nfunc not go\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var w strings.Builder
	tally := newTally(&w, time.Now)
	suites := []string{"nice -C " + dir + " ./good", "-C " + dir + " -vet=off ./bad", "-C " + dir + " -vet=off ./none", "-C " + dir + " -mod=such ."}
	errs := make([]error, len(suites))
	var wait sync.WaitGroup
	for i, s := range suites {
		wait.Go(func() { errs[i] = newSuite(s).run(t.Context(), tally) })
	}
	wait.Wait()
	for i, err := range errs {
		if strings.Contains(suites[i], "=such") != (err != nil) {
			t.Errorf("%s: %v", suites[i], err)
		}
	}
	if tally.report(errors.Join(errs...)) {
		t.Error("the report says that all is well")
	}
	for _, want := range []string{"want 1", "failed: m/bad TestBad", "failed: m/none", "1 passed, 2 failed"} {
		if !strings.Contains(w.String(), want) {
			t.Errorf("%q is not in\n%s", want, &w)
		}
	}
}

func TestStagesRunOneAfterTheOther(t *testing.T) {
	got := stages([]string{"a", "b", "then", "c", "then", "d"})
	if want := [][]string{{"a", "b"}, {"c"}, {"d"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
