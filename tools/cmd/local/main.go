// Command local is the tools localkube, s3 and dynamodb, which start and stop
// throw-away servers. It is whichever of them it is called as; tools/run does that.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"salvor.io/salvor/tools/internal/cli"
	"salvor.io/salvor/tools/internal/guard"
)

func main() {
	code, err := run(os.Args)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", filepath.Base(os.Args[0]), err)
	}
	os.Exit(code)
}

func run(args []string) (int, error) {
	if len(args) > 1 {
		switch args[1] {
		case guard.GuardCommand:
			return outcome(guard.Run(cli.Server))
		case guard.InitCommand:
			return guard.RunInit()
		case guard.ServerCommand:
			return outcome(guard.RunServer(cli.Server))
		}
	}
	// A second Ctrl-C is not caught: it ends even what hangs.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	defer stop()
	return outcome(cli.Run(ctx, filepath.Base(args[0]), args[1:], cli.IO{Out: os.Stdout, Err: os.Stderr, Now: time.Now}))
}

// outcome turns an error into an exit code: that of a command which ran to its
// end and failed, 2 for a wrong command line, 1 for all else.
func outcome(err error) (int, error) {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case errors.As(err, &exit):
		return exitCode(exit), nil
	case errors.Is(err, cli.ErrUsage):
		return 2, err
	default:
		return 1, err
	}
}

// exitCode follows the shell: 128 and the number of the signal that ended it.
func exitCode(exit *exec.ExitError) int {
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return exit.ExitCode()
}
