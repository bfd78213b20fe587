package cli

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// logs shows one log, or, without an argument, which there are.
func logs(c *call, _ context.Context, flags *flag.FlagSet, args []string) error {
	name := nameFlag(flags)
	if done, err := parse(flags, args); done {
		return err
	}
	inst, err := c.instance(*name)
	if err != nil {
		return err
	}
	state, ok, err := inst.Read()
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("there is no %s called %s", c.kind, *name)
	}
	if state.Error != "" {
		fmt.Fprintln(c.io.Out, state.Error)
		return nil
	}
	dir := filepath.Join(state.Dir, "logs")
	if flags.NArg() == 0 {
		return c.logNames(dir)
	}
	f, err := os.Open(filepath.Join(dir, filepath.Base(flags.Arg(0))+".log"))
	if err != nil {
		return fmt.Errorf("opening the log: %w", err)
	}
	defer f.Close()
	_, err = io.Copy(c.io.Out, f)
	return err
}

func (c *call) logNames(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil {
		return fmt.Errorf("listing the logs: %w", err)
	}
	for _, f := range files {
		fmt.Fprintln(c.io.Out, strings.TrimSuffix(filepath.Base(f), ".log"))
	}
	return nil
}
