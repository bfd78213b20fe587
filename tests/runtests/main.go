// Command runtests runs `go test` several times at once, each with the flags and packages of one argument, shows how it
// goes on, and ends with one line for all: "N passed, N failed". A skipped test makes it fail: a test that did not run has
// shown nothing.
//
//	runtests 'nice -race ./shared/...' './tests/...' 'CGO_ENABLED=0 -C tools ./...'
//
// An argument "then" stands between suites that run one after the other. A suite that begins with nice leaves the processors to the others as long as they have use for them.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	t := newTally(os.Stdout, time.Now)
	ended, end := context.WithCancel(ctx)
	go t.beat(ended)
	var errs []error
	for _, stage := range stages(os.Args[1:]) {
		errs = append(errs, atOnce(ctx, t, stage))
	}
	end()
	if !t.report(errors.Join(errs...)) {
		stop()
		os.Exit(1)
	}
}

// stages cuts the arguments at each "then": the suites of one run at once, and those of the next after them.
func stages(args []string) [][]string {
	var all [][]string
	for {
		i := slices.Index(args, "then")
		if i < 0 {
			return append(all, args)
		}
		all, args = append(all, args[:i]), args[i+1:]
	}
}

func atOnce(ctx context.Context, t *tally, stage []string) error {
	errs := make([]error, len(stage))
	var suites sync.WaitGroup
	for i, words := range stage {
		s := newSuite(words)
		fmt.Printf("== %.100s\n", s)
		suites.Go(func() { errs[i] = s.run(ctx, t) })
	}
	suites.Wait()
	return errors.Join(errs...)
}
