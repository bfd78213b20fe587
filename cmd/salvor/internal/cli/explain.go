package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/schema"
)

// explainOutputs are the ways to print an explanation.
var explainOutputs = []string{"text", outJSON}

func (a *app) explainFields() *cobra.Command {
	var recursive bool
	var out string
	cmd := &cobra.Command{
		Use:   "explain KIND[.FIELD...]",
		Short: "Explain a kind, or a field of one: its type, default, choices and the fields below it",
		Long: `Explains a kind, or a field of one by its path: what it means, its type, whether it is required, what holds when it is
left out, the values there are, and the fields below it. It needs no home and no cluster.

A path may be written as messages of Salvor write it, with [0] behind a list.`,
		Example:           "  salvor explain backup.spec.scope\n  salvor explain rule --recursive\n  salvor explain 'rule.spec.subRules[0].actions' -o json",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completePaths,
	}
	cmd.Flags().BoolVar(&recursive, "recursive", false, "show the names of all fields below")
	cmd.Flags().StringVarP(&out, "output", "o", explainOutputs[0], "how to print: "+strings.Join(explainOutputs, ", "))
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(explainOutputs, cobra.ShellCompDirectiveNoFileComp))
	cmd.RunE = a.do(func(_ *cobra.Command, args []string) error {
		if !slices.Contains(explainOutputs, out) {
			return salvor.Errorf(salvor.Invalid, "--output %q: choose of %s", out, strings.Join(explainOutputs, ", "))
		}
		f, err := schema.Explain(args[0], recursive)
		if err != nil {
			return err
		}
		if out == outJSON {
			return a.json(f)
		}
		_, err = fmt.Fprint(a.sys.Stdout, explanation(f, recursive))
		return err
	})
	return cmd
}

// completePaths completes a path field by field.
func completePaths(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	const stay = cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	dot := strings.LastIndex(prefix, ".")
	if len(args) > 0 || dot < 0 {
		kinds, _ := completeKinds(cmd, args, prefix)
		return kinds, stay
	}
	f, err := schema.Explain(prefix[:dot], false)
	if err != nil {
		return nil, stay
	}
	var paths []string
	for _, below := range f.Fields {
		if path := prefix[:dot+1] + below.Name; strings.HasPrefix(path, prefix) {
			sentence, _, _ := strings.Cut(below.Description, "\n")
			paths = append(paths, path+"\t"+sentence)
		}
	}
	return paths, stay
}

// explanation is the page that explains a field.
func explanation(f *schema.Field, recursive bool) string {
	var b strings.Builder
	kind, _, below := strings.Cut(f.Path, ".")
	kind, _ = salvor.ParseKind(kind)
	fmt.Fprintf(&b, "KIND:     %s\nVERSION:  %s\n", kind, salvor.APIVersion)
	if below {
		fmt.Fprintf(&b, "FIELD:    %s <%s>%s\n", f.Name, f.Type, required(f))
	}
	section := func(title, text string) {
		if text != "" {
			fmt.Fprintf(&b, "\n%s:\n%s", title, wrapped(text, "    "))
		}
	}
	section("DESCRIPTION", f.Description)
	if f.Default != nil {
		section("DEFAULT", fmt.Sprint(f.Default))
	}
	var choices strings.Builder
	for _, c := range f.Enum {
		choices.WriteString(strings.TrimRight(c.Value+": "+c.Description, ": ") + "\n")
	}
	section("ENUM", choices.String())
	section("VALUE", f.Const)
	section("FORMAT", f.Format)
	section("RANGE", numbers(f))
	section("EXAMPLES", strings.Join(f.Examples, ", "))
	section("EXACTLY ONE OF", strings.Join(f.OneOf, ", "))
	if len(f.Fields) > 0 {
		b.WriteString("\nFIELDS:\n")
		writeFields(&b, f.Fields, "  ", recursive)
	}
	return b.String()
}

// writeFields lists fields: with what they mean, or only by name, with all below them.
func writeFields(b *strings.Builder, fields []schema.Field, indent string, recursive bool) {
	for _, f := range fields {
		fmt.Fprintf(b, "%s%s <%s>%s\n", indent, f.Name, f.Type, required(&f))
		if recursive {
			writeFields(b, f.Fields, indent+"  ", true)
			continue
		}
		var values []string
		for _, c := range f.Enum {
			values = append(values, c.Value)
		}
		if f.Default != nil {
			fmt.Fprintf(b, "%s  default: %v\n", indent, f.Default)
		}
		if len(values) > 0 {
			fmt.Fprintf(b, "%s  enum: %s\n", indent, strings.Join(values, ", "))
		}
		sentence, _, _ := strings.Cut(f.Description, "\n")
		b.WriteString(wrapped(sentence, indent+"  ") + "\n")
	}
}

// numbers are the numbers there may be.
func numbers(f *schema.Field) string {
	switch {
	case f.Minimum != "" && f.Maximum != "":
		return f.Minimum + " to " + f.Maximum
	case f.Minimum != "":
		return "at least " + f.Minimum
	case f.Maximum != "":
		return "at most " + f.Maximum
	}
	return ""
}

func required(f *schema.Field) string {
	if f.Required {
		return " -required-"
	}
	return ""
}

// lineWidth is that of a terminal in its smallest common size.
const lineWidth = 80

// wrapped breaks lines between words, and indents them.
func wrapped(text, indent string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		at := 0
		for _, word := range strings.Fields(line) {
			switch n := len([]rune(word)); {
			case at == 0:
				b.WriteString(indent + word)
				at = len(indent) + n
			case at+1+n > lineWidth:
				b.WriteString("\n" + indent + word)
				at = len(indent) + n
			default:
				b.WriteString(" " + word)
				at += 1 + n
			}
		}
		if at > 0 {
			b.WriteString("\n")
		}
	}
	return b.String()
}
