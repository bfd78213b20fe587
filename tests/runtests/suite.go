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
	"slices"
	"strings"
	"syscall"
	"time"
)

// suite is one `go test`.
type suite struct {
	// env are variables, as NAME=value.
	env     []string
	command []string
	// nice leaves the processors to whoever else wants them.
	nice bool
}

// newSuite reads a suite: nice, variables as in a shell, flags and packages. -json comes behind -C, which has to be first.
func newSuite(text string) suite {
	words := strings.Fields(text)
	command, nice := []string{"go", "test"}, false
	if len(words) > 0 && words[0] == "nice" {
		nice, words = true, words[1:]
	}
	n := slices.IndexFunc(words, func(w string) bool { return strings.HasPrefix(w, "-") || !strings.Contains(w, "=") })
	if n < 0 {
		n = len(words)
	}
	env, words := words[:n], words[n:]
	if len(words) > 1 && words[0] == "-C" {
		command, words = append(command, words[:2]...), words[2:]
	}
	return suite{env, append(append(command, "-json"), words...), nice}
}

func (s suite) String() string { return strings.Join(append(slices.Clone(s.env), s.command...), " ") }

// run runs it. A failed test is the tally's to tell; the error is of anything else.
func (s suite) run(ctx context.Context, t *tally) error {
	cmd := exec.CommandContext(ctx, s.command[0], s.command[1:]...)
	cmd.Env, cmd.Stderr = append(os.Environ(), s.env...), os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if s.nice { // in a session of its own, see beNice, which a terminal's Ctrl-C does not reach
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	}
	cmd.WaitDelay = time.Minute
	out, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("running %s: %w", s, err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("running %s: %w", s, err)
	}
	if s.nice {
		beNice(cmd.Process.Pid)
	}
	failed, readErr := read(t, out)
	err = errors.Join(readErr, cmd.Wait())
	if _, exited := errors.AsType[*exec.ExitError](err); exited && readErr == nil && failed && ctx.Err() == nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w", s, err)
	}
	return nil
}

// beNice lets the process, the leader of a session, and its children run only while nobody else wants to. Linux shares the
// processors among sessions first, so that it is not enough to be nice within one
// (https://man7.org/linux/man-pages/man7/sched.7.html, autogroup). Where it can't be had, things are slower, and no worse.
func beNice(pid int) {
	_ = syscall.Setpriority(syscall.PRIO_PGRP, pid, 19)
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/autogroup", pid), []byte("19"), 0)
}

// read hands each event to the tally, and reports whether the tally has counted a failure.
func read(t *tally, out io.Reader) (failed bool, err error) {
	for r := bufio.NewReader(out); ; {
		line, err := r.ReadBytes('\n')
		var e event
		if len(line) > 0 && json.Unmarshal(line, &e) == nil {
			failed = t.add(e) || failed
		} else {
			t.line(string(line)) // not an event: go itself
		}
		if errors.Is(err, io.EOF) {
			return failed, nil
		}
		if err != nil {
			return failed, err
		}
	}
}
