// Package cli is the command lines of localkube, s3 and dynamodb.
//
// A tool has verbs; every verb has flags. What a program reads goes to standard
// output, as JSON; what a person reads meanwhile goes to standard error.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"sort"
	"strings"
	"time"

	"salvor.io/salvor/tools/internal/home"
	"salvor.io/salvor/tools/internal/instance"
)

// ErrUsage says that the command line is wrong.
var ErrUsage = errors.New("wrong usage")

// IO is where a command writes, and its clock.
type IO struct {
	Out, Err io.Writer
	Now      func() time.Time
}

// call is one command being carried out.
type call struct {
	io   IO
	home home.Home
	kind instance.Kind
}

// verb is one command of a tool: what it does in a line, and how.
type verb struct {
	help string
	run  func(c *call, ctx context.Context, flags *flag.FlagSet, args []string) error
}

var tools = map[string]map[string]verb{
	"localkube": localkubeVerbs,
	"s3":        s3Verbs,
	"dynamodb":  dynamodbVerbs,
}

// Run carries out one command line of a tool.
func Run(ctx context.Context, tool string, args []string, io IO) error {
	verbs, ok := tools[tool]
	if !ok {
		return fmt.Errorf("%w: called as %q; call it as %s", ErrUsage, tool, names(tools))
	}
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		help(io.Err, tool, verbs)
		return nil
	}
	v, ok := verbs[args[0]]
	if !ok {
		return fmt.Errorf("%w: %s has no %q, only %s", ErrUsage, tool, args[0], names(verbs))
	}
	h, err := home.FromEnv()
	if err != nil {
		return err
	}
	c := &call{io: io, home: h, kind: instance.Kind(tool)}
	flags := flag.NewFlagSet(tool+" "+args[0], flag.ContinueOnError)
	flags.SetOutput(io.Err)
	return v.run(c, ctx, flags, args[1:])
}

func help(w io.Writer, tool string, verbs map[string]verb) {
	fmt.Fprintf(w, "usage: %s VERB [flags]; %s VERB -h shows the flags\n", tool, tool)
	for _, name := range sorted(verbs) {
		fmt.Fprintf(w, "  %-8s %s\n", name, verbs[name].help)
	}
}

func names[V any](m map[string]V) string { return strings.Join(sorted(m), ", ") }

func sorted[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// parse reads the flags. On -h the help has been shown and done is true.
func parse(flags *flag.FlagSet, args []string) (done bool, err error) {
	err = flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return true, nil
	}
	if err != nil {
		return true, fmt.Errorf("%w: %w", ErrUsage, err)
	}
	return false, nil
}

// parseAll is parse for a verb without arguments of its own.
func parseAll(flags *flag.FlagSet, args []string) (done bool, err error) {
	if done, err = parse(flags, args); done {
		return done, err
	}
	if flags.NArg() > 0 {
		return true, fmt.Errorf("%w: unexpected argument %q", ErrUsage, flags.Arg(0))
	}
	return false, nil
}

func (c *call) print(v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encoding the answer: %w", err)
	}
	_, err = fmt.Fprintf(c.io.Out, "%s\n", raw)
	return err
}
