package cli

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"salvor.io/salvor/shared/archive"
)

func (a *app) version() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version of Salvor and of the stored format",
		Args:  cobra.NoArgs,
		RunE: a.do(func(*cobra.Command, []string) error {
			v := struct {
				Version       string `json:"version"`
				Go            string `json:"go"`
				Platform      string `json:"platform"`
				FormatVersion int    `json:"formatVersion"`
			}{a.sys.Version, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH, archive.FormatVersion}
			if asJSON {
				return a.json(v)
			}
			_, err := fmt.Fprintf(a.sys.Stdout, "salvor %s (%s, %s, stored format %d)\n", v.Version, v.Go, v.Platform, v.FormatVersion)
			return err
		}),
	}
	addJSONOutput(cmd, &asJSON)
	return cmd
}
