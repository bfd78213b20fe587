package child_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"salvor.io/salvor/tools/internal/child"
)

func TestTheEndOfOneIsTheEndOfAll(t *testing.T) {
	logs := t.TempDir()
	g := child.New(t.Context(), logs)
	defer g.Stop()
	if err := g.Start("stays", nil, "/bin/sleep", "1000"); err != nil {
		t.Fatal(err)
	}
	if err := g.Start("goes", []string{"WHY=no reason"}, "/bin/sh", "-c", "echo $WHY; exit 7"); err != nil {
		t.Fatal(err)
	}
	<-g.Context().Done()
	cause := context.Cause(g.Context())
	if cause == nil || !strings.Contains(cause.Error(), "goes ended: exit status 7\nno reason") {
		t.Errorf("cause %v; want the name, the status and the log", cause)
	}
}

func TestStopLeavesNothing(t *testing.T) {
	logs := t.TempDir()
	g := child.New(t.Context(), logs)
	// A process and a child of it, that ignore being asked to end.
	if err := g.Start("stubborn", nil, "/bin/sh", "-c", "trap '' TERM; sleep 1000 & echo $! $$ > "+logs+"/new; mv "+logs+"/new "+logs+"/pids; wait"); err != nil {
		t.Fatal(err)
	}
	err := child.Poll(t.Context(), "its pids", func(context.Context) (bool, error) {
		_, err := os.Stat(filepath.Join(logs, "pids"))
		return err == nil, err
	})
	if err != nil {
		t.Fatal(err)
	}
	g.Stop()
	raw, err := os.ReadFile(filepath.Join(logs, "pids"))
	if err != nil {
		t.Fatal(err)
	}
	for _, pid := range strings.Fields(string(raw)) {
		err := child.Poll(t.Context(), pid+" to be gone", func(context.Context) (bool, error) {
			stat, err := os.ReadFile("/proc/" + pid + "/stat")
			return err != nil || strings.Contains(string(stat), ") Z "), nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func TestRunTellsWhatWasPrinted(t *testing.T) {
	g := child.New(t.Context(), t.TempDir())
	defer g.Stop()
	if err := g.Run(nil, "/bin/sh", "-c", "echo broken; exit 1"); err == nil || !strings.Contains(err.Error(), "broken") {
		t.Errorf("got %v", err)
	}
	if err := g.Run(nil, "/bin/true"); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestPollTellsWhatItWaitedFor(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("out of patience"))
	err := child.Poll(ctx, "the moon", func(context.Context) (bool, error) { return false, errors.New("clouds") })
	if err == nil || !strings.Contains(err.Error(), "the moon") || !strings.Contains(err.Error(), "clouds") || !strings.Contains(err.Error(), "out of patience") {
		t.Errorf("got %v", err)
	}
}

func TestTail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte("1\n2\n3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := child.Tail(path, 2); got != "2\n3" {
		t.Errorf("got %q", got)
	}
	if got := child.Tail(path+"x", 2); got != "" {
		t.Errorf("of no file: %q", got)
	}
}
