package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/schema"
)

func (a *app) schema() *cobra.Command {
	var install bool
	cmd := &cobra.Command{
		Use:   "schema [KIND]",
		Short: "Print the JSON Schema of all kinds or of one, for editors",
		Long: `Prints the JSON Schema (draft 2020-12) of all of Salvor's kinds, or of one kind. It needs no home and no cluster.

With it, an editor completes fields, shows what they mean, and marks what Salvor would refuse. Editors that use
yaml-language-server, such as VS Code, take it from the first line of a file:

  # yaml-language-server: $schema=salvor.schema.json

--install writes it into Salvor's home and prints that line.`,
		Example:           "  salvor schema >salvor.schema.json\n  salvor schema --install\n  salvor schema rule",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: completeKinds,
	}
	cmd.Flags().BoolVar(&install, "install", false, "write it to schema/ in Salvor's home, and print the line for an editor")
	cmd.RunE = a.do(func(_ *cobra.Command, args []string) error {
		data, name := schema.JSON(), "salvor.io_v1"
		if len(args) > 0 {
			var err error
			if data, err = schema.Kind(args[0]); err != nil {
				return err
			}
			kind, _ := salvor.ParseKind(args[0])
			name += "_" + strings.ToLower(kind)
		}
		if install {
			return a.installSchema(name+".json", data)
		}
		_, err := a.sys.Stdout.Write(data)
		return err
	})
	return cmd
}

// installSchema writes a file that only this command writes, beside the catalog and without opening that.
func (a *app) installSchema(name string, data []byte) error {
	home, err := a.dir()
	if err != nil {
		return err
	}
	dir, err := filepath.Abs(filepath.Join(home, "schema"))
	if err != nil {
		return fmt.Errorf("installing the schema: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("installing the schema: %w", err)
	}
	path := filepath.Join(dir, name)
	// An editor that reads meanwhile gets the old one or the new one.
	temporary := path + ".new"
	if err := os.WriteFile(temporary, data, 0o600); err != nil {
		return fmt.Errorf("installing the schema: %w", err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return fmt.Errorf("installing the schema: %w", err)
	}
	_, err = fmt.Fprintf(a.sys.Stdout, "# yaml-language-server: $schema=%s\n", path)
	return err
}

// completeKinds completes one argument with the kinds there are.
func completeKinds(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, kind := range salvor.Kinds() {
		names = append(names, strings.ToLower(kind))
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
