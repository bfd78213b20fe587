// Command runtests runs `go test` several times, each with the flags and packages of one argument, shows how it goes
// on, and ends with one line for all: "N passed, N failed". A skipped test makes it fail: a test that did not run has
// shown nothing.
//
//	runtests '-race ./shared/...' './tests/...' 'CGO_ENABLED=0 -C tools ./...'
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// heartbeat is how often a run that says nothing says what it waits for.
const heartbeat = 30 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	t := newTally(os.Stdout, time.Now)
	var errs []error
	for _, suite := range os.Args[1:] {
		words := strings.Fields(suite)
		fmt.Printf("== go test %.100s\n", strings.Join(words, " "))
		errs = append(errs, run(ctx, t, words))
	}
	if t.report(errors.Join(errs...)) {
		return
	}
	os.Exit(1)
}

// run runs one `go test`. A failed test is the tally's to tell; the error is of anything else.
func run(ctx context.Context, t *tally, args []string) error {
	env, args := cutEnv(args)
	cmd := exec.CommandContext(ctx, "go", testArgs(args)...)
	cmd.Env, cmd.Stderr = append(os.Environ(), env...), os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Minute
	out, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("running go test: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("running go test: %w", err)
	}
	failed := t.failed
	readErr := read(t, out)
	err = errors.Join(readErr, cmd.Wait())
	if _, exited := errors.AsType[*exec.ExitError](err); exited && readErr == nil && t.failed > failed && ctx.Err() == nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("go test %s: %w", strings.Join(args, " "), err)
	}
	return nil
}

// cutEnv cuts off the variables that stand before the arguments, as in a shell.
func cutEnv(words []string) (env, args []string) {
	n := slices.IndexFunc(words, func(w string) bool { return strings.HasPrefix(w, "-") || !strings.Contains(w, "=") })
	if n < 0 {
		n = len(words)
	}
	return words[:n], words[n:]
}

// testArgs puts -json in, behind -C, which has to come first.
func testArgs(args []string) []string {
	first := 0
	if len(args) > 1 && args[0] == "-C" {
		first = 2
	}
	all := append([]string{"test"}, args[:first]...)
	return append(append(all, "-json"), args[first:]...)
}

// read hands each event to the tally, and lets it tell what runs when nothing happens.
func read(t *tally, out io.Reader) error {
	lines := make(chan []byte)
	var readErr error
	go func() {
		defer close(lines)
		r := bufio.NewReader(out)
		for {
			line, err := r.ReadBytes('\n')
			if len(line) > 0 {
				lines <- line
			}
			if err != nil {
				if !errors.Is(err, io.EOF) {
					readErr = err
				}
				return
			}
		}
	}()
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for {
		select {
		case line, more := <-lines:
			if !more {
				return readErr
			}
			tick.Reset(heartbeat)
			var e event
			if err := json.Unmarshal(line, &e); err != nil {
				fmt.Printf("%s", line) // not an event: go itself
				continue
			}
			t.add(e)
		case <-tick.C:
			t.waiting()
		}
	}
}
