package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"salvor.io/salvor/cmd/salvor/internal/home"
	"salvor.io/salvor/shared/cluster/access"
	"salvor.io/salvor/shared/salvor"
)

// accessTime bounds the check of every right.
const accessTime = time.Minute

func (a *app) clusterCheck() *cobra.Command {
	var o access.Options
	level, out := string(access.Backup), output(outTable)
	cmd := &cobra.Command{
		Use:   "check NAME",
		Short: "See whether a cluster can be reached, and everything be done in it that Salvor needs",
		Long: `See whether a cluster can be reached, and everything be done in it that Salvor needs: a line for each step and each right,
with what to do where one is missing. Nothing is changed.`,
		Example:           "  salvor cluster check prod\n  salvor cluster check prod --level restore -o json",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeOne(salvor.KindCluster),
		RunE: a.do(func(cmd *cobra.Command, args []string) (err error) {
			if o.Level, err = access.ParseLevel(level); err != nil {
				return err
			}
			if out != outTable && out != outJSON {
				return salvor.Errorf(salvor.Invalid, "a check is printed as %s or %s", outTable, outJSON)
			}
			h, err := a.home()
			if err != nil {
				return err
			}
			c, err := h.Catalog.Get(cmd.Context(), salvor.KindCluster, args[0])
			if err != nil {
				return err
			}
			return a.checkAccess(cmd.Context(), h, c.(*salvor.Cluster), o, out)
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&level, "level", level, "what it is for: backup; restore, which includes backup; or settle, to look after snapshots and no more")
	flags.StringVarP(&o.Namespace, "namespace", "n", "", "ask for the rights in this namespace alone")
	flags.BoolVar(&o.NoRules, "no-rules", false, "don't ask for the right to run commands in pods")
	flags.BoolVar(&o.NoVolumes, "no-volumes", false, "don't ask for the rights to snapshot volumes")
	flags.VarP(&out, "output", "o", "how to print: table, json")
	return cmd
}

// accessReport is a check as JSON.
type accessReport struct {
	Cluster  string           `json:"cluster"`
	Level    access.Level     `json:"level"`
	OK       bool             `json:"ok"`
	Findings []access.Finding `json:"findings"`
}

// checkAccess checks and prints. What is missing makes an error of it, which says how much.
func (a *app) checkAccess(ctx context.Context, h *home.Home, c *salvor.Cluster, o access.Options, out output) error {
	checkCtx, cancel := context.WithTimeout(ctx, accessTime)
	defer cancel()
	findings, err := h.CheckAccess(checkCtx, c, o)
	if err != nil && ctx.Err() != nil {
		return err
	}
	bad := 0
	for _, f := range findings {
		if !f.OK {
			bad++
		}
	}
	if out == outJSON {
		err = a.json(accessReport{c.Name, o.Level, bad == 0, findings})
	} else {
		err = a.printFindings(findings)
	}
	if err != nil {
		return err
	}
	if bad > 0 {
		return &partialError{fmt.Sprintf("cluster %s is not ready for %s: %s", c.Name, o.Level, count(bad, "finding")+"; salvor cluster check "+c.Name+" asks again")}
	}
	return a.seen(ctx, h, c)
}

// seen writes down what the cluster is, now that it has answered.
func (a *app) seen(ctx context.Context, h *home.Home, c *salvor.Cluster) error {
	if err := h.CheckCluster(ctx, c); err != nil {
		return err
	}
	_, err := a.store(ctx, h, c)
	return err
}

func (a *app) printFindings(findings []access.Finding) error {
	colours := a.sys.colours(a.sys.Stdout)
	width := len(slices.MaxFunc(findings, func(x, y access.Finding) int { return len(x.Check) - len(y.Check) }).Check)
	var b strings.Builder
	for i, f := range findings {
		mark, code := "✓", green
		if !f.OK {
			mark, code = "✗", red
		}
		if colours {
			mark = colour(code, mark)
		}
		line := fmt.Sprintf("%s %-*s  %s", mark, width, f.Check, f.Detail)
		b.WriteString(strings.TrimRight(line, " ") + "\n")
		last := i == len(findings)-1 || findings[i+1].Remedy != f.Remedy
		if f.Remedy != "" && last { // several in a row often have one remedy
			b.WriteString("    " + f.Remedy + "\n")
		}
	}
	_, err := fmt.Fprint(a.sys.Stdout, b.String())
	return err
}
