// Command runtests runs `go test` several times at once, each with the flags and packages of one argument, shows how it
// goes on, and ends with one line for all: "N passed, N failed". A skipped test makes it fail: a test that did not run has
// shown nothing.
//
//	runtests 'nice -race ./shared/...' './tests/...' 'CGO_ENABLED=0 -C tools ./...'
//
// A suite that begins with nice leaves the processors to the others as long as they have use for them.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	t := newTally(os.Stdout, time.Now)
	errs := make([]error, len(os.Args)-1)
	var suites sync.WaitGroup
	for i, words := range os.Args[1:] {
		s := newSuite(words)
		fmt.Printf("== %.100s\n", s)
		suites.Go(func() { errs[i] = s.run(ctx, t) })
	}
	ended, end := context.WithCancel(ctx)
	go t.beat(ended)
	suites.Wait()
	end()
	if !t.report(errors.Join(errs...)) {
		stop()
		os.Exit(1)
	}
}
