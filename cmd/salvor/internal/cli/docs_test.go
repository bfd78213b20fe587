package cli

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

var update = flag.Bool("update", false, "write docs/cli.md")

// docs is the page that shows every command; it is made from the commands, so that it can't lag behind.
const docs = "../../../../docs/cli.md"

func TestTheDocsShowEveryCommand(t *testing.T) {
	a := &app{}
	root := a.root()
	root.InitDefaultCompletionCmd()
	var b strings.Builder
	b.WriteString(`# The command line

<!-- Made from the commands by: go test ./cmd/salvor/internal/cli -update -->

`)
	writeCommand(&b, root, "##")
	got := b.String()
	if *update {
		if err := os.WriteFile(docs, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("docs/cli.md is not what the commands say; write it anew with -update. -docs +commands\n%s", diff)
	}
}

// writeCommand writes a command and those below it.
func writeCommand(b *strings.Builder, cmd *cobra.Command, level string) {
	fmt.Fprintf(b, "%s %s\n\n", level, cmd.CommandPath())
	text := cmd.Long
	if text == "" || cmd.Name() == "completion" {
		text = cmd.Short + "."
	}
	// Indented lines are code in Markdown, as they should be.
	indented := false
	for line := range strings.Lines(strings.TrimSpace(text) + "\n") {
		if code := strings.HasPrefix(line, "  "); code != indented {
			indented = code
			b.WriteString("```\n")
		}
		b.WriteString(line)
	}
	if indented {
		b.WriteString("```\n")
	}
	if cmd.Runnable() && !cmd.HasSubCommands() {
		fmt.Fprintf(b, "\n```\n%s\n```\n", cmd.UseLine())
	}
	if cmd.Example != "" {
		fmt.Fprintf(b, "\nFor example:\n```\n%s\n```\n", unindent(cmd.Example))
	}
	flags := cmd.LocalFlags()
	flags.SortFlags = true
	if usage := flags.FlagUsages(); usage != "" && cmd.Name() != "completion" {
		fmt.Fprintf(b, "\nFlags:\n```\n%s```\n", usage)
	}
	b.WriteString("\n")
	if cmd.Name() == "completion" {
		return // the shells differ in nothing but their name
	}
	for _, child := range cmd.Commands() {
		if child.IsAvailableCommand() {
			writeCommand(b, child, level[:2]+strings.Repeat("#", strings.Count(child.CommandPath(), " ")-1))
		}
	}
}

func unindent(s string) string {
	return strings.TrimPrefix(strings.ReplaceAll(s, "\n  ", "\n"), "  ")
}
