package cli

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"syscall"
)

// suspend stops a program of an instance without ending it: to everybody else it
// is as if it were down.
func suspend(c *call, _ context.Context, flags *flag.FlagSet, args []string) error {
	return c.signal(flags, args, syscall.SIGSTOP)
}

func resume(c *call, _ context.Context, flags *flag.FlagSet, args []string) error {
	return c.signal(flags, args, syscall.SIGCONT)
}

// signal sends a signal to the program that is the one argument.
func (c *call) signal(flags *flag.FlagSet, args []string, signal syscall.Signal) error {
	name := nameFlag(flags)
	if done, err := parse(flags, args); done {
		return err
	}
	if flags.NArg() != 1 {
		return fmt.Errorf("%w: name one program; `logs` shows which there are", ErrUsage)
	}
	state, err := c.running(*name)
	if err != nil {
		return err
	}
	pids, err := state.Processes()
	if err != nil {
		return err
	}
	pid, ok := pids[flags.Arg(0)]
	if !ok {
		return fmt.Errorf("%s %s has no program %q, only %s", c.kind, *name, flags.Arg(0), strings.Join(sorted(pids), ", "))
	}
	if err := syscall.Kill(pid, signal); err != nil {
		return fmt.Errorf("sending %s to %s: %w", signal, flags.Arg(0), err)
	}
	return nil
}
