package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"salvor.io/salvor/cmd/salvor/internal/home"
	"salvor.io/salvor/shared/salvor"
)

func (a *app) locationSync() *cobra.Command {
	var f locationFlags
	out := output(outTable)
	cmd := &cobra.Command{
		Use:   "sync NAME",
		Short: "Bring the catalog up to date with what a location holds, or make it anew",
		Long: `Bring the catalog up to date with what a location holds: import every backup that the catalog lacks, with what became
known of it later, and the rules, policies and schedules that were exported; mark backups whose manifest is gone as
Failed. Where nothing is missing nothing is changed.

A catalog that was lost, or a new one that shall read an old location, is complete again after this command, but for the
clusters: add those that you want to restore into. With --dir or --s3-bucket the location is named first.

What another catalog owns is read-only for this one. Schedules that come from another catalog are imported suspended.`,
		Example:           "  salvor location sync disk\n  salvor location sync old --s3-bucket my-backups --s3-prefix prod",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeOne(salvor.KindBackupLocation),
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&a.force, "force", false, forceHelp)
	cmd.Flags().VarP(&out, "output", "o", "how to print: table, json")
	cmd.RunE = a.do(func(cmd *cobra.Command, args []string) error {
		if out != outTable && out != outJSON {
			return salvor.Errorf(salvor.Invalid, "a sync is printed as %s or %s", outTable, outJSON)
		}
		h, err := a.home()
		if err != nil {
			return err
		}
		if f.given() {
			if err := a.nameLocation(cmd.Context(), h, &f, args[0]); err != nil {
				return err
			}
		}
		report, err := a.sync(cmd.Context(), h, args[0])
		if report == nil {
			return err
		}
		if out == outJSON {
			if err := a.json(report); err != nil {
				return err
			}
		} else {
			a.printSync(args[0], report)
		}
		return err
	})
	return cmd
}

// nameLocation names the place that the flags tell, unless it is named so already.
func (a *app) nameLocation(ctx context.Context, h *home.Home, f *locationFlags, name string) error {
	l, err := f.location(name)
	if err != nil {
		return err
	}
	l.Default()
	if err := salvor.Check(l); err != nil {
		return err
	}
	if h.Remote == nil {
		if err := h.CheckLocation(ctx, l, false); err != nil {
			return err
		}
	}
	_, err = a.store(ctx, h, l)
	return err
}

// sync runs the sync here, or lets the service behind --api run it.
func (a *app) sync(ctx context.Context, h *home.Home, name string) (*salvor.LocationSync, error) {
	if h.Remote == nil {
		return h.Sync.Sync(ctx, name)
	}
	report, err := h.Remote.SyncLocation(ctx, name)
	if err == nil && report.Message != "" {
		err = salvor.Errorf(salvor.Internal, "%s", report.Message)
	}
	return report, err
}

func (a *app) printSync(name string, r *salvor.LocationSync) {
	fmt.Fprintf(a.sys.Stdout, "backuplocation/%s holds %s\n", name, count(r.Manifests, "backup"))
	for _, line := range []struct {
		n    int
		text string
	}{
		{r.Imported, "imported"}, {r.Updated, "brought up to date"}, {r.Gone, "without manifest, Failed from now on"}, {r.Back, "whose manifest is back"},
		{r.Unreadable, "unreadable"}, {r.SettingsImported, "rules, policies and schedules imported"}, {r.SettingsExported, "rules, policies and schedules exported"},
	} {
		if line.n > 0 {
			fmt.Fprintf(a.sys.Stdout, "  %d %s\n", line.n, line.text)
		}
	}
	if len(r.Foreign) > 0 {
		fmt.Fprintf(a.sys.Stdout, "  read-only, for another catalog backs them up: %s\n", strings.Join(r.Foreign, ", "))
	}
	if r.Imported+r.Updated+r.Gone+r.Back+r.Unreadable+r.SettingsImported+r.SettingsExported == 0 {
		fmt.Fprintln(a.sys.Stdout, "  nothing to do")
	}
}
