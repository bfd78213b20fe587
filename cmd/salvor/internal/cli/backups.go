package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"salvor.io/salvor/cmd/salvor/internal/home"
	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/lookup"
	"salvor.io/salvor/shared/salvor"
)

func (a *app) backups() *cobra.Command {
	var f searchFlags
	var every, calendar bool
	cmd := &cobra.Command{
		Use:   "backups",
		Short: "Find backups, newest first: by date, cluster, namespace, schedule, phase, label, name",
		Long: `Find backups, newest first. All conditions must hold.

A backup's date is the moment of its cut. Dates are written as people write them (2026-11-20, '2026-11-20 18:00',
yesterday, 3d, RFC 3339) and meant in --zone; a date alone is that whole day there.

With --calendar it counts them, by the days of --zone: of this month, or of the dates that are asked for. With --contains
it opens each backup that the other conditions find, and prints those that hold the object.`,
		Example: "  salvor backups --on yesterday -n shop\n  salvor backups --last 7d --phase PartiallyFailed\n" +
			"  salvor backups --between 2026-11-01..2026-11-15 -l app=shop -o json\n" +
			"  salvor backups --calendar --cluster prod\n  salvor backups -n shop --last 30d --contains deployments/web",
		Args: func(cmd *cobra.Command, args []string) error { // --between A B
			if len(args) == 1 && f.between != "" && !strings.Contains(f.between, "..") {
				f.between += ".." + args[0]
				return nil
			}
			return cobra.NoArgs(cmd, args)
		},
	}
	f.add(a, cmd)
	out := addOutput(cmd)
	cmd.Flags().BoolVar(&every, "all", false, "print all that is found, not only one page")
	cmd.Flags().BoolVar(&calendar, "calendar", false, "count the backups of each day instead")
	for _, other := range []string{"all", "limit", "cursor", "sort", "contains"} {
		cmd.MarkFlagsMutuallyExclusive("calendar", other)
	}
	cmd.RunE = a.do(func(cmd *cobra.Command, _ []string) error {
		if err := f.filled(cmd); err != nil {
			return err
		}
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
		if calendar {
			return a.calendar(cmd.Context(), h, q, zone, *out)
		}
		if every {
			q.Limit = catalog.MaxLimit
		}
		search, err := searchOf(h, f.contains)
		if err != nil {
			return err
		}
		found, next, err := collect(cmd.Context(), search, q, every)
		if err != nil {
			return err
		}
		sortFound(found, f.sort)
		return a.printFound(found, next, q, f.contains, *out)
	})
	return cmd
}

type searcher func(context.Context, catalog.Query) (catalog.Page, error)

// searchOf is a search of the catalog; with an object, one for backups that contain it.
func searchOf(h *home.Home, contains string) (searcher, error) {
	if contains == "" {
		return h.Catalog.Search, nil
	}
	o, err := lookup.ParseObject(contains)
	if err != nil {
		return nil, fmt.Errorf("--contains: %w", err)
	}
	if h.Remote != nil {
		return func(ctx context.Context, q catalog.Query) (catalog.Page, error) {
			return h.Remote.Containing(ctx, q, contains)
		}, nil
	}
	f := lookup.Finder{Catalog: h.Catalog, Open: h.Repository}
	return func(ctx context.Context, q catalog.Query) (catalog.Page, error) { return f.Search(ctx, q, o) }, nil
}

// collect returns one page, or all of them. A page in which nothing contains the object that is looked for is none.
func collect(ctx context.Context, search searcher, q catalog.Query, every bool) (found []salvor.Object, next string, err error) {
	for {
		page, err := search(ctx, q)
		if err != nil {
			return nil, "", err
		}
		for _, b := range page.Backups {
			found = append(found, b)
		}
		if q.Cursor = page.Next; page.Next == "" || !every && len(found) > 0 {
			return found, page.Next, nil
		}
	}
}

func (a *app) printFound(found []salvor.Object, next string, q catalog.Query, contains string, out output) error {
	if out == outJSON {
		return a.json(list[salvor.Object]{Items: append([]salvor.Object{}, found...), Next: next})
	}
	if err := a.print(out, found, false); err != nil {
		return err
	}
	if !out.table() && next == "" { // what is printed is all; otherwise whoever reads names has to know
		return nil
	}
	if len(found) == 0 {
		fmt.Fprintln(a.sys.Stderr, "no backups"+a.asked(q)+widen(q, contains))
		return nil
	}
	line := count(len(found), "backup") + a.asked(q)
	if next != "" {
		line += "; there are more: pass --all, a larger --limit, or the same search with " + since(q) + "--cursor " + next
	}
	fmt.Fprintln(a.sys.Stderr, line)
	return nil
}

// since names the first date of a search without a last one: --last means another each time.
func since(q catalog.Query) string {
	if q.From.IsZero() || !q.To.IsZero() {
		return ""
	}
	return "--from " + q.From.UTC().Format(time.RFC3339Nano) + " "
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
func widen(q catalog.Query, contains string) string {
	var flags []string
	for flag, set := range map[string]bool{
		"the dates": !q.From.IsZero() || !q.To.IsZero(), "--cluster": q.ClusterID != "", "--namespace": q.Namespace != "", "--schedule": q.Schedule != "",
		"--phase": len(q.Phases) > 0, "--selector": q.Labels != "", "--app": q.App != "", "--name": q.Name != "",
		"--contains, whose kind is such as deployments or Deployment": contains != "",
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
