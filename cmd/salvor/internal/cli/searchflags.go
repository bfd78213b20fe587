package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"salvor.io/salvor/cmd/salvor/internal/home"
	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

// searchFlags are the conditions of a search.
type searchFlags struct {
	spanFlags
	cluster, namespace, schedule, selector, name, zone string
	app, sort, contains                                string
	phases                                             []string
	limit                                              int
	cursor                                             string
}

func (f *searchFlags) add(a *app, cmd *cobra.Command) {
	f.spanFlags.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.cluster, "cluster", "", "cluster, by name or id")
	flags.StringVarP(&f.namespace, "namespace", "n", "", "a namespace that the backup contains")
	flags.StringVar(&f.schedule, "schedule", "", "schedule that the backup came from")
	flags.StringSliceVar(&f.phases, "phase", nil, "phases, such as Completed,PartiallyFailed")
	flags.StringVarP(&f.selector, "selector", "l", "", "labels of the backup, such as app=shop,tier!=test")
	flags.StringVar(&f.app, "app", "", "labels that an application was chosen by, such as app=shop: of an app-level backup's label selector")
	flags.StringVar(&f.name, "name", "", "name or glob")
	flags.StringVar(&f.contains, "contains", "", "an object that the backup contains, such as deployments/web or deploy/web; needs --namespace and a first date")
	flags.StringVar(&f.sort, "sort", "-date", "order: "+strings.Join(orders, ", ")+"; - turns it around. But for the date, what is printed is sorted")
	flags.StringVar(&f.zone, "zone", "", "IANA zone that dates are meant and printed in (default the local one)")
	flags.IntVar(&f.limit, "limit", catalog.DefaultLimit, "most backups to print, up to 1000")
	flags.StringVar(&f.cursor, "cursor", "", "go on after the page before, which printed it")
	a.completeFlag(cmd, "cluster", salvor.KindCluster)
	a.completeFlag(cmd, "schedule", salvor.KindBackupSchedule)
	_ = cmd.RegisterFlagCompletionFunc("sort", cobra.FixedCompletions(orders, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("phase", cobra.FixedCompletions(phaseNames(), cobra.ShellCompDirectiveNoFileComp))
}

// filled refuses conditions that are given and empty, as by a variable of a script that is not set: none is not what was meant.
func (f *searchFlags) filled(cmd *cobra.Command) (err error) {
	cmd.Flags().Visit(func(flag *pflag.Flag) {
		if conditions[flag.Name] && flag.Value.String() == "" {
			err = salvor.Errorf(salvor.Invalid, "--%s is empty", flag.Name).WithHint("leave it out to find backups whatever it is")
		}
	})
	return err
}

// conditions are the flags that say which backups are meant.
var conditions = map[string]bool{"from": true, "to": true, "on": true, "between": true, "last": true, "as-of": true,
	"cluster": true, "namespace": true, "schedule": true, "name": true, "app": true, "contains": true}

func phaseNames() []string {
	var names []string
	for _, p := range salvor.Phases() {
		if p != salvor.PhaseRestoring {
			names = append(names, string(p))
		}
	}
	return names
}

// query makes the query that the flags describe.
func (f *searchFlags) query(ctx context.Context, h *home.Home, now time.Time, zone *time.Location) (q catalog.Query, err error) {
	q = catalog.Query{Namespace: f.namespace, Schedule: f.schedule, Name: f.name, Labels: f.selector, App: f.app,
		OldestFirst: f.sort == orderDate, Limit: f.limit, Cursor: f.cursor}
	if !slices.Contains(orders, strings.TrimPrefix(f.sort, "-")) {
		return q, salvor.Errorf(salvor.Invalid, "--sort: there is no order %q", f.sort).WithHint("choose of %s", strings.Join(orders, ", "))
	}
	if q.From, q.To, err = f.span(now, zone); err != nil {
		return q, err
	}
	if f.limit < 1 {
		return q, salvor.Errorf(salvor.Invalid, "--limit must be at least 1")
	}
	if strings.ContainsAny(f.namespace, "*?[{") {
		return q, salvor.Errorf(salvor.Invalid, "--namespace %q: a search takes one namespace by its full name", f.namespace).
			WithHint("salvor restore --as-of … --namespaces '%s' --dry-run finds sets of them", f.namespace)
	}
	if f.cluster != "" {
		if q.ClusterID, err = clusterID(ctx, h, f.cluster); err != nil {
			return q, err
		}
	}
	for _, name := range f.phases {
		i := slices.IndexFunc(salvor.Phases(), func(p salvor.Phase) bool { return strings.EqualFold(string(p), name) })
		if i < 0 {
			return q, salvor.Errorf(salvor.Invalid, "--phase: there is no phase %q", name).WithHint("choose of %s", strings.Join(phaseNames(), ", "))
		}
		q.Phases = append(q.Phases, salvor.Phases()[i])
	}
	return q, nil
}
