package cli

import (
	"github.com/spf13/cobra"
)

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "salvor",
		Short: "Back up applications on Kubernetes, find backups by date, restore them",
		Long: `Salvor backs up applications on Kubernetes, finds backups by date, and restores them.

Name a cluster and a location once, then back up, search and restore:

  salvor cluster add prod
  salvor location add disk --dir /var/backups/salvor
  salvor backup create --namespaces 'shop-*'
  salvor backups --on yesterday
  salvor restore --as-of '2026-11-20 18:00' --namespaces 'shop-*'

What Salvor knows is in one directory: $SALVOR_HOME, else $XDG_DATA_HOME/salvor, else ~/.local/share/salvor;
or behind an API: that of a stack on AWS, or of salvor serve. With --api the service does the work, and this program waits for it.

Exit codes:
` + exitHelp(),
		Args:              cobra.NoArgs,
		RunE:              a.do(func(cmd *cobra.Command, _ []string) error { return cmd.Help() }),
		PersistentPreRunE: a.setUp,
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,
	}
	flags := root.PersistentFlags()
	flags.StringVar(&a.homeDir, "home", "", "directory of the catalog (default $SALVOR_HOME, $XDG_DATA_HOME/salvor, ~/.local/share/salvor)")
	flags.StringVar(&a.api, "api", "", "URL of an API that keeps the catalog and does the work, or unix:PATH of its socket; requests are signed with your AWS credentials, or bear $SALVOR_TOKEN (default $SALVOR_API; none: this machine)")
	flags.StringVar(&a.logLevel, "log-level", "", "what to log: debug, info, warn or error")
	flags.BoolVarP(&a.verbose, "verbose", "v", false, "log more, as --log-level info")
	root.MarkFlagsMutuallyExclusive("api", "home")
	root.AddGroup(
		&cobra.Group{ID: "work", Title: "Back up and restore:"},
		&cobra.Group{ID: "objects", Title: "Clusters, locations, rules, schedules:"},
	)
	root.AddCommand(
		grouped("work", a.scope(), a.backup(), a.backups(), a.restore(), a.volumes(), a.verify(), a.cancel(), a.hold(), a.release(), a.retention())...,
	)
	root.AddCommand(
		grouped("objects", a.apply(), a.get(), a.describe(), a.delete(), a.rule(), a.schedule(), a.cluster(), a.location(), a.explainFields(), a.schema())...,
	)
	root.AddCommand(a.serve(), a.version())
	return root
}

// completionRefuses lets cobra's completion command refuse a shell that it doesn't know instead of printing its help. The
// command remembers where the root prints, so that is set before.
func (a *app) completionRefuses(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() == "completion" {
			cmd.RunE = a.do(func(cmd *cobra.Command, _ []string) error { return cmd.Help() })
		}
	}
}

func grouped(id string, commands ...*cobra.Command) []*cobra.Command {
	for _, c := range commands {
		c.GroupID = id
	}
	return commands
}

// parent makes a command that only holds others.
func (a *app) parent(use, short string, children ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs,
		RunE: a.do(func(cmd *cobra.Command, _ []string) error { return cmd.Help() })}
	cmd.AddCommand(children...)
	return cmd
}
