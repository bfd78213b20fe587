package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"salvor.io/salvor/cmd/salvor/internal/home"
	"salvor.io/salvor/shared/catalog"
	"salvor.io/salvor/shared/salvor"
)

// completeTime bounds how long a shell waits for names.
const completeTime = 2 * time.Second

type completion = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective)

// completeNames completes the names of a kind. It never makes a home.
func (a *app) completeNames(kind string) completion {
	return func(_ *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
		return a.names(kind, prefix), cobra.ShellCompDirectiveNoFileComp
	}
}

// completeOne completes the first argument only.
func (a *app) completeOne(kind string) completion {
	return func(_ *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return a.names(kind, prefix), cobra.ShellCompDirectiveNoFileComp
	}
}

// completeKindAndName completes KIND and then NAME.
func (a *app) completeKindAndName(_ *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		var kinds []string
		for _, k := range salvor.Kinds() {
			kinds = append(kinds, salvor.Plural(k))
		}
		return kinds, cobra.ShellCompDirectiveNoFileComp
	}
	kind, err := salvor.ParseKind(args[0])
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.names(kind, prefix), cobra.ShellCompDirectiveNoFileComp
}

func (a *app) names(kind, prefix string) []string {
	if dir, err := a.dir(); a.apiURL() == "" && (err != nil || !home.Exists(dir)) {
		return nil
	}
	h, err := a.home()
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), completeTime)
	defer cancel()
	var names []string
	if kind == salvor.KindBackup {
		return a.backupNames(ctx, h, prefix)
	}
	objects, err := all(ctx, h, kind)
	if err != nil {
		return nil
	}
	for _, o := range objects {
		if strings.HasPrefix(o.Meta().Name, prefix) {
			names = append(names, o.Meta().Name)
		}
	}
	return names
}

// backupNames completes NAME, and CLUSTER/NAME once the slash is there.
func (a *app) backupNames(ctx context.Context, h *home.Home, prefix string) (names []string) {
	q := catalog.Query{Limit: catalog.DefaultLimit}
	cluster, name, slash := strings.Cut(prefix, "/")
	if slash {
		var err error
		if q.ClusterID, err = clusterID(ctx, h, cluster); err != nil {
			return nil
		}
		cluster += "/"
	} else {
		cluster, name = "", prefix
	}
	q.Name = literal(name) + "*"
	page, err := h.Catalog.Search(ctx, q)
	if err != nil {
		return nil
	}
	for _, b := range page.Backups {
		names = append(names, cluster+b.Name+"\t"+string(b.Status.Phase)+" "+a.time(b.Date()))
	}
	return names
}

// completeFlag completes a flag with the names of a kind.
func (a *app) completeFlag(cmd *cobra.Command, flag, kind string) {
	_ = cmd.RegisterFlagCompletionFunc(flag, a.completeNames(kind))
}
