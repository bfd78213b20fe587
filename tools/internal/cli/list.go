package cli

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"text/tabwriter"

	"salvor.io/salvor/tools/internal/guard"
	"salvor.io/salvor/tools/internal/instance"
)

// listed is one line of `list`.
type listed struct {
	Name  string         `json:"name"`
	Phase instance.Phase `json:"phase"`
	Dir   string         `json:"dir"`
	// Result is what `up` printed.
	Result json.RawMessage `json:"result,omitempty"`
	Error  string          `json:"error,omitempty"`
}

// dead is the phase of an instance whose guard was killed. The next `up` or
// `down` of that name cleans up after it.
const dead instance.Phase = "dead"

func list(c *call, _ context.Context, flags *flag.FlagSet, args []string) error {
	output := flags.String("o", "table", "output: table or json")
	if done, err := parseAll(flags, args); done {
		return err
	}
	if err := guard.Sweep(Server, c.home.Run, c.kind); err != nil {
		return err
	}
	instances, err := instance.List(c.home.Run, c.kind)
	if err != nil {
		return err
	}
	lines := []listed{}
	for _, inst := range instances {
		s, ok, err := inst.Read()
		if err != nil {
			return err
		}
		if !ok {
			continue // went meanwhile
		}
		if s.Phase != instance.Failed && !inst.Held() {
			s.Phase = dead
		}
		lines = append(lines, listed{Name: s.Name, Phase: s.Phase, Dir: s.Dir, Result: s.Result, Error: s.Error})
	}
	if *output == "json" {
		return c.print(lines)
	}
	table := tabwriter.NewWriter(c.io.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tPHASE\tDIR")
	for _, l := range lines {
		fmt.Fprintf(table, "%s\t%s\t%s\n", l.Name, l.Phase, l.Dir)
	}
	return table.Flush()
}
