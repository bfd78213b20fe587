package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"salvor.io/salvor/cmd/salvor/internal/home"
	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

func (a *app) backups() *cobra.Command {
	var f searchFlags
	var every bool
	cmd := &cobra.Command{
		Use:   "backups",
		Short: "Find backups, newest first: by date, cluster, namespace, schedule, phase, label, name",
		Long: `Find backups, newest first. All conditions must hold.

A backup's date is the moment of its cut. Dates are written as people write them (2026-11-20, '2026-11-20 18:00',
yesterday, 3d, RFC 3339) and meant in --zone; a date alone is that whole day there.`,
		Example: "  salvor backups --on yesterday -n shop\n  salvor backups --last 7d --phase PartiallyFailed\n" +
			"  salvor backups --between 2026-11-01..2026-11-15 -l app=shop -o json",
		Args: cobra.NoArgs,
	}
	f.add(a, cmd)
	out := addOutput(cmd)
	cmd.Flags().BoolVar(&every, "all", false, "print all that is found, not only one page")
	cmd.RunE = a.do(func(cmd *cobra.Command, _ []string) error {
		h, err := a.home()
		if err != nil {
			return err
		}
		zone, err := a.zone(f.zone)
		if err != nil {
			return err
		}
		q, err := f.query(cmd.Context(), h, a.sys.Now(), zone)
		if err != nil {
			return err
		}
		a.sys.Zone = zone // what is found is printed in the zone that was asked for
		if every {
			q.Limit = catalog.MaxLimit
		}
		found, next, err := a.search(cmd.Context(), h, q, every)
		if err != nil {
			return err
		}
		return a.printFound(found, next, q, *out)
	})
	return cmd
}

// search returns one page, or all of them.
func (a *app) search(ctx context.Context, h *home.Home, q catalog.Query, every bool) (found []salvor.Object, next string, err error) {
	for {
		page, err := h.Catalog.Search(ctx, q)
		if err != nil {
			return nil, "", err
		}
		for _, b := range page.Backups {
			found = append(found, b)
		}
		if q.Cursor = page.Next; !every || page.Next == "" {
			return found, page.Next, nil
		}
	}
}

func (a *app) printFound(found []salvor.Object, next string, q catalog.Query, out output) error {
	if out == outJSON {
		return a.json(list[salvor.Object]{Items: append([]salvor.Object{}, found...), Next: next})
	}
	if err := a.print(out, found, false); err != nil {
		return err
	}
	if !out.table() {
		return nil
	}
	if len(found) == 0 {
		fmt.Fprintln(a.sys.Stderr, "no backups"+a.asked(q)+widen(q))
		return nil
	}
	line := count(len(found), "backup") + a.asked(q)
	if next != "" {
		line += "; there are more: pass --all, a larger --limit, or the same search with --cursor " + next
	}
	fmt.Fprintln(a.sys.Stderr, line)
	return nil
}

// asked says which span was searched.
func (a *app) asked(q catalog.Query) string {
	switch {
	case !q.From.IsZero() && !q.To.IsZero():
		return fmt.Sprintf(" from %s until %s", a.time(q.From), a.time(q.To))
	case !q.From.IsZero():
		return " from " + a.time(q.From) + " on"
	case !q.To.IsZero():
		return " before " + a.time(q.To)
	}
	return ""
}

// widen says which conditions to leave out to find more.
func widen(q catalog.Query) string {
	var flags []string
	for flag, set := range map[string]bool{
		"the dates": !q.From.IsZero() || !q.To.IsZero(), "--cluster": q.ClusterID != "", "--namespace": q.Namespace != "", "--schedule": q.Schedule != "",
		"--phase": len(q.Phases) > 0, "--selector": q.Labels != "", "--name": q.Name != "",
	} {
		if set {
			flags = append(flags, flag)
		}
	}
	if len(flags) == 0 {
		return "; salvor backup create makes the first"
	}
	slices.Sort(flags)
	return "; widen or leave out " + strings.Join(flags, ", ")
}
