package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"salvor.io/salvor/shared/salvor"
)

// Exec runs one command and returns its exit code. The first interrupt ends the command cleanly; after the second,
// Exec says what is still owed and returns, with the command left behind.
func Exec(ctx context.Context, sys System, args []string) int {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	a := &app{sys: sys}
	done := make(chan int, 1)
	go func() { done <- a.run(ctx, args) }()
	for interrupted := false; ; interrupted = true {
		select {
		case code := <-done:
			return code
		case <-sys.Interrupt:
		}
		if interrupted {
			a.warn("stopped at once; %s", a.whatIsOwed())
			return status(context.Canceled)
		}
		a.warn("stopping; once more Ctrl-C ends at once")
		cancel()
	}
}

func (a *app) run(ctx context.Context, args []string) int {
	root := a.root()
	root.SetArgs(append([]string{}, args...)) // of nil, cobra would take the process's own
	root.SetIn(a.sys.Stdin)
	root.SetOut(a.sys.Stdout)
	root.SetErr(a.sys.Stderr)
	a.completionRefuses(root)
	err := root.ExecuteContext(ctx)
	if closeErr := a.close(); err == nil {
		err = closeErr
	}
	if err == nil {
		return exitOK
	}
	if !a.started { // cobra refused the command line
		err = salvor.Errorf(salvor.Invalid, "%w", err).WithHint("see salvor %s--help", commandOf(root, args))
	}
	a.report(err)
	return status(err)
}

// commandOf names the command that the arguments begin with, followed by a space.
func commandOf(root *cobra.Command, args []string) string {
	cmd, _, err := root.Find(args)
	if err != nil || cmd == root {
		return ""
	}
	return strings.TrimPrefix(cmd.CommandPath(), "salvor ") + " "
}

// report prints the error that ended the command: one line, but one for each mistake in documents.
func (a *app) report(err error) {
	if ps, ok := errors.AsType[salvor.Problems](err); ok {
		fmt.Fprintln(a.sys.Stderr, ps)
		a.warn("%s; nothing was changed", count(len(ps), "mistake"))
		return
	}
	a.warn("%s", strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "; "))
}

// warn prints one line to standard error.
func (a *app) warn(format string, args ...any) {
	fmt.Fprintf(a.sys.Stderr, "salvor: "+format+"\n", args...)
}
