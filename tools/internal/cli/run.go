package cli

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"salvor.io/salvor/tools/internal/cluster"
	"salvor.io/salvor/tools/internal/guard"
)

// localkubeRun starts a cluster for the time of one command. Ctrl-C reaches the
// command as well; the cluster goes when the command has ended, or when this
// process is gone.
func localkubeRun(c *call, ctx context.Context, flags *flag.FlagSet, args []string) error {
	start, options := c.localkubeFlags(flags)
	if done, err := parse(flags, args); done {
		return err
	}
	if flags.NArg() == 0 {
		return fmt.Errorf("%w: no command after --", ErrUsage)
	}
	inst, err := c.instance(start.name)
	if err != nil {
		return err
	}
	if inst.Held() {
		return fmt.Errorf("%s is running already, and `run` would take it down: use another name", start.name)
	}
	if start.watch == 0 {
		start.watch = os.Getpid()
	}
	result, err := c.localkubeUp(ctx, start, options)
	if err != nil {
		return err
	}
	var up cluster.Result
	if err := json.Unmarshal(result, &up); err != nil {
		return fmt.Errorf("decoding the result: %w", err)
	}
	err = c.command(ctx, up, flags.Args())
	return errors.Join(err, guard.Down(context.WithoutCancel(ctx), Server, inst))
}

// command runs args with KUBECONFIG set and kubectl of the same version in the
// path. When ctx ends it is asked to end too.
func (c *call) command(ctx context.Context, up cluster.Result, args []string) error {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), "KUBECONFIG="+up.Kubeconfig, "PATH="+c.home.Bin+":"+os.Getenv("PATH"))
	return cmd.Run()
}
