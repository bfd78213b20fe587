package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"salvor.io/salvor/shared/salvor"
)

// The values of --output.
const (
	outTable = "table"
	outWide  = "wide"
	outJSON  = "json"
	outYAML  = "yaml"
	outName  = "name"
)

var outputs = []string{outTable, outWide, outJSON, outYAML, outName}

// output is a flag that says how objects are printed.
type output string

// addOutput gives the command the flag --output.
func addOutput(cmd *cobra.Command) *output {
	o := output(outTable)
	o.add(cmd)
	return &o
}

func (o *output) add(cmd *cobra.Command) {
	cmd.Flags().VarP(o, "output", "o", "how to print: "+strings.Join(outputs, ", "))
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(outputs, cobra.ShellCompDirectiveNoFileComp))
}

// String, Set and Type make output a flag.
func (o *output) String() string { return string(*o) }

// Set refuses what is not a way to print.
func (o *output) Set(s string) error {
	if !slices.Contains(outputs, s) {
		return fmt.Errorf("choose of %s", strings.Join(outputs, ", "))
	}
	*o = output(s)
	return nil
}

// Type is shown in help.
func (o *output) Type() string { return "format" }

// table reports whether to print for people.
func (o output) table() bool { return o == outTable || o == outWide }

// withoutNames refuses to print names of what has none.
func (o output) withoutNames(hint string) error {
	if o != outName {
		return nil
	}
	return salvor.Errorf(salvor.Invalid, "--output: there are no names to print").WithHint("%s", hint)
}

// outcome prints what a command did to an object: the sentence for people, the object for programs.
func (a *app) outcome(out output, o salvor.Object, sentence string) error {
	if !out.table() {
		return a.print(out, []salvor.Object{o}, true)
	}
	_, err := fmt.Fprintln(a.sys.Stdout, sentence)
	return err
}

// list is what is printed of several objects as JSON.
type list[T any] struct {
	Items []T `json:"items"`
	// Next is the cursor of the next page, empty at the end.
	Next string `json:"next,omitempty"`
}

// print prints objects of one kind. one says that a single object was asked for by name.
func (a *app) print(o output, objects []salvor.Object, one bool) error {
	switch o {
	case outJSON:
		if one {
			return a.encode(objects[0], salvor.FormatJSON)
		}
		return a.json(list[salvor.Object]{Items: append([]salvor.Object{}, objects...)})
	case outYAML:
		for i, object := range objects {
			if i > 0 {
				fmt.Fprintln(a.sys.Stdout, "---")
			}
			if err := a.encode(object, salvor.FormatYAML); err != nil {
				return err
			}
		}
		return nil
	case outName:
		for _, object := range objects {
			if _, err := fmt.Fprintln(a.sys.Stdout, reference(object)); err != nil {
				return err
			}
		}
		return nil
	}
	return a.printTable(objects, o == outWide)
}

func (a *app) encode(o salvor.Object, f salvor.Format) error {
	data, err := salvor.Encode(o, f)
	if err != nil {
		return err
	}
	_, err = a.sys.Stdout.Write(data)
	return err
}

// json prints a value as indented JSON, with < and & as they are.
func (a *app) json(v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := a.sys.Stdout.Write(b.Bytes())
	return err
}

// reference names an object as commands take it: rule/freeze, backup/prod/nightly.
func reference(o salvor.Object) string {
	kind := strings.ToLower(o.GetKind())
	if b, ok := o.(*salvor.Backup); ok && b.Status.ClusterID != "" { // a document does not know it
		return kind + "/" + b.ID().String()
	}
	return kind + "/" + o.Meta().Name
}
